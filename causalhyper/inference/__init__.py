"""Statistical inference on arrays: resampling, intervals, tests, densities, multiplicity."""

from causalhyper.inference.bootstrap import (
    basic_limits,
    bca_limits,
    percentile_limits,
    studentized_limits,
)
from causalhyper.inference.contrasts import block_grams
from causalhyper.inference.densities import bandwidth, kernel_densities
from causalhyper.inference.independence import (
    NOTHING_LEFT,
    PartialCorrelation,
    partial_correlation,
    variation_left,
)
from causalhyper.inference.intervals import Bands, bands
from causalhyper.inference.inversion import invert_test
from causalhyper.inference.jackknife import (
    LeftOut,
    acceleration,
    jackknife_variances,
    leave_one_out,
    satterthwaite_df,
)
from causalhyper.inference.kernel_independence import KernelIndependence, kernel_independence
from causalhyper.inference.multiplicity import adjust_p_values
from causalhyper.inference.permutation import (
    Assignment,
    OmnibusTest,
    PairTest,
    assignments,
    compare_all,
    compare_pair,
    count_assignments,
    deal,
)
from causalhyper.inference.proportions import proportion_interval
from causalhyper.inference.resampling import (
    RowLayout,
    cluster_weights,
    lay_out_rows,
    pick_rows,
    spread_rows,
    thin_rows,
)
from causalhyper.inference.wild import WildTest, wild_test

__all__ = [
    "NOTHING_LEFT",
    "Assignment",
    "Bands",
    "KernelIndependence",
    "LeftOut",
    "OmnibusTest",
    "PairTest",
    "PartialCorrelation",
    "RowLayout",
    "WildTest",
    "acceleration",
    "adjust_p_values",
    "assignments",
    "bands",
    "bandwidth",
    "basic_limits",
    "bca_limits",
    "block_grams",
    "cluster_weights",
    "compare_all",
    "compare_pair",
    "count_assignments",
    "deal",
    "invert_test",
    "jackknife_variances",
    "kernel_densities",
    "kernel_independence",
    "lay_out_rows",
    "leave_one_out",
    "partial_correlation",
    "percentile_limits",
    "pick_rows",
    "proportion_interval",
    "satterthwaite_df",
    "spread_rows",
    "studentized_limits",
    "thin_rows",
    "variation_left",
    "wild_test",
]
