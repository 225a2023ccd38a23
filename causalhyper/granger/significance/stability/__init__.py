"""How often half of the steps select a column, and how many are so by chance."""

from causalhyper.granger.significance.stability.agreement import jaccard, stability_index
from causalhyper.granger.significance.stability.bounds import SelectionBounds, bound_selections
from causalhyper.granger.significance.stability.frequency import (
    SelectionFailedError,
    selection_frequency,
)
from causalhyper.granger.significance.stability.result import SelectionFrequencies
from causalhyper.granger.significance.stability.selectors import (
    Selector,
    select_by_penalty,
    select_by_screening,
)

__all__ = [
    "SelectionBounds",
    "SelectionFailedError",
    "SelectionFrequencies",
    "Selector",
    "bound_selections",
    "jaccard",
    "select_by_penalty",
    "select_by_screening",
    "selection_frequency",
    "stability_index",
]
