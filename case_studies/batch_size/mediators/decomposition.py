"""The effect at equal epochs split into noise and updates: by experiment, and by the hypergraph.

The arms set the gradient noise and the stopping time sets the number of updates, so that the four
corners {noise of 16, noise of 512} x {updates of 16, updates of 512} were all run. The hypergraph
sees the two corners of the plain runs and has to extrapolate the others from the sizes between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import Answer, Cell, ask, cut_cells
from case_studies.batch_size.mediators.competing import (
    COMPETING,
    DESIGN,
    LINES,
    STUDY,
    fit_competing,
)
from case_studies.batch_size.mediators.quantities import (
    Entry,
    Quantity,
    from_seeds,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.runs import CELL, LARGE, SMALL
from causalhyper.arrays import Array
from causalhyper.errors import CausalHyperError
from causalhyper.queries.experiments.experiment import Builder, Experiment
from causalhyper.queries.mediation.worlds import mediation_worlds, world_key
from causalhyper.scm.model import FittedModel
from causalhyper.scm.worlds import World

CORNERS = {
    "noise and updates of 16": ("plain", SMALL, SMALL),
    "noise of 512, updates of 16": ("noise_removed", SMALL, LARGE),
    "noise of 16, updates of 512": ("noise_added", LARGE, SMALL),
    "noise and updates of 512": ("plain", LARGE, LARGE),
}
"""Arm, batch size (which sets the updates) and batch size whose noise the updates have."""
EXPERIMENT = "experiment"
PARTS = ("total", "noise", "updates", "interaction")
SINGLE = (
    "total",
    "noise at the updates of 16",
    "noise at the updates of 512",
    "updates at the noise of 512",
    "updates at the noise of 16",
)
"""Contrasts of two corners."""
Value = TypeVar("Value", pd.Series, np.ndarray)


def decompose(both: Value, updates: Value, noise: Value, neither: Value) -> dict[str, Value]:
    """Shapley values of two factors from the outcomes at their four corners.

    Parameters
    ----------
    both, updates, noise, neither : Series or ndarray
        Outcome where noise and updates are those of 16; updates alone; noise alone; neither.

    Returns
    -------
    dict
        total; noise and updates, which sum to it; interaction, of which each holds a half; and
        each factor's effect at either level of the other.

    Examples
    --------
    >>> found = decompose(*(np.array([x]) for x in (0.9, 0.8, 0.6, 0.5)))
    >>> {k: round(float(found[k][0]), 3) for k in ("total", "noise", "updates")}
    {'total': 0.4, 'noise': 0.1, 'updates': 0.3}
    """
    small, large = both - updates, noise - neither
    early, late = updates - neither, both - noise
    return {
        "total": both - neither,
        "noise": (small + large) / 2,
        "updates": (early + late) / 2,
        "interaction": small - large,
        **dict(zip(SINGLE[1:], (small, large, early, late), strict=True)),
    }


def corner(runs: pd.DataFrame, arm: str, batch_size: int, noise_of: int) -> pd.DataFrame:
    """The runs of one corner of a cell at equal epochs, indexed by seed."""
    there = (runs["design"] == DESIGN) & (runs["arm"] == arm)
    there &= (runs["batch_size"] == batch_size) & (runs["noise_of"] == noise_of)
    return runs[there].set_index("seed")


def decomposition_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Noise and updates in the effect of 16 against 512 at equal epochs, in two ways.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    dict of str to DataFrame
        decomposition and decomposition_pooled: by cell and source (the experiment, or a
        hypergraph fitted to the plain runs, and what it gives less what the experiment gives);
        arm_noise: log10 of the measured gradient noise of each arm less that of the plain runs
        whose noise it was meant to have.
    """
    entries: list[Entry] = []
    noise: list[Entry] = []
    for cell in cut_cells(runs):
        own = runs[(runs[CELL] == [cell.labels[c] for c in CELL]).all(axis=1)]
        corners = {name: corner(own, *setting) for name, setting in CORNERS.items()}
        if cell.labels["design"] != DESIGN:
            continue
        noise += list(_arm_noise(cell, corners))
        if all(len(c) > 1 for c in corners.values()):
            entries += _cell_entries(cell, corners)
        else:
            entries += _partial_entries(cell, corners)
    return {
        "decomposition": tabulate(entries),
        "decomposition_pooled": pool_cells(entries),
        "arm_noise": tabulate(noise),
        "arm_noise_pooled": pool_cells(noise),
    }


def _partial_entries(cell: Cell, corners: Mapping[str, pd.DataFrame]) -> Iterator[Entry]:
    """What the corners that were run tell, where one of them was not."""
    scores = [c["test_accuracy"].astype(float) for c in corners.values()]
    for name, values in decompose(*scores).items():
        if values.notna().sum() > 1 and name in SINGLE:
            yield Entry(
                {**cell.labels, "source": EXPERIMENT, "quantity": name}, from_seeds(values)
            )


def _cell_entries(cell: Cell, corners: Mapping[str, pd.DataFrame]) -> list[Entry]:
    scores = pd.concat([c["test_accuracy"] for c in corners.values()], axis=1, join="inner")
    run = decompose(*(scores.iloc[:, i] for i in range(4)))
    truth = {name: from_seeds(values) for name, values in run.items()}
    sources = {EXPERIMENT: truth}
    levels = {name: float(np.log10(frame["grad_noise"]).mean()) for name, frame in corners.items()}
    for graph in COMPETING:
        try:
            found = _by_graph(fit_competing(cell, graph), levels)
        except CausalHyperError:
            continue  # named among the unfitted by the tables of dominance
        for source, parts in found.items():
            name = f"{graph}, {source}"
            sources[name] = parts
            sources[f"{name}, less experiment"] = {k: parts[k] - truth[k] for k in truth}
    return [
        Entry({**cell.labels, "source": source, "quantity": name}, quantity)
        for source, parts in sources.items()
        for name, quantity in parts.items()
    ]


