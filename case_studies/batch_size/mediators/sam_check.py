"""What SAM did to sharpness, and whether the hypergraphs foresee what it did to accuracy.

SAM is a measured intervention on sharpness. A hypergraph in which sharpness carries part of the
effect also says what moving it by as much does: here both stand side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import Cell, ask, attempt, cut_cells, fit_cell
from case_studies.batch_size.mediators.competing import STUDY, fit_competing
from case_studies.batch_size.mediators.quantities import (
    Entry,
    Quantity,
    from_seeds,
    mean_of,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.mediators.removals import SAM, Ablated, measure_arms
from case_studies.batch_size.runs import CELL, GRAPH, LARGE, ROLES, SHORT, SMALL
from causalhyper import FittedModel
from causalhyper.queries.experiments.experiment import Builder, Experiment, Shared
from causalhyper.scm.worlds import World

MEASURED = "measured"
SHIFT = "log10 sharpness"
CHANGES = ("change of effect", "change of level")


def sharpness_shift(rows: pd.DataFrame) -> dict[int, Quantity]:
    """How much log10 of sharpness SAM adds at 16 and at 512, in one cell under one protocol.

    Parameters
    ----------
    rows : DataFrame
        Of all arms.

    Returns
    -------
    dict of int to Quantity
        By batch size; empty where SAM was not run or sharpness not measured at either.
    """
    positive = rows[rows["sharpness"] > 0]
    logs = positive.assign(value=np.log10(positive["sharpness"]))
    out = {}
    for size in (SMALL, LARGE):
        own = logs[logs["batch_size"] == size]
        arms = [own[own["arm"] == arm].set_index("seed")["value"] for arm in ("sam", "plain")]
        difference = (arms[0] - arms[1]).dropna()
        if len(difference) > 1:
            out[size] = from_seeds(difference)
    return out if len(out) == 2 else {}


def sam_tables(runs: pd.DataFrame, unfitted: list[dict[str, str]]) -> dict[str, pd.DataFrame]:
    """SAM's change of sharpness and accuracy, and what hypergraphs of plain runs make of it.

    Parameters
    ----------
    runs : DataFrame
    unfitted : list
        Takes a line for each cell in which a model cannot be fitted.

    Returns
    -------
    dict of str to DataFrame
        sam_check and sam_check_pooled, by source: measured; a hypergraph, in which sharpness is
        moved by what SAM moved it (which counts as known); and that less measured.
    """
    entries: list[Entry] = []
    for cell in cut_cells(runs):
        own = runs[(runs[CELL] == [cell.labels[c] for c in CELL]).all(axis=1)]
        own = own[own["design"] == cell.labels["design"]]
        sam = [a for a in measure_arms(own) if a.operation == SAM]
        shift = sharpness_shift(own)
        if sam and shift:
            make = partial(_check, cell, shift, sam[0])
            entries += attempt(make, cell, "SAM", unfitted)
    return {"sam_check": tabulate(entries), "sam_check_pooled": pool_cells(entries)}


def _check(cell: Cell, shift: Mapping[int, Quantity], sam: Ablated) -> list[Entry]:
    models = {"papers": fit_cell(cell, GRAPH, ROLES), STUDY: fit_competing(cell, STUDY)}
    assert sam.level is not None, "measured removals have a level"
    measured = dict(zip(CHANGES, (sam.after - sam.before, sam.level), strict=True))
    sources = {MEASURED: {f"{SHIFT} at {b}": q for b, q in shift.items()} | measured}
    sources[MEASURED][f"{SHIFT}, mean"] = mean_of(list(shift.values()))
    steps = np.array([[[shift[LARGE].estimate], [shift[SMALL].estimate]]])
    for name, model in models.items():
        answer = ask(model, partial(_moved, steps))
        values = (answer.effect("moved") - answer.effect(), answer.level("moved"))
        found = dict(zip(CHANGES, map(answer.quantity, values), strict=True))
        sources[name] = found
        sources[f"{name}, less measured"] = {k: q - measured[k] for k, q in found.items()}
    return [
        Entry({**cell.labels, "source": source, "quantity": quantity}, value)
        for source, quantities in sources.items()
        for quantity, value in quantities.items()
    ]


def _moved(steps: np.ndarray, experiment: Experiment) -> dict[str, Builder]:
    """Sharpness as in the same run, moved by a step at 512 and another at 16."""

    def build(model: FittedModel, shared: Shared) -> World:
        return World(do={"S": shared.natural["S"] + steps})

    return {"moved": build}


def sam_verdicts(pooled: pd.DataFrame) -> list[str]:
    """Whether lower sharpness does what the hypergraphs say.

    Parameters
    ----------
    pooled : DataFrame
        Pooled entries of `check_sam`.

    Returns
    -------
    list of str
    """
    out: list[str] = []
    if pooled.empty:
        return out
    level = CHANGES[1]
    for (domain, design), part in pooled.groupby(["domain", "design"], sort=False):
        by_name = part.set_index(["source", "quantity"])
        shift = by_name.loc[(MEASURED, f"{SHIFT}, mean")]
        said = [
            f"the {source} hypergraph foresees {_say(by_name.loc[(source, level)])}"
            for source in dict.fromkeys(part["source"])
            if source != MEASURED and not source.endswith("less measured")
        ]
        out.append(
            f"{domain.capitalize()}, {SHORT[design]}: SAM multiplies sharpness by "
            f"{10 ** shift['estimate']:.2f} [{10 ** shift['lower']:.2f}, "
            f"{10 ** shift['upper']:.2f}] and changes the accuracy by "
            f"{_say(by_name.loc[(MEASURED, level)])} points; from plain runs "
            f"{', '.join(said)} for sharpness moved as much."
        )
    return out


def _say(row: pd.Series) -> str:
    return points(row["estimate"], row["lower"], row["upper"])
