"""Statistical inference on arrays: resampling, bands, design contrasts."""

from causalhyper.inference.bootstrap import (
    basic_limits,
    bca_limits,
    percentile_limits,
    studentized_limits,
)
from causalhyper.inference.contrasts import block_grams
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.jackknife import (
    LeftOut,
    acceleration,
    jackknife_variances,
    leave_one_out,
    satterthwaite_df,
)
from causalhyper.inference.multiplicity import adjust
from causalhyper.inference.resampling import RowLayout, cluster_weights, lay_out_rows, pick_rows

__all__ = [
    "Bands",
    "LeftOut",
    "RowLayout",
    "acceleration",
    "adjust",
    "bands",
    "basic_limits",
    "bca_limits",
    "block_grams",
    "cluster_weights",
    "jackknife_variances",
    "lay_out_rows",
    "leave_one_out",
    "percentile_limits",
    "pick_rows",
    "satterthwaite_df",
    "studentized_limits",
]
