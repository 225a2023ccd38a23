"""Which mediator carries most of the effect, and how sure that is."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.cell_models import (
    Answer,
    Cell,
    ask,
    attempt,
    cut_cells,
    shapley_shares,
    share_worlds,
)
from case_studies.batch_size.mediators.competing import (
    COMPETING,
    MEDIATORS,
    STUDY,
    WITH_ARMS,
    budget_roles,
    fit_competing,
    fit_with_arms,
    follow,
    support_share,
)
from case_studies.batch_size.mediators.quantities import (
    Entry,
    Quantity,
    confidence_draws,
    from_seeds,
    mean_of,
    points,
    pool_cells,
    tabulate,
)
from case_studies.batch_size.runs import LARGE, SHORT, SMALL
from causalhyper.arrays import Array
from causalhyper.queries.ablations.operations import CutEdge, RandomiseNode
from causalhyper.queries.experiments.experiment import Builder, Experiment, natural_world

DRAWS = 4000
SEED = 1
TOTAL, LESS = "total", "total less design"
PLAYERS = tuple(map(RandomiseNode, MEDIATORS))
MEASURES = ("Shapley share", "arc into G")
"""A mediator's share over all orders in which mediators are removed; or what the effect loses
where G alone receives a random draw of it."""
MEANING = {
    "N": "gradient noise",
    "U": "the number of updates or epochs",
    "S": "sharpness",
    "C": "complexity",
}


def dominance_tables(
    runs: pd.DataFrame, unfitted: list[dict[str, str]] | None = None
) -> dict[str, pd.DataFrame]:
    """What each mediator carries where all compete, and the probability that it carries most.

    Parameters
    ----------
    runs : DataFrame
    unfitted : list, optional
        Takes a line for each model that cannot be fitted.

    Returns
    -------
    dict of str to DataFrame
        dominance: by cell, design, hypergraph, measure and mediator its contribution to the
        effect of 16 against 512, and the probability that it is the largest in size;
        dominance_pooled: the same of the mean contributions over the cells of a domain;
        dominance_totals: the mean effect through each hypergraph, which is shared out, and that
        less the design's; support:
        the share of the variance of N that U leaves open.
    """
    entries: list[Entry] = []
    totals: list[Entry] = []
    support = []
    for cell in cut_cells(runs):
        for graph in (*COMPETING, WITH_ARMS):
            make = partial(_entries, cell, graph, runs, totals)
            entries += attempt(make, cell, graph, [] if unfitted is None else unfitted)
        share = support_share(cell.rows, budget_roles(cell.rows))
        support.append({**cell.labels, "support_share": share})
    return {
        "dominance": dominant(entries),
        "dominance_pooled": dominant(average_cells(entries)),
        "dominance_totals": pool_cells(totals),
        "support": pd.DataFrame(support),
    }


def _entries(cell: Cell, graph: str, runs: pd.DataFrame, totals: list[Entry]) -> list[Entry]:
    arms = graph == WITH_ARMS
    model = fit_with_arms(cell, runs) if arms else fit_competing(cell, graph)
    if model is None:
        return []
    answer = ask(model, partial(_worlds, arms))
    found = {"Shapley share": shapley_shares(answer, PLAYERS), "arc into G": _arcs(answer)}
    labels = {**cell.labels, "graph": graph}
    total = answer.quantity(answer.effect())
    design = cell.by_seed("test_accuracy", SMALL) - cell.by_seed("test_accuracy", LARGE)
    less = total - from_seeds(design)
    totals += [Entry({**labels, "quantity": k}, q) for k, q in ((TOTAL, total), (LESS, less))]
    return [
        Entry({**labels, "measure": measure, "mediator": v}, answer.quantity(values[v]))
        for measure, values in found.items()
        for v in MEDIATORS
    ]


def _worlds(arms: bool, experiment: Experiment) -> dict[str, Builder]:
    cuts = {f"cut {v}": CutEdge((v, "G")).world for v in MEDIATORS}
    worlds = {"natural": natural_world, **share_worlds(experiment, PLAYERS), **cuts}
    return {name: follow(build) for name, build in worlds.items()} if arms else worlds


def _arcs(answer: Answer) -> dict[str, Array]:
    """What the effect loses where G no longer receives a mediator."""
    return {v: answer.effect() - answer.effect(f"cut {v}") for v in MEDIATORS}


def average_cells(entries: Sequence[Entry]) -> list[Entry]:
    """Means over the cells of a domain of entries that agree in all else."""
    groups: dict[tuple[tuple[str, Hashable], ...], list[Quantity]] = {}
    for entry in entries:
        key = tuple((k, x) for k, x in entry.labels.items() if k not in ("dataset", "model"))
        groups.setdefault(key, []).append(entry.quantity)
    return [Entry({**dict(k), "cells": len(q)}, mean_of(q)) for k, q in groups.items()]


def dominant(entries: Sequence[Entry], seed: int = SEED) -> pd.DataFrame:
    """Add to each mediator's contribution the probability that it is the largest in size.

    Parameters
    ----------
    entries : sequence of Entry
        With the label mediator; those that agree in all other labels compete.
    seed : int

    Returns
    -------
    DataFrame
        The labels, `quantities.NUMBERS`, probability_dominant.
    """
    table = tabulate(entries)
    if table.empty:
        return table
    groups: dict[tuple[Hashable, ...], list[int]] = {}
    for i, entry in enumerate(entries):
        key = tuple(x for k, x in entry.labels.items() if k != "mediator")
        groups.setdefault(key, []).append(i)
    probability = np.empty(len(entries))
    for rows in groups.values():
        rng = np.random.default_rng(seed)
        sizes = np.abs(confidence_draws([entries[i].quantity for i in rows], DRAWS, rng))
        probability[rows] = np.bincount(sizes.argmax(axis=1), minlength=len(rows)) / DRAWS
    return table.assign(probability_dominant=probability)


def dominance_verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Which mediator dominates, how sure that is, and how far the runs tell noise from updates."""
    pooled, cells, support = (tables[k] for k in ("dominance_pooled", "dominance", "support"))
    out: list[str] = []
    if pooled.empty:
        return out
    for (domain, design), part in pooled.groupby(["domain", "design"], sort=False):
        best = WITH_ARMS if WITH_ARMS in set(part["graph"]) else STUDY
        named = dict(list(part.groupby(["graph", "measure"], sort=False)))
        if (best, MEASURES[0]) not in named:
            continue
        first = named.pop((best, MEASURES[0]))
        others = [f"{graph}, {measure}: {_leader(p)}" for (graph, measure), p in named.items()]
        here = cells[(cells["domain"] == domain) & (cells["design"] == design)]
        here = here[(here["graph"] == best) & (here["measure"] == MEASURES[0])]
        sure = here[here["probability_dominant"] > 0.95]["mediator"].value_counts()
        clear = ", ".join(f"{v} in {k}" for v, k in sure.items()) or "none"
        open_ = support[(support["domain"] == domain) & (support["design"] == design)]
        out.append(
            f"{domain.capitalize()}, {SHORT[design]}: of {_total(tables, domain, design, best)} "
            f"points that 16 gains over 512 the largest Shapley share in the mean over cells is "
            f"that of {_leader(first)} ({best} hypergraph); cell by cell with "
            f"probability above 0.95: {clear} of {len(here) // len(MEDIATORS)} cells. Other "
            f"hypergraphs and measures: {'; '.join(others)}. In plain runs all that tells noise "
            f"from updates or epochs is {open_['support_share'].median():.1%} of the variance of "
            "N within seeds (median)."
        )
    return out


def _total(tables: Mapping[str, pd.DataFrame], domain: str, design: str, graph: str) -> str:
    table = tables["dominance_totals"].set_index(["domain", "design", "graph", "quantity"])
    found = [table.loc[(domain, design, graph, name)] for name in (TOTAL, LESS)]
    total, less = (points(r["estimate"], r["lower"], r["upper"]) for r in found)
    return f"{total} (less the design {less})"


def _leader(part: pd.DataFrame) -> str:
    best = part.loc[part["probability_dominant"].idxmax()]
    noise = part[part["mediator"] == "N"]["probability_dominant"].iloc[0]
    other = "" if best["mediator"] == "N" else f", that of noise {noise:.2f}"
    probability = f"probability {best['probability_dominant']:.2f}{other}"
    return f"{MEANING[best['mediator']]} ({probability})"
