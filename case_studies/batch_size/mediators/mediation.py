"""Mediation through the papers' hypergraph, cell by cell: paths, analogues, shares, opposition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import (
    UNFITTED,
    Answer,
    Cell,
    ask,
    attempt,
    cut_cells,
    fit_cell,
    shapley_shares,
    share_worlds,
)
from case_studies.batch_size.mediators.decomposition import (
    decomposition_tables,
    decomposition_verdicts,
)
from case_studies.batch_size.mediators.dominance import dominance_tables, dominance_verdicts
from case_studies.batch_size.mediators.quantities import (
    Entry,
    from_seeds,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.runs import GRAPH, LARGE, ROLES, SHORT, SMALL, name_of
from causalhyper.arrays import Array
from causalhyper.queries.experiments.experiment import Builder, Experiment
from causalhyper.queries.mediation.worlds import mediation_worlds, world_key

COMPLEXITIES = ("weight_norm", "margin", "distance")
"""Columns that play C; the first is the study's."""
FIXED = ("equal_epochs", "equal_updates")
"""Protocols under which the other columns play C too."""
AROUND, THROUGH = "B -> N -> C -> G", "B -> N -> S -> C -> G"
"""The two directed paths of the papers' hypergraph."""


def mediation_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Everything that is asked of the mediators.

    Parameters
    ----------
    runs : DataFrame
        The study's runs, as `read_study` gives them.

    Returns
    -------
    dict of str to DataFrame
        mediation, mediation_pooled: effects of 16 against 512 by path and in the interventional
        sense, for every column that plays C (at fixed rates), and Shapley shares for the study's;
        opposing: whether the two paths oppose one another; unfitted: what could not be fitted,
        and why; and the tables of `dominance_tables` and `decomposition_tables`.
    """
    entries: list[Entry] = []
    unfitted: list[dict[str, str]] = []
    for cell in cut_cells(runs):
        fixed = cell.labels["design"] in FIXED
        for complexity in COMPLEXITIES if fixed else COMPLEXITIES[:1]:
            graph = f"{GRAPH}, C {complexity}"
            make = partial(_entries, cell, complexity)
            entries += attempt(make, cell, graph, unfitted)
    return {
        "mediation": tabulate(entries),
        "mediation_pooled": pool_cells(entries),
        "opposing": find_opposition(tabulate(entries)),
        **dominance_tables(runs, unfitted),
        **decomposition_tables(runs),
        "unfitted": pd.DataFrame(unfitted, columns=list(UNFITTED)),
    }


def _entries(cell: Cell, complexity: str) -> list[Entry]:
    model = fit_cell(cell, GRAPH, ROLES | {"C": complexity})
    study = complexity == COMPLEXITIES[0]
    answer = ask(model, mediator_worlds if study else path_worlds)
    labels = {**cell.labels, "complexity": complexity}
    effects = effects_by_path(answer)
    if study:
        effects |= {f"share of {v}": x for v, x in shapley_shares(answer).items()}
    found = {name: answer.quantity(x) for name, x in effects.items()}
    design = from_seeds(
        cell.by_seed("test_accuracy", SMALL) - cell.by_seed("test_accuracy", LARGE)
    )
    found |= {"design": design, "hypergraph less design": found["total"] - design}
    return [Entry({**labels, "quantity": name}, q) for name, q in found.items()]


def path_worlds(experiment: Experiment) -> dict[str, Builder]:
    """The worlds behind the effects of both paths, and behind sharpness drawn at random."""
    return mediation_worlds(experiment, ("S",))


def mediator_worlds(experiment: Experiment) -> dict[str, Builder]:
    """The same, and those behind the mediators' shares."""
    return {**path_worlds(experiment), **share_worlds(experiment)}


