"""Pruning criteria: what is known of a network, and how each criterion ranks its parameters."""

from causalhyper.granger.criteria.criterion import Criterion, Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.named import CRITERIA, named

__all__ = ["CRITERIA", "Criterion", "Evidence", "Needs", "named"]
