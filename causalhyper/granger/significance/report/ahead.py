"""How well a whole selection predicts steps that come after those it was made on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from causalhyper.granger.choice.cross_validation import score_blocks
from causalhyper.granger.choice.folds import Folds
from causalhyper.granger.choice.prediction import predict_rows
from causalhyper.granger.choice.rows import RowsOf
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.significance.report.entries import EntryChoice


@dataclass(frozen=True, slots=True)
class Ahead:
    """Share of the loss change of later steps that is predicted.

    Attributes
    ----------
    r2 : float
        Against the mean of the steps learned from; below 0 worse than that.
    se : float
        Its standard error by block.
    """

    r2: float
    se: float


def predict_ahead(design: GrangerDesign, choose: EntryChoice, folds: Folds) -> Ahead:
    """Select on the earlier steps of every fold, penalty too, and predict its later ones.

    Parameters
    ----------
    design : GrangerDesign
    choose : EntryChoice
    folds : sequence of pairs of ndarray of int
        Rows to learn from and rows to predict.

    Returns
    -------
    Ahead
    """
    columns, y = design.columns, design.y
    with warnings.catch_warnings():
        # fits to fewer steps may stop early; what they predict is what counts
        warnings.simplefilter("ignore")
        choices = [choose(RowsOf(columns, learn), y[learn]) for learn, _ in folds]
    fits = [(choice.path, ahead) for choice, (_, ahead) in zip(choices, folds, strict=True)]
    predicted = predict_rows(columns, fits)
    squares = [
        [((y[ahead] - values[choice.at]) ** 2).sum()]
        for values, choice, (_, ahead) in zip(predicted, choices, folds, strict=True)
    ]
    baseline = [((y[ahead] - y[learn].mean()) ** 2).sum() for learn, ahead in folds]
    score = score_blocks(np.array(squares), np.array(baseline))
    return Ahead(float(score.r_squared[0]), float(score.errors[0]))
