"""What a selection keeps, counted in entries: parameters or units, each of one or more columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.counts import choose_by_count
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso.columns import ColumnBlocks

Choose = Callable[[ColumnBlocks, Array], PenaltyChoice]
"""Any of the ways to choose, with its settings."""
STEPS, SHARE = 10, 4
"""Unless a selection is given, one column is kept for so many steps, and for so many columns."""


@dataclass(frozen=True, slots=True)
class EntryChoice:
    """A selection whose kept columns are numbers of entries.

    Attributes
    ----------
    choose : callable
        Given columns and response, returns a `PenaltyChoice`.
    groups : int
        Columns of an entry, side by side.
    """

    choose: Choose
    groups: int

    def __call__(self, columns: ColumnBlocks, y: Array) -> PenaltyChoice:
        """Choose, and count entries of which any column is kept."""
        choice: object = self.choose(columns, y)
        if not isinstance(choice, PenaltyChoice):
            raise ConfigurationError(
                "select must return a PenaltyChoice, as all choose_ functions do; got "
                f"{type(choice).__name__}"
            )
        return replace(choice, columns=np.unique(choice.columns // self.groups))


def default_choice(design: GrangerDesign) -> Choose:
    """Keep a tenth as many columns as there are steps, and a quarter of the columns at most.

    Parameters
    ----------
    design : GrangerDesign

    Returns
    -------
    callable

    Notes
    -----
    The number is fixed, so that halves of the steps and rotated responses keep as many.
    """
    rows, count = design.shape
    return partial(choose_by_count, kept=max(1, min(rows // STEPS, count // SHARE)))
