"""Statistical inference on arrays: resampling, bands, design contrasts."""

from causalhyper.inference.contrasts import block_grams
from causalhyper.inference.densities import bandwidth, kernel_densities
from causalhyper.inference.independence import (
    NOTHING_LEFT,
    PartialCorrelation,
    partial_correlation,
    variation_left,
)
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.kernel_independence import KernelIndependence, kernel_independence
from causalhyper.inference.multiplicity import adjust
from causalhyper.inference.proportions import proportion_interval
from causalhyper.inference.resampling import (
    RowLayout,
    cluster_weights,
    lay_out_rows,
    pick_rows,
    spread_rows,
)

__all__ = [
    "NOTHING_LEFT",
    "Bands",
    "KernelIndependence",
    "PartialCorrelation",
    "RowLayout",
    "adjust",
    "bands",
    "bandwidth",
    "block_grams",
    "cluster_weights",
    "kernel_densities",
    "kernel_independence",
    "lay_out_rows",
    "partial_correlation",
    "pick_rows",
    "proportion_interval",
    "spread_rows",
    "variation_left",
]
