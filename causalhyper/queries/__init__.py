"""Queries: a verb and a result class each."""

from causalhyper.queries.ablations import (
    Ablation,
    CutHyperedge,
    DropInteraction,
    RandomiseNode,
    ablate,
)
from causalhyper.queries.analysis import Analysis, analyze
from causalhyper.queries.effects import EffectCurve, effect_curve
from causalhyper.queries.mediation import Mediation, mediate

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
