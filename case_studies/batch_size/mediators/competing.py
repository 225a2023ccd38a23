"""Hypergraphs in which gradient noise competes with what else the batch size sets.

In the papers' hypergraph the only child of B is N, so that removing N removes everything,
whatever the data say. But at equal epochs B also sets the number of updates, and at equal updates
the number of epochs. Here both have arcs of their own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import Cell, fit_cell, measured
from case_studies.batch_size.runs import CELL, ROLES
from causalhyper import LINEAR, SPLINE, FittedModel, Roles
from causalhyper.arrays import Array
from causalhyper.queries.experiments.experiment import Builder, Shared
from causalhyper.scm.worlds import World

COMPETING = {
    "poster with U": "B -> N; B -> U; N -> S; {N, S} -> C; {C, U} -> G; N -> G; S -> G",
    "saturated": (
        "B -> N; B -> U; N -> S; U -> S; {N, S} -> C; U -> C; N -> G; S -> G; C -> G; U -> G"
    ),
}
"""U reaches G as a joint cause beside C alone, or everything that comes later.

The saturated one is the study's: the other credits N with whatever U does to sharpness and
complexity, because the two move together.
"""
STUDY, LINES = "saturated", "saturated, straight lines"
COMPETING[LINES] = COMPETING[STUDY]
FORMS = dict.fromkeys(COMPETING, SPLINE) | {LINES: LINEAR}
"""Mechanisms of each. B fixes N and U but for little, so that straight lines tell them apart by
their form alone: the curve of one is taken for an effect of the other. They are here to show that.
"""
WITH_ARMS = "saturated, with the noise arms"
ARMS_GRAPH = "A -> N; B -> U; {N, U} -> S; {N, S} -> C; {N, U} -> C; S -> G; C -> G; {N, U} -> G"
"""A is the batch size whose noise the updates have: the arms set it apart from B, which sets U.

With all four corners of noise and updates run, noise may act jointly with updates on all that
follows: what plain runs cannot tell from a curve.
"""
MEDIATORS = ("N", "U", "S", "C")
DESIGN = "equal_epochs"
"""Where noise and updates both differ between 16 and 512; at equal updates only noise does."""
NOISE_ARMS = ("noise_added", "noise_removed")


def budget_roles(rows: pd.DataFrame) -> dict[str, str]:
    """Roles with U: the number of updates where it varies, otherwise the number of epochs.

    Examples
    --------
    >>> budget_roles(pd.DataFrame({"updates": [200, 6400]}))["U"]
    'log10(updates)'
    """
    varies = rows["updates"].nunique() > 1
    return ROLES | {"U": "log10(updates)" if varies else "log10(epochs)"}


def fit_competing(cell: Cell, name: str) -> FittedModel:
    """Fit one of `COMPETING` to a cell, with an intercept a seed."""
    return fit_cell(cell, COMPETING[name], budget_roles(cell.rows), FORMS[name])


def fit_with_arms(cell: Cell, runs: pd.DataFrame) -> FittedModel | None:
    """Fit the study's hypergraph to plain runs and noise arms together.

    Parameters
    ----------
    cell : Cell
    runs : DataFrame
        Of all cells, protocols and arms.

    Returns
    -------
    FittedModel or None
        With the roots A and B; None where the cell has no such arm, or its protocol is not that
        of equal epochs.
    """
    own = (runs[CELL] == [cell.labels[c] for c in CELL]).all(axis=1)
    own &= (runs["design"] == DESIGN) & runs["arm"].isin(NOISE_ARMS)
    if cell.labels["design"] != DESIGN or not own.any():
        return None
    rows = pd.concat([cell.rows, runs[own]])
    roles = budget_roles(rows) | {"A": "log2(noise_of)"}
    return fit_cell(Cell(cell.labels, rows), ARMS_GRAPH, roles, SPLINE)


def follow(build: Builder) -> Builder:
    """The same world with the noise of the batch size that is set, as in a plain run."""

    def made(model: FittedModel, shared: Shared) -> World:
        world = build(model, shared)
        return World({**world.do, "A": shared.natural["B"]}, world.receives, world.additive)

    return made


def support_share(rows: pd.DataFrame, roles: Mapping[str, str]) -> float:
    """Share of the variance of N within seeds that U leaves open.

    This is all that tells the two apart: the reciprocal of the variance inflation factor.

    Parameters
    ----------
    rows : DataFrame
    roles : mapping of str to str
        With N and U.

    Returns
    -------
    float
        In [0, 1].
    """
    noise, budget = (_within(measured(rows, roles), roles, node) for node in ("N", "U"))
    total = noise @ noise
    slope = noise @ budget / (budget @ budget)
    left = noise - slope * budget
    return float(left @ left / total)


def _within(rows: pd.DataFrame, roles: Mapping[str, str], node: str) -> Array:
    """A node on its scale, less the mean of its seed."""
    role = Roles.from_mapping(dict(roles))[node]
    values = pd.Series(role.apply(rows[role.column].to_numpy(dtype=float)))
    means = values.groupby(rows["seed"].to_numpy()).transform("mean")
    return np.asarray(values - means)
