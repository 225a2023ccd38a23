"""Statistical inference on arrays: resampling, bands, design contrasts."""

from causalhyper.inference.bootstrap import (
    basic_limits,
    bca_limits,
    percentile_limits,
    studentized_limits,
)
from causalhyper.inference.contrasts import block_grams
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.inversion import invert_test
from causalhyper.inference.jackknife import (
    LeftOut,
    acceleration,
    jackknife_variances,
    leave_one_out,
    satterthwaite_df,
)
from causalhyper.inference.multiplicity import adjust
from causalhyper.inference.permutation import (
    Assignment,
    OmnibusTest,
    PairTest,
    assignments,
    compare_all,
    compare_pair,
    count_assignments,
)
from causalhyper.inference.resampling import RowLayout, cluster_weights, lay_out_rows, pick_rows
from causalhyper.inference.wild import WildTest, wild_test

__all__ = [
    "Assignment",
    "Bands",
    "LeftOut",
    "OmnibusTest",
    "PairTest",
    "RowLayout",
    "WildTest",
    "acceleration",
    "adjust",
    "assignments",
    "bands",
    "basic_limits",
    "bca_limits",
    "block_grams",
    "cluster_weights",
    "compare_all",
    "compare_pair",
    "count_assignments",
    "invert_test",
    "jackknife_variances",
    "lay_out_rows",
    "leave_one_out",
    "percentile_limits",
    "pick_rows",
    "satterthwaite_df",
    "studentized_limits",
    "wild_test",
]
