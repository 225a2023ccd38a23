"""Stochastic l1 descent, the solver that causal pruning was published with."""

from causalhyper.granger.stochastic.fit import stochastic_lasso
from causalhyper.granger.stochastic.result import StochasticPath

__all__ = ["StochasticPath", "stochastic_lasso"]
