"""Conditional normalising flows: non-normal noise of unequal spread that can be recovered."""

from causalhyper.mechanisms.flows.fitting import fit_flow
from causalhyper.mechanisms.flows.flow import FlowFit
from causalhyper.mechanisms.flows.likelihood import Penalties
from causalhyper.mechanisms.flows.parameters import FlowParameters

__all__ = ["FlowFit", "FlowParameters", "Penalties", "fit_flow"]
