"""One small result of every class."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

import causalhyper as ch
from causalhyper.frames.logged.logged import Logged
from causalhyper.frames.step_sums import LayerSums, StepSums
from causalhyper.granger.choice import choose_by_cross_validation, choose_by_ebic, choose_given
from causalhyper.granger.choice.layers import fit_layers
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.lasso import DenseColumns, group_lasso_path, lasso_path
from causalhyper.granger.masks import Masks, allocate, compare_masks
from causalhyper.granger.pruning import (
    hyperparameter_strips,
    layer_report,
    paired_differences,
    phase_shift,
)
from causalhyper.granger.ridge import dual_ridge
from causalhyper.granger.screening import screen_columns
from causalhyper.granger.significance import layers, report, screened, shifts, stability
from causalhyper.granger.stochastic import stochastic_lasso
from causalhyper.queries import robustness
from causalhyper.queries.effects.arc_slopes import arc_slopes
from causalhyper.report import summarise_runs
from causalhyper.scm import FittedModel
from tests.simulated import CHAIN, ROLES, Truth, runs

BASE: dict[str, Any] = {"at": [2.0, 4.0], "baseline": 1.0, "draws": 100}
PAIR = {"treatment": "B", "outcome": "G"}
RHOS = {"pairs": [("S", "G")], "rhos": [-0.3, 0.0, 0.3]}


@cache
def model() -> FittedModel:
    frame = runs(Truth(), np.random.default_rng(0), clusters=8)
    return ch.fit(CHAIN, frame, ROLES, protocol="equal epochs", cluster="k", mechanisms=ch.LINEAR)


def _queries() -> dict[str, Callable[[], Any]]:
    def ask(verb: Callable[..., Any], *given: Any, **asked: Any) -> Callable[[], Any]:
        return lambda: verb(model(), *given, **asked)

    curve = PAIR | BASE
    arcs = PAIR | {"draws": 100}
    level = PAIR | {"at": [2.0, 4.0], "baseline": 1.0}
    return {
        "Ablation": ask(ch.ablate, operation=ch.RandomiseNode("S"), **curve),
        "Analysis": ask(ch.analyze, **curve),
        "ArcSensitivity": lambda: robustness.partial_r2_sensitivity(model(), **arcs).arcs[0],
        "ArcSlopes": ask(arc_slopes, **PAIR),
        "CorrelatedErrors": ask(robustness.correlated_errors, **curve, **RHOS),
        "DataSummary": lambda: summarise_runs(
            runs(Truth(), np.random.default_rng(0), clusters=8), ROLES, treatment="B", cluster="k"
        ),
        "Counterfactual": ask(
            ch.counterfactual, setting={"B": 4.0}, outcome="G", draws=100, seed=1
        ),
        "EValues": ask(robustness.e_values, **curve),
        "EffectCurve": ask(ch.effect_curve, **curve),
        "Falsification": ask(ch.falsify, permutations=20),
        "Identification": lambda: ch.identify(CHAIN, "B", "G", mediators="S"),
        "IndependenceChecks": ask(ch.check_independencies),
        "Intervention": ask(ch.do, {"B": [1.0, 4.0]}, outcome="G", draws=100),
        "LeaveOut": ask(robustness.leave_out, **curve),
        "Mediation": ask(ch.mediate, mediators="S", **curve),
        "PairSensitivity": lambda: robustness.correlated_errors(model(), **curve, **RHOS).pairs[0],
        "PartialR2": ask(robustness.partial_r2_sensitivity, **arcs),
        "PathEffects": ask(ch.path_effects, **curve),
        "Policy": ask(ch.policy, **PAIR, at=[1.0, 2.0, 4.0], draws=100),
        "Power": ask(ch.power, effects=0.5, **level),
        "RandomisationTests": ask(ch.randomisation_test, assignments=99, **level),
        "Refit": ask(ch.refit_without, edge="{N, S} -> C", **curve),
        "Refutation": ask(robustness.placebo_treatment, refits=20, **curve),
        "Robustness": ask(ch.robustness, refits=20, **RHOS, **curve),
        "Shares": ask(ch.shapley, players=[ch.RandomiseNode("S"), ch.RandomiseNode("C")], **curve),
        "WildContrasts": ask(ch.wild_contrasts, weight_sets=99, **level),
    }


@cache
def design() -> tuple[DenseColumns, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.chisquare(1, size=(120, 40))
    return DenseColumns(x), x[:, 3] - 0.5 * x[:, 8] + 0.3 * rng.normal(size=120)


def _trajectory() -> ArrayTrajectory:
    rng = np.random.default_rng(0)
    moves = {"conv": rng.normal(size=(120, 8)), "fc": rng.normal(size=(120, 12))}
    after = -(moves["fc"] ** 2).sum(axis=1) + rng.normal(size=120)
    return ArrayTrajectory(moves, pd.DataFrame({"loss": 0.0, "loss_after": after}))


def _masks(seed: int = 0) -> Masks:
    rng = np.random.default_rng(seed)
    shapes = {"conv.weight": (30, 9), "fc1.weight": (50, 40), "fc2.weight": (10, 50)}
    return Masks({name: rng.random(shape) < 0.1 for name, shape in shapes.items()})


def _pruned_runs(seeds: int = 4) -> Iterator[pd.DataFrame]:
    rng = np.random.default_rng(0)
    kept = np.array([0.5, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.001])
    for method, middle in (("magnitude", 0.03), ("causal", 0.01)):
        fall = 0.1 + 0.6 / (1 + (middle / kept) ** 3)
        for seed in range(seeds):
            accuracy = fall + rng.normal(scale=0.006) + rng.normal(scale=0.002, size=9)
            columns = {"method": method, "seed": seed, "sparsity": 1 - kept}
            yield pd.DataFrame(columns | {"test_accuracy": accuracy})


def prunings() -> pd.DataFrame:
    """Accuracies of two methods at nine levels."""
    return pd.concat(_pruned_runs(), ignore_index=True)


def _strips() -> Any:
    rng = np.random.default_rng(0)
    rows = [(n, s, 0.65 + 0.01 * n + 0.01 * rng.normal()) for n in (1, 2, 4) for s in range(5)]
    frame = pd.DataFrame(rows, columns=["N_iter", "seed", "test_accuracy"])
    return hyperparameter_strips(
        frame, parameters=["N_iter"], outcomes=["test_accuracy"], reference={"N_iter": 1}
    )


def _granger() -> dict[str, Callable[[], Any]]:
    def of_design(fit: Callable[..., Any], **asked: Any) -> Callable[[], Any]:
        return lambda: fit(*design(), **asked)

    def rng() -> np.random.Generator:
        return np.random.default_rng(1)

    def halves() -> dict[str, DenseColumns]:
        x = design()[0]
        values = np.asarray(next(iter(x.blocks()))[1]) if hasattr(x, "blocks") else x.values
        return {"conv": DenseColumns(values[:, :20]), "fc": DenseColumns(values[:, 20:])}

    choose = partial(choose_given, lambda_=0.2)
    picks = partial(stability.select_by_screening, kept=6)
    return {
        "Allocation": lambda: allocate({"conv": [3.0, 1.0], "fc": [0.5, 0.2, 0.1]}, sparsity=0.4),
        "Diagnosis": lambda: report.diagnose(_trajectory(), rng=rng(), pairs=4, draws=99),
        "GrangerDesign": lambda: granger_design(_trajectory())["fc"],
        "HyperparameterStrips": _strips,
        "KeptEntries": lambda: screen_columns({"fc": design()[0]}, design()[1]).keep(sparsity=0.5),
        "LaggedTests": lambda: layers.lagged_tests(
            rng().normal(size=200), rng().normal(size=201)[1:]
        ),
        "LassoPath": of_design(lasso_path, lambdas=30),
        "LayerChoices": lambda: fit_layers({"conv": design(), "fc": design()}, choose_by_ebic),
        "LayerTests": lambda: layers.layer_tests(halves(), design()[1]),
        "MaskAgreement": lambda: compare_masks(
            {"causal": [_masks(0), _masks(1)], "magnitude": [_masks(2), _masks(3)]}
        ),
        "Masks": _masks,
        "MovementIncrement": lambda: layers.movement_increment(halves(), design()[1]),
        "PairedDifferences": lambda: paired_differences(prunings(), baseline="magnitude"),
        "PenaltyChoice": of_design(choose_by_cross_validation, blocks=4),
        "PhaseShift": lambda: phase_shift(prunings()),
        "PrunedLayers": lambda: layer_report(_masks()),
        "RidgePath": of_design(dual_ridge, choice="gcv"),
        "ScreenedTest": lambda: screened.screen_then_test(*design(), rng=rng(), method="debiased"),
        "Screening": lambda: screen_columns(halves(), design()[1]),
        "SelectionFrequencies": lambda: stability.selection_frequency(
            *design(), select=picks, rng=rng(), pairs=10
        ),
        "ShiftTest": of_design(shifts.shift_test),
        "ShiftedSelection": lambda: shifts.shifted_selection(
            design()[0], choose, design()[1], shifts=19, rng=rng()
        ),
        "StochasticPath": of_design(stochastic_lasso, l1=[0.2, 0.1, 0.05], epochs=30),
    }


def _frames() -> dict[str, Callable[[], Any]]:
    layer = LayerSums(
        "fc", (2,), np.ones((1, 1, 2)), np.ones((1, 1, 2)), np.ones((1, 1, 2)),
        np.ones(2), np.ones(2),
    )  # fmt: skip
    frame = pd.DataFrame({"run_id": ["a"], "learning_rate": [0.1]})
    return {
        "DirectedHypergraph": lambda: model().graph,
        "FittedModel": model,
        "Logged": lambda: Logged("lightning", "Lightning CSV logs 'logs'", frame, frame),
        "StepSums": lambda: StepSums((layer,), (0,), False, (np.array([0.5, 1.0]),), {}),
    }


RESULTS = _queries() | _granger() | _frames()
"""By class, what makes one."""
EXTRA = {"group lasso": lambda: group_lasso_path(*design(), groups=4, lambdas=15)}
