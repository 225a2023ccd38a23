"""Mechanisms: arrays in, small fits out. They know nothing of graphs."""

from causalhyper.mechanisms.additive import AdditiveFit, fit_additive
from causalhyper.mechanisms.bases import Basis, make_basis
from causalhyper.mechanisms.binomial import BinomialFit, fit_binomial
from causalhyper.mechanisms.flows import FlowFit, fit_flow
from causalhyper.mechanisms.folds import cluster_folds
from causalhyper.mechanisms.grouping import Groups, make_groups
from causalhyper.mechanisms.ladder import Capability, InvertibleFit, MechanismFit, Parameters
from causalhyper.mechanisms.polynomials import (
    Monomial,
    Polynomial,
    Symbol,
    constant,
    drawn,
    expand_support,
    multilinear,
    predict_polynomial,
)
from causalhyper.mechanisms.pooling import variance_ratio
from causalhyper.mechanisms.predictors import LinearParameters
from causalhyper.mechanisms.regressor import RegressorFit, fit_regressor
from causalhyper.mechanisms.tables import TableFit, fit_table
from causalhyper.mechanisms.terms import TermSpace, evaluate, make_term_space, project_additive

__all__ = [
    "AdditiveFit",
    "Basis",
    "BinomialFit",
    "Capability",
    "FlowFit",
    "Groups",
    "InvertibleFit",
    "LinearParameters",
    "MechanismFit",
    "Monomial",
    "Parameters",
    "Polynomial",
    "RegressorFit",
    "Symbol",
    "TableFit",
    "TermSpace",
    "cluster_folds",
    "constant",
    "drawn",
    "evaluate",
    "expand_support",
    "fit_additive",
    "fit_binomial",
    "fit_flow",
    "fit_regressor",
    "fit_table",
    "make_basis",
    "make_groups",
    "make_term_space",
    "multilinear",
    "predict_polynomial",
    "project_additive",
    "variance_ratio",
]
