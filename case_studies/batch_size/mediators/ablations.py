"""The poster's ablations under declared operations, beside arms in which they were really done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
)
from case_studies.batch_size.mediators.competing import STUDY, fit_competing
from case_studies.batch_size.mediators.quantities import (
    Entry,
    Quantity,
    from_seeds,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.mediators.removals import CHANGES, SAM, Ablated, measure_arms
from case_studies.batch_size.mediators.sam_check import sam_tables, sam_verdicts
from case_studies.batch_size.runs import CELL, GRAPH, ROLES, SHORT
from causalhyper import DirectedHypergraph, FittedModel, Hyperedge
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.paths import reached
from causalhyper.queries.ablations.operations import (
    CutEdge,
    CutHyperedge,
    DropInteraction,
    FixNode,
    Operation,
    RandomiseNode,
)
from causalhyper.queries.experiments.experiment import Builder, Experiment
from causalhyper.scm.refitting import judge_fit, refit_model

PAPERS = "papers"
JOINT = "{N, S} -> C"
POSTER = (
    ("Remove noise node (N)", -0.034, "randomise N"),
    ("Remove sharpness node (S)", -0.028, "randomise S"),
    ("Remove {N, S} -> C edge", -0.020, f"cut {JOINT}"),
    ("SAM-only control", -0.015, SAM),
)
"""The poster's rows, their drops in generalisation, and the operation that each is held to be."""
BEYOND = ("domain", "dataset", "model", "design", "graph", "operation", "beyond")
"""Columns of the table that says how far removals ask the models beyond the runs."""
REFITS = {PAPERS: (JOINT, "N -> S"), STUDY: (JOINT, "N -> G", "U -> G", "S -> G", "C -> G")}
"""Hyperedges without which each hypergraph is fitted again."""


