"""Structural causal models on hypergraphs: fitting, replicates, simulation."""

from causalhyper.scm.fitting import fit
from causalhyper.scm.model import LINEAR, SPLINE, Additive, FittedModel, Mechanism

__all__ = ["LINEAR", "SPLINE", "Additive", "FittedModel", "Mechanism", "fit"]
