"""Robustness: what an effect withstands."""

from causalhyper.queries.robustness.arc_sensitivity import ArcSensitivity, Benchmark, PartialR2
from causalhyper.queries.robustness.correlated_errors import correlated_errors
from causalhyper.queries.robustness.e_value_results import EValue, EValues
from causalhyper.queries.robustness.e_values import e_values
from causalhyper.queries.robustness.findings import Finding
from causalhyper.queries.robustness.leave_out import LeaveOut, leave_out
from causalhyper.queries.robustness.overall import robustness
from causalhyper.queries.robustness.overview import Robustness
from causalhyper.queries.robustness.partial_r2 import partial_r2_sensitivity
from causalhyper.queries.robustness.refutations import Movement, Refutation
from causalhyper.queries.robustness.refuters import (
    cluster_subsets,
    dummy_outcome,
    placebo_treatment,
    random_common_cause,
)
from causalhyper.queries.robustness.rho_curves import CorrelatedErrors, PairSensitivity
from causalhyper.queries.robustness.rho_roots import RhoCurve

__all__ = [
    "ArcSensitivity",
    "Benchmark",
    "CorrelatedErrors",
    "EValue",
    "EValues",
    "Finding",
    "LeaveOut",
    "Movement",
    "PairSensitivity",
    "PartialR2",
    "Refutation",
    "RhoCurve",
    "Robustness",
    "cluster_subsets",
    "correlated_errors",
    "dummy_outcome",
    "e_values",
    "leave_out",
    "partial_r2_sensitivity",
    "placebo_treatment",
    "random_common_cause",
    "robustness",
]
