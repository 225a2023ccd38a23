"""Structural causal models on hypergraphs: fitting, replicates, simulation."""

from causalhyper.scm.fitting import fit
from causalhyper.scm.model import FittedModel, Mechanism
from causalhyper.scm.options import (
    LINEAR,
    SPLINE,
    Additive,
    Binomial,
    CrossValidated,
    Flow,
    Regressor,
    Table,
)

__all__ = [
    "LINEAR",
    "SPLINE",
    "Additive",
    "Binomial",
    "CrossValidated",
    "FittedModel",
    "Flow",
    "Mechanism",
    "Regressor",
    "Table",
    "fit",
]
