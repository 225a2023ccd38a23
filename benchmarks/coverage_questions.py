"""Every question of benchmarks/coverage.py, asked of one simulated experiment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from benchmarks.coverage_truths import (
    ABOVE,
    AT,
    BASELINE,
    BLOCK_SD,
    COST,
    COST_SLOPE,
    DOSES,
    HELD,
    N_HIGH,
    N_LOW,
    POINT,
    PRICE,
    QUANTILES,
    REPEATS,
    Grid,
    Law,
    ablations,
    effect_of_n,
    mediation,
    path_effects,
    refits,
    shares,
)
from causalhyper import (
    LINEAR,
    CutEdge,
    CutHyperedge,
    DropInteraction,
    Estimate,
    FittedModel,
    FixNode,
    Hyperedge,
    RandomiseNode,
    ablate,
    counterfactual,
    do,
    effect_curve,
    fit,
    marginalise,
    mediate,
    policy,
    randomisation_test,
    refit_without,
    shapley,
    wild_contrasts,
)
from causalhyper import path_effects as split_by_paths
from tests.simulated import (
    ROLES,
    SPLIT,
    TWO_WAYS,
    Truth,
    as_frame,
    design,
    draw_noise,
    respond,
)

CHAIN_TRUTH, TWO_WAYS_TRUTH = Truth(), Truth(d=0.2, h=0.1)
WIDEST = AT[-1]
JOINT = Hyperedge(("N", "S"), "C")
OPERATIONS = {
    "RandomiseNode S": RandomiseNode("S"),
    "FixNode S": FixNode("S", HELD),
    "CutEdge N -> C": CutEdge("N -> C"),
    "CutHyperedge joint": CutHyperedge(JOINT, "joint"),
    "CutHyperedge product": CutHyperedge(JOINT, "product"),
    "DropInteraction product": DropInteraction(JOINT, "product"),
}
COMPARED = ("RandomiseNode S",)
"""Operations asked about with other kinds of interval as well."""
RESAMPLED = 999
"""Signs or assignments of the methods that refit nothing."""

Runs = tuple[pd.DataFrame, Mapping[str, np.ndarray]]
Options = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """One interval, or one band over several estimates, held against the truth.

    Attributes
    ----------
    name : str
    error : float
        Estimate less truth; NaN for a band.
    se, width : float
    below, above : bool
        Whether the truth lies below the interval, or above it.
    """

    name: str
    error: float
    se: float
    width: float
    below: bool
    above: bool


@cache
def grid(truth: Truth) -> Grid:
    """The quadrature of a true model."""
    return Grid(truth)


@cache
def chain_truths() -> dict[str, object]:
    """What is true of the chain."""
    own = grid(CHAIN_TRUTH)
    effects = {b: own.world(b) - own.world(BASELINE) for b in AT}
    made = (mediation, path_effects, ablations, shares, refits)
    return {f.__name__: f(own, WIDEST) for f in made} | {"effects": effects}


def judge(name: str, e: Estimate, truth: float) -> Answer:
    """Hold an interval against the truth."""
    below, above = truth < e.lower, truth > e.upper
    return Answer(name, e.estimate - truth, e.se, e.upper - e.lower, below, above)


def judge_band(name: str, found: tuple[Estimate, ...], truths: list[float]) -> Answer:
    """Hold a simultaneous band against a whole curve."""
    pairs = list(zip(found, truths, strict=True))
    below = any(t < e.joint_lower for e, t in pairs)
    above = any(t > e.joint_upper for e, t in pairs)
    width = float(np.mean([e.joint_upper - e.joint_lower for e in found]))
    return Answer(name, np.nan, np.nan, width, below, above)


def simulate(truth: Truth, clusters: int, rng: np.random.Generator) -> Runs:
    """Complete blocks with cluster effects in every node and in the cost, and the noise."""
    k, b = design(clusters, DOSES, REPEATS)
    noise = draw_noise(truth, rng, len(b))
    noise = {v: x + rng.normal(scale=BLOCK_SD, size=clusters)[k] for v, x in noise.items()}
    cost = COST + COST_SLOPE * b + rng.normal(scale=BLOCK_SD, size=clusters)[k]
    cost += rng.normal(scale=BLOCK_SD, size=len(b))
    return as_frame(k, b, respond(truth, noise, b)).assign(cost=cost), noise


def fitted(graph: str, frame: pd.DataFrame) -> FittedModel:
    """The model of the right form."""
    return fit(graph, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


def ask_main(model: FittedModel, runs: Runs, options: Options) -> Iterator[Answer]:
    """Questions that are also asked with other kinds of interval."""
    asked = {"at": [WIDEST], "baseline": BASELINE, **options}
    yield from _curve(model, options)
    through = mediate(model, "B", "G", "S", controlled={"S": HELD}, **asked)
    for name, truth in chain_truths()["mediation"].items():
        if name != "remainder":  # identically zero in this model; asked of the other one
            yield judge(f"mediate.{name}", getattr(through, name)[0], truth)
    for name in COMPARED:
        yield from _ablation(model, name, asked)
    yield from _levels(model, options)
    yield from _counterfactual(model, runs, options)


def ask_rest(model: FittedModel, frame: pd.DataFrame, options: Options) -> Iterator[Answer]:
    """All other questions about the chain."""
    truths, asked = chain_truths(), {"at": [WIDEST], "baseline": BASELINE, **options}
    for name in OPERATIONS:
        if name not in COMPARED:
            yield from _ablation(model, name, asked)
    for players in ("mediators", "paths"):
        found = shapley(model, "B", "G", players, **asked)
        for player, own in zip(found.players, found.shares, strict=True):
            yield judge(f"shapley.share {player}", own[0], truths["shares"][player])
    split = fitted(SPLIT, frame)
    changes = {
        "without {N, S} -> C": refit_without(split, "B", "G", JOINT, **asked),
        "leave out S": marginalise(model, "B", "G", "S", **asked),
    }
    for name, refit in changes.items():
        yield judge(f"refit.change {name}", refit.change[0], truths["refits"][name])
    yield from _policy(model, frame, options)
    free = {"at": [WIDEST], "baseline": BASELINE, "seed": options["seed"]}
    effect = truths["effects"][WIDEST]
    wild = wild_contrasts(model, "B", "G", **free, weight_sets=RESAMPLED).contrasts[0]
    yield judge("wild_contrasts.design", wild, effect)
    dealt = randomisation_test(model, "B", "G", **free, assignments=RESAMPLED).effects[0]
    yield judge("randomisation.effect", dealt, effect)


def ask_two_ways(frame: pd.DataFrame, options: Options) -> Iterator[Answer]:
    """Mediation and paths where the treatment also changes how S responds to N; N's effect."""
    asked = {"at": [WIDEST], "baseline": BASELINE, **options}
    own, model = grid(TWO_WAYS_TRUTH), fitted(TWO_WAYS, frame)
    through = mediate(model, "B", "G", "S", controlled={"S": HELD}, **asked)
    for name, truth in mediation(own, WIDEST).items():
        yield judge(f"mediate.{name} ({{B, N}} -> S)", getattr(through, name)[0], truth)
    truths = path_effects(own, WIDEST)
    found = split_by_paths(model, "B", "G", **asked)
    total = own.world(WIDEST) - own.world(BASELINE)
    rest = total - sum(x for name, x in truths.items() if name.startswith("along"))
    for e in (*(x[0] for x in (*found.along, *found.coupling_shift)), found.remainder[0]):
        name = e.query.partition(".")[2]
        truth = rest if name == "remainder" else truths[f"{name} {e.subject}"]
        yield judge(f"{e.query} {e.subject}".strip(), e, truth)
    curve = effect_curve(model, "N", "G", at=[N_HIGH], baseline=N_LOW, **options)
    for name in ("adjusted", "graph"):
        yield judge(f"effect_curve.{name} (N on G)", getattr(curve, name)[0], effect_of_n(own))


