"""Pruning networks by what their training says: the procedure, its settings and its result."""

from collectors.pruning.many import prune_many
from collectors.pruning.masked_training import keep_pruned
from collectors.pruning.procedure import pretrain, prune
from collectors.pruning.pruned import Pruned
from collectors.pruning.results import read_pruned
from collectors.pruning.safetensors_masks import load_masked, load_masks, save_masked, save_masks
from collectors.pruning.settings import PruningSettings, published_settings
from collectors.pruning.tasks import PruningTask, prunable_parameters

__all__ = [
    "Pruned",
    "PruningSettings",
    "PruningTask",
    "keep_pruned",
    "load_masked",
    "load_masks",
    "pretrain",
    "prunable_parameters",
    "prune",
    "prune_many",
    "published_settings",
    "read_pruned",
    "save_masked",
    "save_masks",
]
