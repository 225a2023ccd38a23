"""How far from optimal: the duality gap of the lasso."""

from __future__ import annotations

from causalhyper.arrays import Array
from causalhyper.granger.lasso.homotopy import Solution
from causalhyper.granger.lasso.scan import LassoProblem


def relative_gap(problem: LassoProblem, solution: Solution, bounds: Array, excess: float) -> float:
    r"""Duality gap over the objective of the fit without columns.

    The residual, divided by ``max(1, excess)``, is feasible in the dual, so

    .. math:: \frac{|r|^2}{2T} + \lambda \sum_j w_j |g_j|
              - \frac{|y|^2 - |y - r / \max(1, e)|^2}{2T}

    bounds the distance of the objective from its minimum (Kim et al. 2007, section III).

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
    y, residual = problem.y, solution.residual
    feasible = residual / max(1.0, excess)
    penalty = solution.penalty * float(abs(solution.coefficients) @ bounds)
    primal = float(residual @ residual) / (2 * problem.rows) + penalty
    # |y|^2 - |y - f|^2 = f (2 y - f), without the cancellation
    dual = float(feasible @ (2 * y - feasible)) / (2 * problem.rows)
    return max(0.0, (primal - dual) / problem.null)
