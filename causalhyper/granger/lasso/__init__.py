"""The lasso of few rows and very many columns: exact paths, certified, read in blocks."""

from causalhyper.granger.lasso.columns import ColumnBlocks, DenseColumns, SquaredChanges
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path
from causalhyper.granger.lasso.path import lasso_path
from causalhyper.granger.lasso.result import LassoPath

__all__ = [
    "ColumnBlocks",
    "DenseColumns",
    "LassoPath",
    "SquaredChanges",
    "elastic_net_path",
    "group_lasso_path",
    "lasso_path",
]
