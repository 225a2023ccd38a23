"""A penalty that the user gives."""

from __future__ import annotations

import math
from typing import Unpack

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.assembly import assemble, sum_of_squares, table_of
from causalhyper.granger.choice.penalties import LASSO, PathOptions, Penalty, check_penalty
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.arguments import check_real
from causalhyper.granger.lasso.columns import ColumnBlocks, check_columns
from causalhyper.granger.lasso.response import checked_response


def choose_given(
    columns: ColumnBlocks,
    y: Array,
    lambda_: float,
    *,
    penalty: Penalty = LASSO,
    **options: Unpack[PathOptions],
) -> PenaltyChoice:
    """Fit at one penalty.

    Parameters
    ----------
    columns : ColumnBlocks
        X, of shape (T, p).
    y : array_like, shape (T,)
    lambda_ : float
        Above zero, in the unit of y (of y over X where columns are not standardised).
    penalty : Penalty
        What to fit.
    **options
        Keywords of the path, but for `lambdas`.

    Returns
    -------
    PenaltyChoice

    Raises
    ------
    ConfigurationError
        If the penalty is not above zero and finite, or `lambdas` are given too.

    Examples
    --------
    >>> import numpy as np
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    >>> print(choose_given(DenseColumns(x), 3 * x[:, 0], 0.5).summary().splitlines()[-1])
    1 of 2 columns are kept at lambda = 0.5, chosen by you.
    """
    check_penalty(penalty, options, paths="one")
    check_columns(columns)
    check_real(lambda_=lambda_)
    if not 0 < lambda_ < math.inf:
        raise ConfigurationError(f"expected one penalty above zero and finite; got {lambda_}")
    more = [name for name in ("lambdas", "ratio") if name in options]
    if more:
        raise ConfigurationError(
            f"one penalty is fitted, lambda_ = {lambda_:g}: leave out {' and '.join(more)}"
        )
    one: PathOptions = {**options, "lambdas": [lambda_]}
    response = checked_response(y, columns.shape[0])
    path = penalty.path(columns, response, **one)
    return assemble(
        "given",
        f"Penalty {lambda_:.4g} of the {penalty.name}, given.",
        path,
        0,
        table=table_of(path, sum_of_squares(response, options)),
        penalty=penalty,
        options=options,
    )