def effects_by_path(answer: Answer) -> dict[str, Array]:
    """Effects of 16 against 512 in every replicate, by name."""
    start, end = answer.means["natural"].T
    worlds = ("nested", "carried", "fixed", "moving")
    nested, carried, fixed, moving = (answer.means[world_key(w, ("S",))] for w in worlds)
    around, through = nested[:, 1] - start, carried[:, 1] - start
    direct, indirect = fixed[:, 1] - fixed[:, 0], moving[:, 1] - fixed[:, 1]
    return {
        "total": end - start,
        f"path {AROUND}": around,
        f"path {THROUGH}": through,
        "interaction of the paths": end - start - around - through,
        "direct, S drawn": direct,
        "indirect, S drawn": indirect,
        "remainder, S drawn": end - start - direct - indirect,
    }


def find_opposition(mediation: pd.DataFrame) -> pd.DataFrame:
    """Whether the two paths of the papers' hypergraph oppose one another in each cell.

    Parameters
    ----------
    mediation : DataFrame
        With the columns of the table of that name.

    Returns
    -------
    DataFrame
        domain, dataset, model, design, complexity, around, through and opposing: "shown" where
        the intervals leave zero out on different sides, "estimated" where the estimates alone
        differ in sign, "no" otherwise.
    """
    index = ["domain", "dataset", "model", "design", "complexity"]
    if mediation.empty:
        return pd.DataFrame(columns=[*index, "around", "through", "opposing"])
    rows = []
    for key, part in mediation.groupby(index, sort=False):
        by_name = part.set_index("quantity")
        around, through = (by_name.loc[f"path {p}"] for p in (AROUND, THROUGH))
        apart = around["estimate"] * through["estimate"] < 0
        clear = all(p["lower"] * p["upper"] > 0 for p in (around, through))
        word = "shown" if apart and clear else "estimated" if apart else "no"
        numbers = {"around": around["estimate"], "through": through["estimate"]}
        rows.append(dict(zip(index, key, strict=True)) | numbers | {"opposing": word})
    return pd.DataFrame(rows)


def mediation_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What the tables say, in sentences with their uncertainty."""
    pooled, opposing = tables["mediation_pooled"], tables["opposing"]
    out: list[str] = []
    own = pooled[pooled["complexity"] == COMPLEXITIES[0]] if len(pooled) else pooled
    for (domain, design), part in own.groupby(["domain", "design"], sort=False):
        by_name = part.set_index("quantity")
        along = "; ".join(
            f"{name} {_say(by_name.loc[f'path {name}'])}" for name in (AROUND, THROUGH)
        )
        here = opposing[(opposing["domain"] == domain) & (opposing["design"] == design)]
        here = here[here["complexity"] == COMPLEXITIES[0]]
        counts = here["opposing"].value_counts()
        cells, gap = int(by_name["cells"].iloc[0]), by_name.loc["hypergraph less design"]
        wrong = int(gap["above"] + gap["below"])
        out.append(
            f"{domain.capitalize()}, {SHORT[design]}: B = {SMALL} against {LARGE} gives "
            f"{_say(by_name.loc['design'])} points of accuracy in the design and "
            f"{_say(by_name.loc['total'])} through the papers' hypergraph (mean of {cells} cells, "
            f"95% intervals over seeds; the hypergraph misses the design in {wrong}). By path: "
            f"{along}. The paths oppose one another in {counts.get('shown', 0)} cells shown and "
            f"{counts.get('estimated', 0)} estimated, so no proportion mediated is given."
        )
    failed = tables["unfitted"]
    if len(failed):
        names = sorted({name_of(d, m) for d, m in failed[["dataset", "model"]].to_numpy()})
        out.append(
            f"{len(failed)} models could not be fitted ({', '.join(names)}): "
            f"{failed['reason'].iloc[0]}"
        )
    return out + dominance_verdicts(tables) + decomposition_verdicts(tables)


def _say(row: pd.Series) -> str:
    return points(*(float(np.asarray(row[k])) for k in ("estimate", "lower", "upper")))
