"""Queries: a verb and a result class each; those of `queries.robustness` stand apart."""

from causalhyper.queries.ablations import Ablation, ablate
from causalhyper.queries.analysis import Analysis, analyze
from causalhyper.queries.counterfactuals import Counterfactual, counterfactual
from causalhyper.queries.effects import EffectCurve, effect_curve
from causalhyper.queries.falsification import Falsification, falsify
from causalhyper.queries.identification import Identification, identify
from causalhyper.queries.independencies import IndependenceChecks, check_independencies
from causalhyper.queries.interventions import Intervention, do
from causalhyper.queries.mediation import Mediation, mediate
from causalhyper.queries.operations import (
    CutEdge,
    CutHyperedge,
    DropInteraction,
    FixNode,
    RandomiseNode,
)
from causalhyper.queries.path_effects import PathEffects, path_effects
from causalhyper.queries.planning import power
from causalhyper.queries.policies import Policy, policy
from causalhyper.queries.power_plans import Power
from causalhyper.queries.randomisation import RandomisationTests, randomisation_test
from causalhyper.queries.refits import Refit, marginalise, refit_without
from causalhyper.queries.shares import Shares, shapley
from causalhyper.queries.wild import WildContrasts, wild_contrasts

__all__ = [
    "Ablation",
    "Analysis",
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
