"""Queries: a verb and a result class each."""

from causalhyper.queries.ablations import Ablation, ablate
from causalhyper.queries.analysis import Analysis, analyze
from causalhyper.queries.effects import EffectCurve, effect_curve
from causalhyper.queries.mediation import Mediation, mediate
from causalhyper.queries.operations import CutHyperedge, DropInteraction, RandomiseNode

__all__ = [
    "Ablation",
    "Analysis",
    "CutHyperedge",
    "DropInteraction",
    "EffectCurve",
    "Mediation",
    "RandomiseNode",
    "ablate",
    "analyze",
    "effect_curve",
    "mediate",
]
