"""Many p-values read together: adjusted so that the family's error rate holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

PROCEDURES = ("holm", "bh", "by")
"""Holm, Benjamini-Hochberg, Benjamini-Yekutieli."""


def adjust_p_values(p_values: Sequence[float] | Array, adjust: str = "bh") -> Array:
    """Adjust the p-values of a family of tests.

    Rejecting where an adjusted p-value is at most alpha controls, at alpha, the probability of
    any false rejection ("holm", under any dependence), or the expected share of false ones among
    the rejections ("bh", under independence or positive regression dependence; "by", under any
    dependence).

    Parameters
    ----------
    p_values : sequence of float, shape (m,)
        In [0, 1]; NaN where a test does not apply, which then does not count in the family.
    adjust : str
        One of `PROCEDURES`.

    Returns
    -------
    ndarray, shape (m,)
        In the order given, none below its p-value, none above 1, NaN where `p_values` is.

    Raises
    ------
    ConfigurationError
        For an unknown `adjust`, or a p-value outside [0, 1].

    Notes
    -----
    Source: Holm 1979, "A simple sequentially rejective multiple test procedure"; Benjamini and
    Hochberg 1995, "Controlling the false discovery rate"; Benjamini and Yekutieli 2001, theorem
    1.3.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.04, 0.04]
    >>> adjust_p_values([0.01, 0.04, 0.03], "holm").tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=np.float64)
    _check(p, adjust)
    adjusted = np.full(p.shape, np.nan)
    there = np.flatnonzero(~np.isnan(p))
    order = there[np.argsort(p[there], kind="stable")]
    if order.size:
        steps = _holm(p[order]) if adjust == "holm" else _step_up(p[order], adjust)
        adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def _check(p: Array, adjust: str) -> None:
    if adjust not in PROCEDURES:
        raise ConfigurationError(
            f"p-values are not adjusted by {adjust!r}: use one of {', '.join(PROCEDURES)}"
        )
    if p.ndim != 1:
        raise ConfigurationError(f"p-values must form one row, got an array of shape {p.shape}")
    wrong = p[(p < 0) | (p > 1)]
    if wrong.size:
        raise ConfigurationError(f"p-values must lie between 0 and 1, got {wrong[0]:g}")


def _holm(p: Array) -> Array:
    """Step down: the i-th smallest of m times m - i + 1, never falling."""
    stepped: Array = np.maximum.accumulate(p * np.arange(len(p), 0, -1))
    return stepped


def _step_up(p: Array, adjust: str) -> Array:
    """Step up: the i-th smallest of m times m / i, never rising from the largest down."""
    ranks = np.arange(1, len(p) + 1)
    price = float((1.0 / ranks).sum()) if adjust == "by" else 1.0
    stepped: Array = np.minimum.accumulate((p * price * len(p) / ranks)[::-1])[::-1]
    return stepped
