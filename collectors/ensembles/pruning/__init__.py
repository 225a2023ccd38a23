"""Pruning many networks of a seed side by side, each as `collectors.pruning.prune` would alone."""

from collectors.ensembles.pruning.chains import prune_chains
from collectors.ensembles.pruning.methods import Ladder, Method, ladder
from collectors.ensembles.pruning.networks import stacked_network
from collectors.ensembles.pruning.posttraining import posttrain_rows, pretrain_row
from collectors.ensembles.pruning.stacks import Pruning, Stack

__all__ = [
    "Ladder",
    "Method",
    "Pruning",
    "Stack",
    "ladder",
    "posttrain_rows",
    "pretrain_row",
    "prune_chains",
    "stacked_network",
]
