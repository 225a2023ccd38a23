"""The lasso by stochastic descent, as causal pruning was published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso import ColumnBlocks
from causalhyper.granger.lasso.arguments import (
    check_flags,
    check_generator,
    check_real,
    check_whole,
    real_numbers,
)
from causalhyper.granger.lasso.columns import check_columns
from causalhyper.granger.lasso.response import checked_response
from causalhyper.granger.stochastic.decoupled import step_weights, thresholded_sums
from causalhyper.granger.stochastic.descent import descend
from causalhyper.granger.stochastic.gaps import distance
from causalhyper.granger.stochastic.result import StochasticPath
from causalhyper.granger.stochastic.rows import largest_norm, row_reader
from causalhyper.granger.stochastic.schedule import PUBLISHED, Schedule, orders

Form = Literal["joint", "decoupled"]


def stochastic_lasso(
    columns: ColumnBlocks,
    y: ArrayLike,
    *,
    l1: float | Sequence[float],
    form: Form = "joint",
    epochs: int | None = None,
    learning_rate: float | None = None,
    decay: float | None = None,
    relative: bool | None = None,
    rng: np.random.Generator | None = None,
    reproduction: bool = False,
    tolerance: float = 1e-6,
    memory: int = 2**31,
) -> StochasticPath:
    r"""Descend the l1-penalised squared error one example at a time, from zero.

    .. math:: \min_g \frac1T \sum_t \tfrac12 (y_t - x_t' g)^2 + \lambda |g|_1

    with the cumulative penalty of Tsuruoka, Tsujii and Ananiadou: L1_coeff of causal pruning is
    :math:`\lambda`, the penalty of ``lasso_path(..., standardise=False, intercept=False)``. In the
    "joint" form the error of an example has the prediction of all columns in it, and the descent
    goes towards the lasso; how far it came is the duality gap. In the "decoupled" form the
    prediction is left out: every column is then on its own, and the outcome has a closed form,
    which is marginal screening. As published, with squared changes near 1e-12 and a rate of 0.01,
    the prediction stays a billionth of y or less, and both forms keep the same columns.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p), squared changes.
    y : array_like, shape (T,)
        Change of the loss with each step.
    l1 : float or sequence of float
        Penalties above zero, in the unit of y times x.
    form : {"joint", "decoupled"}
        Joint reads rows (3 p numbers of memory a penalty, and a copy of X unless it lies in
        rows); decoupled reads blocks of columns once.
    epochs : int
        Readings of all examples; 100 unless given.
    learning_rate : float
        Of the first step; 1 unless given.
    decay : float
        In [0, 1]: the rate of step t, counted over all epochs, is divided by t to this power;
        0.25 unless given.
    relative : bool
        Whether the rate is in units of one over the largest squared norm of a row, so that the
        descent does not depend on the units of X and y, and is stable up to 1; the default. Of
        features near 1e-12 a rate that is not relative moves nothing.
    rng : numpy.random.Generator, optional
        Shuffles the examples of each epoch; they come in order unless given.
    reproduction : bool
        The published behaviour: three epochs (its stopping rule ends every fit there), rate 0.01,
        decay 0.25, not relative. Its y is the loss of the *next* minibatch less that of this
        one, before their steps; give that.
    tolerance : float
        Relative duality gap within which a fit counts as converged. Nothing stops by it.
    memory : int
        Bytes that a copy of X may take in the joint form.

    Returns
    -------
    StochasticPath

    Raises
    ------
    ConfigurationError
        If a number means nothing, y has another length than X has rows, or X does not fit.
    DataError
        If a value is not finite, or the descent diverges.

    Notes
    -----
    A coefficient is penalised at every step, also where its feature is zero in that example. The
    duality gap takes two more readings of X. An exact lasso is cheaper: use this to compare.

    Source: Tsuruoka, Tsujii and Ananiadou 2009, figure 2; Shah et al., "A Granger-causal
    perspective on gradient descent with application to pruning", equation 9.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.random.default_rng(0).normal(size=(40, 6))
    >>> fit = stochastic_lasso(DenseColumns(x), 2 * x[:, 3], l1=0.1, epochs=200)
    >>> fit.columns[0].tolist(), bool(fit.gaps[0] < 0.01)
    ([3], True)
    """
    check_columns(columns)
    response = checked_response(y, columns.shape[0])
    check_flags(reproduction=reproduction, relative=True if relative is None else relative)
    check_real(tolerance=tolerance)
    check_whole(memory=memory)
    if memory < 1:
        raise ConfigurationError(f"memory is a number of bytes above zero; got {memory}")
    check_generator(rng)
    penalties = _penalties(l1, tolerance)
    if form not in ("joint", "decoupled"):
        raise ConfigurationError(f"expected the form 'joint' or 'decoupled'; got {form!r}")
    schedule, relative = _schedule(epochs, learning_rate, decay, relative, reproduction)
    scale = largest_norm(columns) if relative else 1.0
    actual = Schedule(schedule.epochs, schedule.rate / (scale or 1.0), schedule.decay)
    sequence = orders(len(response), schedule.epochs, rng)
    weights = step_weights(len(response), actual, sequence)
    if form == "decoupled":
        found = thresholded_sums(columns, response, penalties, weights)
    else:
        row = row_reader(columns, memory)
        found = descend(row, response, columns.shape[1], penalties, actual, sequence)
    chosen = tuple(np.flatnonzero(g) for g in found)
    measured = distance(columns, response, penalties, found)
    return StochasticPath(
        lambdas=penalties,
        columns=chosen,
        coefficients=tuple(g[c] for g, c in zip(found, chosen, strict=True)),
        gaps=measured.gaps,
        fitted=measured.fitted,
        r_squared=measured.r_squared,
        converged=measured.gaps <= tolerance,
        tolerance=tolerance,
        form=form,
        schedule=schedule,
        relative=relative,
        rates=weights,
        published=reproduction,
        rows=columns.shape[0],
        width=columns.shape[1],
    )


def _penalties(l1: float | Sequence[float], tolerance: float) -> Array:
    penalties = np.sort(np.atleast_1d(real_numbers("l1", l1)))[::-1]
    if penalties.ndim != 1 or not len(penalties) or not (penalties > 0).all():
        raise ConfigurationError(f"penalties must be above zero; got {l1}")
    if not np.isfinite(penalties).all() or not 0 < tolerance < 1:
        raise ConfigurationError(
            f"expected finite penalties and a tolerance in (0, 1); got {l1} and {tolerance}"
        )
    return penalties


def _schedule(
    epochs: int | None,
    learning_rate: float | None,
    decay: float | None,
    relative: bool | None,
    reproduction: bool,
) -> tuple[Schedule, bool]:
    """Return the published schedule, or the one that was asked for."""
    if reproduction:
        given: dict[str, Any] = {
            "epochs": epochs, "learning_rate": learning_rate, "decay": decay, "relative": relative,
        }  # fmt: skip
        named = [name for name, value in given.items() if value is not None]
        if named:
            raise ConfigurationError(
                f"the reproduction has a schedule of its own: leave out {', '.join(named)}, or "
                "reproduction"
            )
        return PUBLISHED, False
    schedule = Schedule(
        100 if epochs is None else epochs,
        1.0 if learning_rate is None else learning_rate,
        0.25 if decay is None else decay,
    )
    return schedule, True if relative is None else relative
