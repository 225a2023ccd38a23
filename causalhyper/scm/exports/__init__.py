"""Fitted models in the forms of other programs."""

from causalhyper.scm.exports.gcm_model import node_values, to_gcm
from causalhyper.scm.exports.linear_gaussian import to_linear_gaussian

__all__ = ["node_values", "to_gcm", "to_linear_gaussian"]
