"""Statistical inference on arrays: resampling, bands, design contrasts."""

from causalhyper.inference.contrasts import block_grams
from causalhyper.inference.densities import bandwidth, kernel_densities
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.proportions import proportion_interval
from causalhyper.inference.resampling import RowLayout, cluster_weights, lay_out_rows, pick_rows

__all__ = [
    "Bands",
    "RowLayout",
    "bands",
    "bandwidth",
    "block_grams",
    "cluster_weights",
    "kernel_densities",
    "lay_out_rows",
    "pick_rows",
    "proportion_interval",
]
