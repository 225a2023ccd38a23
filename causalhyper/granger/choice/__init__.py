"""Which penalty: given, by the number kept, by blocked cross-validation, or by extended BIC."""

from causalhyper.granger.choice.counts import choose_by_count, first_entries
from causalhyper.granger.choice.cross_validation import choose_by_cross_validation
from causalhyper.granger.choice.ebic import choose_by_ebic
from causalhyper.granger.choice.folds import blocked_folds
from causalhyper.granger.choice.given import choose_given
from causalhyper.granger.choice.information import effective_steps, extended_bic
from causalhyper.granger.choice.layers import LayerChoices, LayerFailedError, fit_layers
from causalhyper.granger.choice.penalties import (
    LASSO,
    PENALTIES,
    Penalty,
    PenaltySettings,
    penalty_named,
)
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.choice.rows import RowsOf

__all__ = [
    "LASSO",
    "PENALTIES",
    "LayerChoices",
    "LayerFailedError",
    "Penalty",
    "PenaltyChoice",
    "PenaltySettings",
    "RowsOf",
    "blocked_folds",
    "choose_by_count",
    "choose_by_cross_validation",
    "choose_by_ebic",
    "choose_given",
    "effective_steps",
    "extended_bic",
    "first_entries",
    "fit_layers",
    "penalty_named",
]
