"""Queries: a verb and a result class each; those of `queries.robustness` stand apart."""

from causalhyper.queries.ablations.operations import (
    CutEdge,
    CutHyperedge,
    DropInteraction,
    FixNode,
    RandomiseNode,
)
from causalhyper.queries.ablations.query import Ablation, ablate
from causalhyper.queries.analysis import Analysis, analyze
from causalhyper.queries.counterfactuals.query import Counterfactual, counterfactual
from causalhyper.queries.design_tests.randomisation import RandomisationTests, randomisation_test
from causalhyper.queries.design_tests.wild import WildContrasts, wild_contrasts
from causalhyper.queries.effects.arc_slopes import ArcSlopes, arc_slopes
from causalhyper.queries.effects.query import EffectCurve, effect_curve
from causalhyper.queries.graph_checks.falsification import Falsification, falsify
from causalhyper.queries.graph_checks.identification import Identification, identify
from causalhyper.queries.graph_checks.independencies import (
    IndependenceChecks,
    check_independencies,
)
from causalhyper.queries.interventions.query import Intervention, do
from causalhyper.queries.mediation.query import Mediation, mediate
from causalhyper.queries.paths.query import PathEffects, path_effects
from causalhyper.queries.planning.plans import Power
from causalhyper.queries.planning.query import power
from causalhyper.queries.policies.query import Policy, policy
from causalhyper.queries.refits.query import Refit, marginalise, refit_without
from causalhyper.queries.shares.query import Shares, shapley

__all__ = [
    "Ablation",
    "Analysis",
    "ArcSlopes",
    "Counterfactual",
    "CutEdge",
    "CutHyperedge",
    "DropInteraction",
    "EffectCurve",
    "Falsification",
    "FixNode",
    "Identification",
    "IndependenceChecks",
    "Intervention",
    "Mediation",
    "PathEffects",
    "Policy",
    "Power",
    "RandomisationTests",
    "RandomiseNode",
    "Refit",
    "Shares",
    "WildContrasts",
    "ablate",
    "analyze",
    "arc_slopes",
    "check_independencies",
    "counterfactual",
    "do",
    "effect_curve",
    "falsify",
    "identify",
    "marginalise",
    "mediate",
    "path_effects",
    "policy",
    "power",
    "randomisation_test",
    "refit_without",
    "shapley",
    "wild_contrasts",
]
