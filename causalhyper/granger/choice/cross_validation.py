"""The penalty that predicts steps which the fit has not seen, in whole blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.assembly import assemble, sum_of_squares, table_of
from causalhyper.granger.choice.folds import Folds, Scheme, blocked_folds
from causalhyper.granger.choice.penalties import LASSO, PathOptions, Penalty, check_penalty
from causalhyper.granger.choice.prediction import predict_rows
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.choice.rows import RowsOf
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns
from causalhyper.granger.lasso.response import checked_response
from causalhyper.progress import split_progress

Rule = Literal["one_se", "best"]


@dataclass(frozen=True, slots=True)
class OutOfSample:
    r"""How well steps are predicted that the fit has not seen.

    Attributes
    ----------
    r_squared : ndarray, shape (k,)
        One less the sum of squared errors of all blocks over that of the means of the steps
        learned from (of zero where no constant is fitted).
    errors : ndarray, shape (k,)
        Standard errors of it as a ratio of sums over blocks.
    """

    r_squared: Array
    errors: Array


def score_blocks(squares: Array, baseline: Array) -> OutOfSample:
    r"""Score predictions by block.

    With :math:`S_b` and :math:`S_b^0` the sums of squared errors of the fit and of the baseline
    in block b of B, R² is :math:`1 - \sum S_b / \sum S_b^0`, and its standard error that of a
    ratio of sums of independent blocks (Cochran 1977, section 6.4),

    .. math:: \Bigl(\tfrac{B}{B - 1} \sum_b (S_b - (1 - R^2) S_b^0)^2\Bigr)^{1/2} / \sum_b S_b^0 .

    Blocks share steps that they learn from, so it is too small rather than too large.

    Parameters
    ----------
    squares : ndarray, shape (B, k)
    baseline : ndarray, shape (B,)

    Returns
    -------
    OutOfSample
        Zeros where the baseline errs nowhere.

    Examples
    --------
    >>> score = score_blocks(np.array([[1.0], [3.0]]), np.array([4.0, 4.0]))
    >>> score.r_squared, score.errors
    (array([0.5]), array([0.25]))
    """
    total, count = float(baseline.sum()), len(baseline)
    if total == 0:
        return OutOfSample(np.zeros(squares.shape[1]), np.zeros(squares.shape[1]))
    share = squares.sum(axis=0) / total
    away = (squares - share * baseline[:, None]) / total
    errors = np.sqrt(count / (count - 1) * (away**2).sum(axis=0))
    return OutOfSample(1 - share, errors)


def cross_validate(
    columns: ColumnBlocks,
    y: Array,
    penalties: Array,
    folds: Folds,
    *,
    penalty: Penalty = LASSO,
    **options: Unpack[PathOptions],
) -> OutOfSample:
    """Fit the same penalties to the rows of each fold, and predict its other rows.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p). Every fold reads it as often as a path does, and all predictions
        together read it once.
    y : ndarray, shape (T,)
    penalties : ndarray, shape (k,)
        Decreasing.
    folds : sequence of tuple of ndarray
        Rows to learn from and rows to predict (`blocked_folds`).
    penalty : Penalty
        What to fit.
    **options
        Keywords of the path; `lambdas` and `ratio` are not used.

    Returns
    -------
    OutOfSample

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.random.default_rng(0).normal(size=(60, 200))
    >>> y, folds = x[:, 3].copy(), blocked_folds(60, 3)
    >>> cross_validate(DenseColumns(x), y, np.array([1.0, 0.01]), folds).r_squared.round(2)
    array([0.13, 1.  ])
    """
    if penalties[0] == 0:  # no column varies with y, and its mean is all that can be predicted
        return OutOfSample(np.zeros(len(penalties)), np.zeros(len(penalties)))
    shares = {str(number): 1 / len(folds) for number in range(len(folds))}
    stages = split_progress(options.get("progress"), shares)
    fits = []
    for number, (learn, ahead) in enumerate(folds):
        own: PathOptions = {**options, "lambdas": penalties.tolist()}
        own["progress"] = stages[str(number)]
        fits.append((penalty.path(RowsOf(columns, learn), y[learn], **own), ahead))
    predicted = predict_rows(columns, fits)
    constant = options.get("intercept", True)
    squares, baseline = [], []
    for values, (learn, ahead) in zip(predicted, folds, strict=True):
        squares.append(((y[ahead] - values) ** 2).sum(axis=1))
        baseline.append(float(((y[ahead] - (y[learn].mean() if constant else 0.0)) ** 2).sum()))
    return score_blocks(np.array(squares), np.array(baseline))


def choose_by_cross_validation(
    columns: ColumnBlocks,
    y: Array,
    *,
    blocks: int = 5,
    scheme: Scheme = "forward",
    gap: int = 0,
    rule: Rule = "one_se",
    penalty: Penalty = LASSO,
    **options: Unpack[PathOptions],
) -> PenaltyChoice:
    """Find the penalty that best predicts blocks of steps which the fit has not seen.

    Steps are serially dependent, so that a fit to randomly drawn steps has nearly seen the
    others, and shuffled cross-validation promises too much. Here blocks stay whole: by "forward"
    each of the last ``blocks`` of ``blocks + 1`` is predicted from all steps before it; by
    "left_out" each of ``blocks`` from all others.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : array_like, shape (T,)
        In time.
    blocks : int
        Blocks to predict; at least 2.
    scheme : {"forward", "left_out"}
        What they are predicted from.
    gap : int
        Steps beside a predicted block that are left out. A momentum design shares one step
        between neighbours, so it needs 1; dependence that lasts longer needs more.
    rule : {"one_se", "best"}
        "best": the penalty with the largest R² out of the sample. "one_se": the largest penalty
        whose R² is at most a standard error (that of the best) lower.
    penalty : Penalty
        What to fit.
    **options
        Keywords of the path. All folds use the penalties of the fit to all steps.

    Returns
    -------
    PenaltyChoice
        Its table has R² out of the sample and its standard error by block (`score_blocks`).

    Raises
    ------
    ConfigurationError
        If the steps cannot be cut so.

    Notes
    -----
    R² compares with the mean of the steps learned from; below 0 a fit predicts worse than that.
    Columns are standardised by the steps learned from.

    Source: Bergmeir and Benítez 2012 for blocks; Hastie, Tibshirani and Friedman 2009, section
    7.10, for the rule.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(120, 300))
    >>> y = x[:, :3].sum(axis=1) + rng.normal(size=120)
    >>> choice = choose_by_cross_validation(DenseColumns(x), y, blocks=4)
    >>> choice.columns[:3].tolist()
    [0, 1, 2]
    """
    check_penalty(penalty, options, paths="several")
    check_columns(columns)
    if rule not in ("one_se", "best"):
        raise ConfigurationError(f"rule must be 'one_se' or 'best'; got {rule!r}")
    folds = blocked_folds(columns.shape[0], blocks, scheme=scheme, gap=gap)
    share = 1 / (blocks + 1)
    stages = split_progress(options.get("progress"), {"all": share, "folds": 1 - share})
    response = checked_response(y, columns.shape[0])
    outer: PathOptions = {**options, "progress": stages["all"]}
    path = penalty.path(columns, response, **outer)
    inner: PathOptions = {**options, "progress": stages["folds"]}
    score = cross_validate(columns, response, path.lambdas, folds, penalty=penalty, **inner)
    best = int(np.argmax(score.r_squared))
    at = best if rule == "best" else within_one_error(score, best)
    table = table_of(path, sum_of_squares(response, options))
    return assemble(
        "cross-validation",
        _reason(path.lambdas, score, best, blocks, scheme, gap, rule),
        path,
        at,
        table=table.assign(r2_out=score.r_squared, se=score.errors),
        penalty=penalty,
        options=options,
    )


def within_one_error(score: OutOfSample, best: int) -> int:
    """Return the first, and so largest, penalty at most one standard error below the best.

    Parameters
    ----------
    score : OutOfSample
    best : int
        Which has the largest R².

    Returns
    -------
    int

    Examples
    --------
    >>> score = OutOfSample(np.array([0.1, 0.45, 0.5]), np.array([0.2, 0.2, 0.06]))
    >>> within_one_error(score, 2)
    1
    """
    enough = score.r_squared >= score.r_squared[best] - score.errors[best]
    return int(np.argmax(enough))


def _reason(
    lambdas: Array,
    score: OutOfSample,
    best: int,
    blocks: int,
    scheme: Scheme,
    gap: int,
    rule: Rule,
) -> str:
    source = "the steps before" if scheme == "forward" else "all other steps"
    rest = f", {gap} steps beside it left out" if gap else ""
    top = float(score.r_squared[best])
    text = (
        f"Blocked cross-validation: {blocks} blocks, each predicted from {source}{rest}. R2 out "
        f"of the sample is at best {top:.3f} +- {score.errors[best]:.3f} (lambda "
        f"{lambdas[best]:.4g}); "
    )
    text += (
        "chosen is the best."
        if rule == "best"
        else "chosen is the largest penalty within one standard error of it."
    )
    if top <= 0:
        text += " No penalty predicts better than the mean of the steps before."
    return text
