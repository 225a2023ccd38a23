"""Statistical inference on arrays: resampling, bands, design contrasts."""

from causalhyper.inference.contrasts import block_grams
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.multiplicity import adjust
from causalhyper.inference.resampling import RowLayout, cluster_weights, lay_out_rows, pick_rows

__all__ = [
    "Bands",
    "RowLayout",
    "adjust",
    "bands",
    "block_grams",
    "cluster_weights",
    "lay_out_rows",
    "pick_rows",
]
