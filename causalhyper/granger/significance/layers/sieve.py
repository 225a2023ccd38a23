"""Wald tests of whitened regressions, held against responses drawn from their own errors."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.significance.layers.long_run import smoother
from causalhyper.granger.significance.layers.wald import (
    NestedRegression,
    WaldStatistic,
    solve_all,
)
from causalhyper.granger.significance.layers.whitening import (
    Whitened,
    filtered,
    later_rows,
    whiten,
)

HELD = 2**22
"""Numbers of whitened columns that are held at once."""
BEFORE = 100
"""Steps that drawn errors run before those that are used."""
LONGEST = 0.98
"""Largest root of an autoregression that errors are drawn from."""


def sieve_p(
    regression: NestedRegression,
    statistic: WaldStatistic,
    *,
    order: int,
    draws: int,
    rng: np.random.Generator,
) -> float:
    """Hold a whitened Wald statistic against responses with no part of the tested columns.

    Errors are drawn from the autoregression and the spread that were fitted under the hypothesis,
    with innovations of random sign; spread, memory, coefficients and covariance are fitted anew to
    every draw.

    Parameters
    ----------
    regression : NestedRegression
        Before it was whitened.
    statistic : WaldStatistic
        Of it, whitened with this order.
    order, draws : int
    rng : Generator

    Returns
    -------
    float
        (1 + number as large) / (1 + draws).

    Notes
    -----
    Source: Buehlmann 1997, "Sieve bootstrap for time series"; Goncalves and Kilian 2004,
    "Bootstrapping autoregressions with conditional heteroskedasticity", for the signs.
    """
    errors = drawn_errors(regression, order, draws, rng)
    width = regression.given.shape[1] + regression.tested.shape[1]
    size = max(1, HELD // (errors.shape[1] * width))
    parts = [errors[at : at + size] for at in range(0, draws, size)]
    values = np.concatenate([whitened_values(regression, e, order, statistic) for e in parts])
    return float(1 + (values >= statistic.value).sum()) / (1 + draws)


def drawn_errors(
    regression: NestedRegression, order: int, draws: int, rng: np.random.Generator
) -> Array:
    """Draw errors of a regression under its hypothesis.

    Parameters
    ----------
    regression : NestedRegression
    order, draws : int
    rng : Generator

    Returns
    -------
    ndarray, shape (draws, T)
    """
    edges, given = regression.edges, regression.given
    null = whiten(given, regression.response[None], edges, order)
    memory = stationary(null.memory[0])
    errors = (regression.response - given @ null.slopes()[0]) * null.weights[0]
    innovations = filtered(errors[None], memory[None], later_rows(edges, order))[0]
    innovations = innovations - innovations.mean()
    pieces = []
    for start, stop in zip(null.edges[:-1], null.edges[1:], strict=True):
        early = rng.choice(innovations, size=(draws, BEFORE + order))
        own = np.broadcast_to(innovations[start:stop], (draws, stop - start))
        series = np.concatenate([early, own], axis=1)
        series = series * rng.choice([-1.0, 1.0], size=series.shape)
        for t in range(order, series.shape[1]):
            series[:, t] += series[:, t - order : t] @ memory[::-1]
        pieces.append(series[:, BEFORE:])
    return np.asarray(np.concatenate(pieces, axis=1) / null.weights[0])


def stationary(memory: Array) -> Array:
    """Shrink an autoregression whose largest root is beyond `LONGEST`.

    Parameters
    ----------
    memory : ndarray, shape (order,)

    Returns
    -------
    ndarray, shape (order,)

    Examples
    --------
    >>> stationary(np.array([1.2])).tolist(), stationary(np.array([0.5])).tolist()
    ([0.98], [0.5])
    """
    largest = float(np.abs(np.roots(np.concatenate([[1.0], -memory]))).max(initial=0.0))
    shrink = LONGEST / max(largest, LONGEST)
    return np.asarray(memory * shrink ** np.arange(1, len(memory) + 1))


def whitened_values(
    regression: NestedRegression, responses: Array, order: int, statistic: WaldStatistic
) -> Array:
    """Compute the Wald statistics that other responses would have, each whitened anew.

    Parameters
    ----------
    regression : NestedRegression
    responses : ndarray, shape (B, T)
    order : int
    statistic : WaldStatistic
        Its kernel and bandwidth are used.

    Returns
    -------
    ndarray, shape (B,)
    """
    columns = np.hstack([regression.given, regression.tested])
    found = whiten(columns, responses, regression.edges, order)
    slopes = found.slopes()
    left = found.responses - (found.columns @ slopes[:, :, None])[..., 0]
    size = regression.tested.shape[1]
    covariance = _sandwich(found, left, statistic)[:, -size:, -size:]
    tested = slopes[:, -size:]
    solved = solve_all(covariance, tested)
    rows = left.shape[1]
    free = rows - columns.shape[1] - found.spent
    return np.asarray((tested * solved).sum(axis=1) / size * free / rows)


def _sandwich(found: Whitened, left: Array, statistic: WaldStatistic) -> Array:
    """Long-run covariances of the coefficients, shape (B, k, k)."""
    h = smoother(statistic.kernel, statistic.bandwidth, found.edges)
    scores = found.columns * left[:, :, None]
    middle = np.swapaxes(scores, 1, 2) @ (h @ scores)
    half = np.linalg.solve(found.inner(), middle)
    return np.asarray(np.linalg.solve(found.inner(), np.swapaxes(half, 1, 2)))
