"""Ridge regression with many more columns than rows, from one reading of the design."""

from causalhyper.granger.ridge.dual import dual_ridge
from causalhyper.granger.ridge.gram import gram_of
from causalhyper.granger.ridge.result import RidgePath

__all__ = ["RidgePath", "dual_ridge", "gram_of"]
