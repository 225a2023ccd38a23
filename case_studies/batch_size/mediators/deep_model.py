"""The deep structural model beside the additive one: the same queries, the same seeds left out.

In a flow the spread and the shape of a node's noise follow its causes; in the additive model noise
is added, with one distribution everywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import (
    UNFITTED,
    Answer,
    Cell,
    ask,
    ask_again,
    attempt,
    cut_cells,
    fit_cell,
    jackknifed,
    shapley_shares,
)
from case_studies.batch_size.mediators.counterfactual_checks import (
    MEAN,
    by_graph,
    draw,
    judge,
    scores,
    without_graph,
)
from case_studies.batch_size.mediators.mediation import effects_by_path, mediator_worlds
from case_studies.batch_size.mediators.quantities import (
    Entry,
    Quantity,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.runs import GRAPH, ROLES, SHORT
from causalhyper import SPLINE, CutEdge, DropInteraction, FittedModel, RandomiseNode
from causalhyper.mechanisms.flows.flow import FlowFit
from causalhyper.queries.experiments.experiment import Builder, Experiment
from causalhyper.scm import Flow
from causalhyper.scm.refitting import replicate

DESIGNS = ("equal_epochs",)
"""Where both are compared by default: flows take one to two seconds a cell and protocol."""
OPERATIONS = (
    RandomiseNode("S"),
    CutEdge("N -> C"),
    CutEdge("S -> C"),
    DropInteraction("{N, S} -> C"),
)
ADDITIVE, DEEP, GAP = "additive", "flow", "flow less additive"


def deep_tables(runs: pd.DataFrame, designs: Sequence[str] = DESIGNS) -> dict[str, pd.DataFrame]:
    """The papers' hypergraph with either kind of mechanisms.

    Parameters
    ----------
    runs : DataFrame
    designs : sequence of str
        Protocols to compare them under.

    Returns
    -------
    dict of str to DataFrame
        deep and deep_pooled: paths, shares and ablations by mechanisms, and their paired
        difference; deep_noise: in which cells cross-validation lets the noise of a node depart
        from normal noise of equal spread, and how many warnings the searches gave;
        deep_counterfactuals and deep_counterfactuals_pooled: what single runs would have scored,
        as in `counterfactual_tables`; deep_unfitted: what could not be fitted, and why.
    """
    entries: list[Entry] = []
    predicted: list[Entry] = []
    noise: list[dict[str, object]] = []
    unfitted: list[dict[str, str]] = []
    for cell in cut_cells(runs[runs["design"].isin(designs)]):
        rows: list[dict[str, object]] = []
        with warnings.catch_warnings(record=True) as failures:
            warnings.simplefilter("always", RuntimeWarning)
            entries += attempt(partial(_compare, cell, rows), cell, GRAPH, unfitted)
            predicted += attempt(partial(_predict, cell), cell, GRAPH, unfitted)
        noise += [row | {"warnings": len(failures)} for row in rows]
    return {
        "deep": tabulate(entries),
        "deep_pooled": pool_cells(entries),
        "deep_noise": pd.DataFrame(noise),
        "deep_counterfactuals": tabulate(predicted),
        "deep_counterfactuals_pooled": pool_cells(predicted),
        "deep_unfitted": pd.DataFrame(unfitted, columns=list(UNFITTED)),
    }


def _compare(cell: Cell, noise: list[dict[str, object]]) -> list[Entry]:
    additive, deep = (fit_cell(cell, GRAPH, ROLES, kind) for kind in (SPLINE, Flow()))
    first = ask(additive, _worlds)
    found = {ADDITIVE: _quantities(first), DEEP: _quantities(ask_again(first, deep, _worlds))}
    found[GAP] = {k: q - found[ADDITIVE][k] for k, q in found[DEEP].items()}
    noise += describe_noise(cell, deep)
    return [
        Entry({**cell.labels, "mechanisms": kind, "quantity": name}, quantity)
        for kind, quantities in found.items()
        for name, quantity in quantities.items()
    ]


def _worlds(experiment: Experiment) -> dict[str, Builder]:
    operations = {str(operation): operation.world for operation in OPERATIONS}
    return {**mediator_worlds(experiment), **operations}


def _quantities(answer: Answer) -> dict[str, Quantity]:
    values = effects_by_path(answer)
    values |= {f"share of {v}": x for v, x in shapley_shares(answer).items()}
    for operation in map(str, OPERATIONS):
        values[f"{operation}: change of effect"] = answer.effect(operation) - answer.effect()
        values[f"{operation}: change of level"] = answer.level(operation)
    return {name: answer.quantity(x) for name, x in values.items()}


def describe_noise(cell: Cell, model: FittedModel) -> list[dict[str, object]]:
    """What cross-validation lets the flow of each node do beyond normal noise of equal spread."""
    out = []
    for node, mechanism in model.mechanisms.items():
        fit = mechanism.fit
        assert isinstance(fit, FlowFit)
        freed = {name: bool(np.isfinite(getattr(fit.penalties, name))) for name in FREE}
        out.append({**cell.labels, "node": node, **freed})
    return out


FREE = ("spread", "shape", "bend")
"""Unequal spread; noise that is not normal; a shape that depends on the causes."""


def _predict(cell: Cell) -> list[Entry]:
    truth = scores(cell)
    additive, deep = (fit_cell(cell, GRAPH, ROLES, kind, context=()) for kind in (SPLINE, Flow()))
    drawn = jackknifed(draw(additive))
    found = {
        MEAN: without_graph(truth)[0],
        ADDITIVE: by_graph(additive, truth, drawn),
        DEEP: by_graph(deep, truth, replicate(deep, drawn)),
    }
    return list(judge(cell, truth, found, []))


def deep_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Whether the deep structural model says anything else than the additive one."""
    pooled, cells, out = tables["deep_pooled"], tables["deep"], []
    if pooled.empty:
        return out
    for (domain, design), part in pooled.groupby(["domain", "design"], sort=False):
        gaps = part[part["mechanisms"] == GAP]
        here = cells[(cells["domain"] == domain) & (cells["design"] == design)]
        apart = here[(here["mechanisms"] == GAP) & (here["lower"] * here["upper"] > 0)]
        tried = int((here["mechanisms"] == GAP).sum())
        widest = gaps.loc[gaps["estimate"].abs().idxmax()]
        by_name = part.set_index(["mechanisms", "quantity"])
        both = [
            f"{kind} {points(*by_name.loc[(kind, 'total'), ['estimate', 'lower', 'upper']])}"
            for kind in (ADDITIVE, DEEP)
        ]
        out.append(
            f"{domain.capitalize()}, {SHORT[design]}, the deep structural model beside the "
            f"additive one: 16 against 512 gives {', '.join(both)} points. Of {tried} queries "
            f"over all cells their intervals set {len(apart)} apart; the widest gap of the means "
            f"is {points(*widest[['estimate', 'lower', 'upper']])} ({widest['quantity']}). "
            f"{_noise_said(tables['deep_noise'], domain, design)}"
        )
    return out


def _noise_said(noise: pd.DataFrame, domain: str, design: str) -> str:
    here = noise[(noise["domain"] == domain) & (noise["design"] == design)]
    count = here.groupby(["dataset", "model"]).ngroups
    said = [
        f"{node}: {int(part['spread'].sum())} and {int(part['shape'].sum())}"
        for node, part in here.groupby("node", sort=False)
    ]
    return (
        "Cells in which left-out seeds ask for unequal spread, and for another shape than the "
        f"normal one: {', '.join(said)} of {count}."
    )
