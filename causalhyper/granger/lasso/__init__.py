"""The lasso of few rows and very many columns: exact paths, certified, read in blocks."""

from causalhyper.granger.lasso.columns import ColumnBlocks, DenseColumns, SquaredChanges
from causalhyper.granger.lasso.path import lasso_path
from causalhyper.granger.lasso.result import LassoPath

__all__ = ["ColumnBlocks", "DenseColumns", "LassoPath", "SquaredChanges", "lasso_path"]
