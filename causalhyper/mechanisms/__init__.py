"""Mechanisms: arrays in, small fits out. They know nothing of graphs."""

from causalhyper.mechanisms.additive import AdditiveFit, fit_additive, refit
from causalhyper.mechanisms.bases import Basis, make_basis
from causalhyper.mechanisms.grouping import Groups, make_groups
from causalhyper.mechanisms.terms import TermSpace, evaluate, make_term_space, project_additive

__all__ = [
    "AdditiveFit",
    "Basis",
    "Groups",
    "TermSpace",
    "evaluate",
    "fit_additive",
    "make_basis",
    "make_groups",
    "make_term_space",
    "project_additive",
    "refit",
]