def _curve(model: FittedModel, options: Options) -> Iterator[Answer]:
    curve = effect_curve(model, "B", "G", at=AT, baseline=BASELINE, **options)
    effects = list(chain_truths()["effects"].values())
    for name in ("design", "adjusted", "graph", "gap"):
        truths = [0.0] * len(AT) if name == "gap" else effects
        found = getattr(curve, name)
        yield judge(f"effect_curve.{name}", found[-1], truths[-1])
        yield judge_band(f"effect_curve.{name}, band", found, truths)


def _ablation(model: FittedModel, name: str, asked: Options) -> Iterator[Answer]:
    truths = chain_truths()["ablations"][name]
    found = ablate(model, "B", "G", OPERATIONS[name], **asked)
    for part, truth in truths.items():
        if part == "after" and found.tautological:
            continue  # zero by construction
        yield judge(f"ablate.{part} {name}", getattr(found, part)[0], truth)


def _levels(model: FittedModel, options: Options) -> Iterator[Answer]:
    law = Law(CHAIN_TRUTH, WIDEST)
    found = do(
        model, {"B": WIDEST}, "G", quantiles=QUANTILES, above=ABOVE, density=[POINT], **options
    )
    truths = [law.mean, law.sd, *map(law.quantile, QUANTILES), law.above(ABOVE)]
    truths.append(law.density(POINT, found.bandwidth))
    for e, truth in zip(found.estimates, truths, strict=True):
        yield judge(" ".join([e.query, *e.subject.split()[-1:]]), e, truth)


def _counterfactual(model: FittedModel, runs: Runs, options: Options) -> Iterator[Answer]:
    """Runs of the baseline, had they had the widest value; one of them, and all."""
    frame, noise = runs
    low = frame[frame["b"] == BASELINE]
    there = respond(CHAIN_TRUTH, noise, WIDEST)["G"][low.index]
    found = counterfactual(model, {"B": WIDEST}, "G", runs=low, **options)
    changes = there - low["g"].to_numpy()
    yield judge("counterfactual.run", found.differences[0], changes[0])
    yield judge("counterfactual.mean", found.average, float(changes.mean()))


def _policy(model: FittedModel, frame: pd.DataFrame, options: Options) -> Iterator[Answer]:
    own = grid(CHAIN_TRUTH)
    outcome = np.array([own.world(b) for b in DOSES])
    cost = PRICE * (COST + COST_SLOPE * np.array(DOSES))
    utility = outcome - cost
    gaps = [u - np.delete(utility, i).max() for i, u in enumerate(utility)]
    truths = {"outcome": outcome, "cost": cost, "utility": utility, "gap": gaps}
    for estimator in ("graph", "design"):
        found = policy(
            model, "B", "G", at=DOSES, cost={"cost": PRICE}, runs=frame, estimator=estimator,
            draws=options["draws"], seed=options["seed"],
        )  # fmt: skip
        widest = found.overall.choices[-1]
        for name in ("outcome", "utility"):
            answer = judge("", getattr(widest, name), truths[name][-1])
            yield replace(answer, name=f"policy.{name} {estimator}")
        choices = found.overall.choices
        misses = [judge("", c.gap, t) for c, t in zip(choices, gaps, strict=True)]
        sides = (any(m.below for m in misses), any(m.above for m in misses))
        width = float(np.mean([m.width for m in misses]))
        yield Answer(f"policy.gap {estimator}, all values", np.nan, np.nan, width, *sides)
        if estimator == "graph":
            yield judge("policy.cost", widest.cost, cost[-1])
