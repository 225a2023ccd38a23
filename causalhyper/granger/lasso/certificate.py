"""How far from optimal: the duality gap of the lasso."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.lasso.homotopy import Solution
from causalhyper.granger.lasso.scan import LassoProblem


def relative_gap(problem: LassoProblem, solution: Solution, bounds: Array, excess: float) -> float:
    r"""Duality gap over the objective of the fit without columns.

    The residual, divided by ``max(1, excess)``, is feasible in the dual, so

    .. math:: \frac{|r|^2}{2T} + \lambda \sum_j w_j |g_j|
              - \frac{|y|^2 - |y - r / \max(1, e)|^2}{2T}

    bounds the distance of the objective from its minimum (Kim et al. 2007, section III). What
    rounding may have taken from it is added (`objective_rounding`).

    Parameters
    ----------
    problem : LassoProblem
    solution : Solution
    bounds : ndarray, shape (k,)
        Penalty weights of its scaled columns.
    excess : float
        ``max_j |x_j' r| / (T lambda w_j)`` over all columns.

    Returns
    -------
    float
        Not negative; 0 where y is zero.
    """
    if problem.null == 0:
        return 0.0
    y, residual, coefficients = problem.y, solution.residual, solution.coefficients
    terms = float(np.abs(coefficients).sum()) * np.sqrt(problem.rows)
    doubt = objective_rounding(y, residual, terms, len(coefficients))
    feasible = residual / max(1.0, excess)
    penalty = solution.penalty * float(abs(coefficients) @ bounds)
    primal = float(residual @ residual) / (2 * problem.rows) + penalty
    # |y|^2 - |y - f|^2 = f (2 y - f), without the cancellation
    dual = float(feasible @ (2 * y - feasible)) / (2 * problem.rows)
    return max(0.0, primal - dual + doubt) / problem.null


def objective_rounding(y: Array, residual: Array, terms: float, count: int) -> float:
    r"""Bound how far rounding moved an objective, and the lower bound of it, from the truth.

    The residual is that of the coefficients but for an error of length
    :math:`6 u \sqrt{k + 3} (|y| + \sum_j |x_j g_j|)`, with u the unit roundoff of float64 and all
    but for a probability of some 1e-7 (Higham and Mary 2019, theorem 2.4; what the columns, their
    spreads and the coefficients were rounded by counts as three terms more). Where columns nearly
    cancel, the sum is far above y. Sums of T squares err in the same way.

    Parameters
    ----------
    y, residual : ndarray, shape (T,)
    terms : float
        :math:`\sum_j |x_j g_j|`, lengths of the k terms.
    count : int
        k.

    Returns
    -------
    float
        In the unit of the objective.

    Examples
    --------
    >>> y = np.ones(4)
    >>> objective_rounding(y, y, 0.0, 0) < 1e-14 < objective_rounding(y, y, 1e6, 1)
    True
    """
    rows, unit = len(y), float(np.finfo(np.float64).eps) / 2
    whole, left = float(np.linalg.norm(y)), float(np.linalg.norm(residual))
    error = 6 * unit * np.sqrt(count + 3) * (whole + terms)
    sums = 6 * unit * np.sqrt(rows) * (2 * left * left + 2 * left * whole + whole * whole)
    return float((2 * left * error + error * error + sums) / (2 * rows))
