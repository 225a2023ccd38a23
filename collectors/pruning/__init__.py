"""Pruning networks by what their training says: the procedure, its settings and its result."""

from collectors.pruning.masked_training import keep_pruned
from collectors.pruning.procedure import pretrain, prune
from collectors.pruning.pruned import Pruned
from collectors.pruning.results import read_pruned
from collectors.pruning.settings import PruningSettings, published_settings
from collectors.pruning.tasks import PruningTask, prunable_parameters

__all__ = [
    "Pruned",
    "PruningSettings",
    "PruningTask",
    "keep_pruned",
    "pretrain",
    "prunable_parameters",
    "prune",
    "published_settings",
    "read_pruned",
]