OWN, MEASURED = "N of the other batch size", "N as measured in the arm"
"""What N is set to at the two corners that no plain run has."""


def _by_graph(model: FittedModel, levels: Mapping[str, float]) -> dict[str, dict[str, Quantity]]:
    """The decomposition that a hypergraph gives, for either value of N at the other corners."""
    removed, added = list(CORNERS)[1:3]

    def build(experiment: Experiment) -> dict[str, Builder]:
        worlds: dict[str, Builder] = dict(mediation_worlds(experiment, ("N",)))
        for name in (removed, added):
            held = World(do={"N": np.full((1, 1, 1), levels[name])})
            worlds[name] = lambda model, shared, held=held: held
        return worlds

    answer = ask(model, build)
    own = [answer.means[world_key(w, ("N",))][:, 1] for w in ("nested", "carried")]
    measured = [answer.means[removed][:, 1], answer.means[added][:, 0]]
    return {OWN: _split(answer, own), MEASURED: _split(answer, measured)}


def _split(answer: Answer, between: list[Array]) -> dict[str, Quantity]:
    start, end = answer.means["natural"].T
    return {k: answer.quantity(x) for k, x in decompose(end, *between, start).items()}


def _arm_noise(cell: Cell, corners: Mapping[str, pd.DataFrame]) -> Iterator[Entry]:
    """How far the arms' measured noise is from that of the plain runs that they imitate."""
    logs = {name: np.log10(frame["grad_noise"]) for name, frame in corners.items()}
    both, removed, added, neither = logs.values()
    for arm, difference in (("removed", removed - neither), ("added", added - both)):
        if difference.notna().sum() > 1:
            yield Entry({**cell.labels, "arm": f"noise {arm}"}, from_seeds(difference))


def decomposition_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What the experiment says, and whether the hypergraph fitted to plain runs agrees."""
    pooled, cells = tables["decomposition_pooled"], tables["decomposition"]
    out: list[str] = []
    if pooled.empty:
        return ["No cell has an arm that sets noise apart from updates."]
    for domain, part in pooled.groupby("domain", sort=False):
        by_name = part.set_index(["source", "quantity"])
        found = {
            q: _say(by_name.loc[(EXPERIMENT, q)])
            for q in (*PARTS, *SINGLE)
            if (EXPERIMENT, q) in by_name.index
        }
        own = cells[cells["domain"] == domain]
        if "noise" not in found:
            told = "; ".join(f"{q} {found[q]}" for q in SINGLE[1:] if q in found)
            out.append(
                f"{domain.capitalize()}, equal epochs, by experiment, one corner not run: of "
                f"{found['total']} points that B = 16 gains over 512: {told}."
            )
            continue
        k = int(by_name.loc[(EXPERIMENT, "noise"), "cells"])
        out.append(
            f"{domain.capitalize()}, equal epochs, by experiment: of {found['total']} points that "
            f"B = 16 gains over 512, noise gives {found['noise']} and updates {found['updates']} "
            f"as Shapley values (means of {k} cells, intervals over seeds). Noise gives "
            f"{found[SINGLE[1]]} at the updates of 16 and {found[SINGLE[2]]} at those of 512, so "
            f"that the interaction is {found['interaction']}. "
            f"Noise gains in {_signs(own, EXPERIMENT, 'noise')} cells, updates in "
            f"{_signs(own, EXPERIMENT, 'updates')}."
        )
        for source in (f"{STUDY}, {OWN}", f"{STUDY}, {MEASURED}", f"{LINES}, {OWN}"):
            if (source, "noise") in by_name.index:
                apart = by_name.loc[(f"{source}, less experiment", "noise")]
                wrong = int(apart["above"] + apart["below"])
                out.append(
                    f"{domain.capitalize()}: the hypergraph fitted to plain runs ({source}) gives "
                    f"noise {_say(by_name.loc[(source, 'noise')])} and updates "
                    f"{_say(by_name.loc[(source, 'updates')])}; less the experiment "
                    f"{_say(apart)} for noise, shown to be wrong in {wrong} of {k} cells."
                )
    return out + _arms_said(tables["arm_noise_pooled"])


def _arms_said(pooled: pd.DataFrame) -> list[str]:
    """Whether the arms had the noise that they were meant to have."""
    out = []
    for domain, part in pooled.groupby("domain", sort=False) if len(pooled) else ():
        said = [
            f"{row['arm']}: {10 ** row['estimate']:.2f} times "
            f"[{10 ** row['lower']:.2f}, {10 ** row['upper']:.2f}]"
            for _, row in part.iterrows()
        ]
        out.append(
            f"{domain.capitalize()}, equal epochs: the gradient noise that the arms really had, "
            f"over that of the plain runs they imitate (geometric means): {'; '.join(said)}. It "
            "is the noise on an update that was set; its size also follows where training went."
        )
    return out


def _signs(cells: pd.DataFrame, source: str, quantity: str) -> str:
    own = cells[(cells["source"] == source) & (cells["quantity"] == quantity)]
    up, down = int((own["lower"] > 0).sum()), int((own["upper"] < 0).sum())
    return f"{up} (loses in {down}) of {len(own)}"


def _say(row: pd.Series) -> str:
    return points(row["estimate"], row["lower"], row["upper"])