def ablation_tables(runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What each removal does to the effect of 16 against 512 and to the level of the accuracy.

    Parameters
    ----------
    runs : DataFrame

    Returns
    -------
    dict of str to DataFrame
        ablations and ablations_pooled: by cell, hypergraph ("measured" for arms) and operation;
        refits and refits_pooled: change of the cross-validated squared error where a hypergraph
        is fitted again without a hyperedge, as a share of the error with it; poster: the poster's
        rows beside ours; ablations_beyond: the share of simulated runs beyond the observed ones
        in the poster's removals; ablations_unfitted: what could not be fitted, and why; and the
        tables of `sam_tables`.
    """
    entries: list[Entry] = []
    errors: list[Entry] = []
    beyond: list[dict[str, object]] = []
    unfitted: list[dict[str, str]] = []
    for cell in cut_cells(runs):
        for graph in (PAPERS, STUDY):
            make = partial(_model_entries, cell, graph, errors, beyond)
            entries += attempt(make, cell, graph, unfitted)
        own = runs[(runs[CELL] == [cell.labels[c] for c in CELL]).all(axis=1)]
        for arm in measure_arms(own[own["design"] == cell.labels["design"]]):
            entries += arm.entries(cell.labels, "measured")
    pooled, outside = pool_cells(entries), pd.DataFrame(beyond, columns=list(BEYOND))
    sam = sam_tables(runs, unfitted)
    return {
        **sam,
        "ablations": tabulate(entries),
        "ablations_pooled": pooled,
        "refits": tabulate(errors),
        "refits_pooled": pool_cells(errors),
        "ablations_beyond": outside,
        "poster": beside_poster(pooled, outside),
        "ablations_unfitted": pd.DataFrame(unfitted, columns=list(UNFITTED)),
    }


def _model_entries(
    cell: Cell, graph: str, errors: list[Entry], beyond: list[dict[str, object]]
) -> list[Entry]:
    model = fit_cell(cell, GRAPH, ROLES) if graph == PAPERS else fit_competing(cell, graph)
    operations = list_removals(model)
    answer = ask(model, partial(_worlds, operations))
    found = [*_operate(answer, operations)]
    labels = {**cell.labels, "graph": graph}
    named = [name for _, _, name in POSTER if name in operations]
    beyond += [labels | {"operation": k, "beyond": x} for k, x in answer.beyond(named).items()]
    for edge in REFITS[graph]:
        ablated, error = refit_without(answer, edge)
        found.append(ablated)
        errors.append(Entry({**labels, "hyperedge": edge}, error))
    return [entry for ablated in found for entry in ablated.entries(cell.labels, graph)]


def list_removals(model: FittedModel) -> dict[str, Operation]:
    """Operations that a hypergraph allows, by a name that is the same in every cell."""
    inside = [v for v in ("N", "U", "S") if v in model.graph.nodes]
    middle = {v: float(model.roles[v].invert(np.median(model.values[v]))) for v in inside}
    heads = [(cause, head) for cause, head in model.graph.arcs if cause != "B"]
    arcs = [CutEdge(arc) for arc in heads if arc[1] == "G" or arc[0] in "NS"]
    fixed = {f"fix {v} at its median": FixNode(v, middle[v]) for v in inside}
    others = [*map(RandomiseNode, inside), *arcs, CutHyperedge(JOINT), DropInteraction(JOINT)]
    return fixed | {str(operation): operation for operation in others}


def _worlds(operations: Mapping[str, Operation], experiment: Experiment) -> dict[str, Builder]:
    return {name: operation.world for name, operation in operations.items()}


def _operate(answer: Answer, operations: Mapping[str, Operation]) -> Iterator[Ablated]:
    before = answer.quantity(answer.effect())
    graph = answer.experiment.model.graph
    for name, operation in operations.items():
        yield Ablated(
            name,
            before,
            answer.quantity(answer.effect(name)),
            answer.quantity(answer.level(name)),
            operation.tautology(graph, "B", "G"),
        )


def refit_without(answer: Answer, edge: str) -> tuple[Ablated, Quantity]:
    """Fit the model again without a hyperedge.

    Returns
    -------
    Ablated
    Quantity
        Change of the cross-validated squared error of the head, as a share of it.
    """
    model = answer.experiment.model
    removed: Hyperedge = DirectedHypergraph.parse(edge).edges[0]
    second = refit_model(model, graph=model.graph.without(removed))
    before = answer.quantity(answer.effect())
    cut = "G" not in reached(second.graph, "B", avoiding=())
    if cut:
        after = before - before
    else:
        again = ask_again(answer, second, lambda experiment: {})
        after = again.quantity(again.effect())
    old, new = judge_fit(model, removed.head).losses, judge_fit(second, removed.head).losses
    if old is None or new is None:
        raise ConfigurationError(f"{edge} cannot be judged: some seeds cannot be left out")
    change = pd.Series((new - old) / old.mean(), np.unique(model.labels["seed"]))
    return Ablated(f"refit without {edge}", before, after, None, cut), from_seeds(change)


def beside_poster(pooled: pd.DataFrame, beyond: pd.DataFrame) -> pd.DataFrame:
    """The poster's rows beside ours.

    Parameters
    ----------
    pooled, beyond : DataFrame
        `ablations_pooled` and `ablations_beyond`.

    Returns
    -------
    DataFrame
        row, poster (its drop), domain, design, graph, operation, tautology, and for the change of
        the effect and of the level estimate, lower, upper and spread (effect_..., level_...),
        cells, and beyond: the mean share of simulated runs beyond the observed ones, NaN for
        what was measured.
    """
    rows = []
    shares = beyond.groupby(["domain", "design", "graph", "operation"])["beyond"].mean()
    for row, drop, operation in POSTER if len(pooled) else ():
        own = pooled[pooled["operation"] == operation]
        for (domain, design, graph), part in own.groupby(
            ["domain", "design", "graph"], sort=False
        ):
            by_name = part.set_index("change")
            found = {"row": row, "poster": drop, "domain": domain, "design": design}
            found |= {"graph": graph, "operation": operation}
            found["tautology"] = bool(by_name["tautology"].any())
            for short, change in (("effect", CHANGES[2]), ("level", CHANGES[3])):
                for number in ("estimate", "lower", "upper", "spread"):
                    found[f"{short}_{number}"] = by_name.loc[change, number]
            share = shares.get((domain, design, graph, operation), np.nan)
            rows.append(found | {"cells": int(by_name["cells"].iloc[0]), "beyond": share})
    return pd.DataFrame(rows)


def ablation_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The poster's table against ours, in sentences."""
    poster, out = tables["poster"], []
    if poster.empty:
        return out
    for (domain, design), part in poster.groupby(["domain", "design"], sort=False):
        said = [_describe(row) for _, row in part.iterrows()]
        out.append(f"{domain.capitalize()}, {SHORT[design]}: {'; '.join(said)}.")
    pooled = tables["ablations_pooled"]
    real = pooled[(pooled["graph"] == "measured") & (pooled["change"] == CHANGES[2])]
    for (domain, design), part in real.groupby(["domain", "design"], sort=False):
        noise = part[part["operation"].str.startswith("noise")]
        if len(noise):
            said = [f"{r['operation']} {_say(r)}" for _, r in noise.iterrows()]
            out.append(
                f"{domain.capitalize()}, {SHORT[design]}, noise really removed: the effect of 16 "
                f"against 512 changes by {'; '.join(said)} points (in the papers' hypergraph it "
                "must vanish)."
            )
    refits = tables["refits_pooled"]
    own = refits[(refits["graph"] == PAPERS) & (refits["hyperedge"] == JOINT)]
    for _, row in own.iterrows():
        out.append(
            f"{row['domain'].capitalize()}, {SHORT[row['design']]}: fitted again without {JOINT}, "
            f"the cross-validated error of C changes by {row['estimate']:+.0%} "
            f"[{row['lower']:+.0%}, {row['upper']:+.0%}]."
        )
    return out + sam_verdicts(tables["sam_check_pooled"])


def _describe(row: pd.Series) -> str:
    effect = points(*(row[f"effect_{k}"] for k in ("estimate", "lower", "upper")))
    level = points(*(row[f"level_{k}"] for k in ("estimate", "lower", "upper")))
    where = "measured" if row["graph"] == "measured" else f"the {row['graph']} hypergraph"
    taut = ", vanishes by construction" if row["tautology"] else ""
    if row["beyond"] > 0:
        taut += f", {row['beyond']:.0%} of the simulated runs beyond the observed ones"
    return (
        f"{row['row']} (poster {100 * row['poster']:+.1f}; {row['operation']}, {where}{taut}) "
        f"changes the effect by {effect} and the level by {level}"
    )


def _say(row: pd.Series) -> str:
    return points(row["estimate"], row["lower"], row["upper"])
