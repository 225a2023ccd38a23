"""Prunings: schedules, and what came of them over sparsities and seeds."""

from causalhyper.granger.pruning.layer_report import PrunedLayers, layer_report
from causalhyper.granger.pruning.paired import paired_differences
from causalhyper.granger.pruning.paired_result import PairedDifferences
from causalhyper.granger.pruning.phase_shift import phase_shift
from causalhyper.granger.pruning.phase_shift_result import PhaseShift
from causalhyper.granger.pruning.schedules import sparsity_schedule
from causalhyper.granger.pruning.strips import hyperparameter_strips
from causalhyper.granger.pruning.strips_result import HyperparameterStrips

__all__ = [
    "HyperparameterStrips",
    "PairedDifferences",
    "PhaseShift",
    "PrunedLayers",
    "hyperparameter_strips",
    "layer_report",
    "paired_differences",
    "phase_shift",
    "sparsity_schedule",
]
