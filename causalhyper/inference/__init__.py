"""Statistical inference on arrays: resampling, bands, design contrasts."""

from causalhyper.inference.contrasts import within_block_contrasts
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.resampling import cluster_weights

__all__ = ["Bands", "bands", "cluster_weights", "within_block_contrasts"]
