"""Features of parameter changes: squares, and with momentum also those of the step before."""

from __future__ import annotations

from typing import Literal

import numpy as np

from causalhyper.granger.lasso.columns import Matrix

Features = Literal["squares", "momentum"]
NAMES: dict[Features, tuple[str, ...]] = {
    "squares": ("square",),
    "momentum": ("square", "square_before", "product"),
}
"""The columns of a parameter, side by side."""


def square(changes: Matrix, factors: Matrix) -> None:
    r"""Put :math:`(f_t \Delta_{tk})^2` in the place of each change.

    Parameters
    ----------
    changes : ndarray, shape (T, w)
    factors : ndarray, shape (T, 1)
        What the changes of each row are multiplied by first.

    Examples
    --------
    >>> changes = np.array([[2.0], [3.0]])
    >>> square(changes, np.array([[1.0], [10.0]]))
    >>> changes.tolist()
    [[4.0], [900.0]]
    """
    changes *= factors
    changes *= changes


def write_momentum(now: Matrix, before: Matrix, factors: Matrix, out: Matrix) -> None:
    r"""Write the three features of parameter k into columns 3k, 3k + 1, 3k + 2.

    They are :math:`f_t^2 \Delta_{tk}^2`, :math:`f_t^2 \Delta_{t-1,k}^2` and
    :math:`f_t^2 \Delta_{tk} \Delta_{t-1,k}`.

    Parameters
    ----------
    now, before : ndarray, shape (T, w)
        Changes of each step and of the step before it.
    factors : ndarray, shape (T, 1)
        What both are multiplied by first.
    out : ndarray, shape (T, 3 w)

    Examples
    --------
    >>> out = np.empty((1, 3))
    >>> write_momentum(np.array([[2.0]]), np.array([[5.0]]), np.ones((1, 1)), out)
    >>> out.tolist()
    [[4.0, 25.0, 10.0]]
    """
    one, other = now * factors, before * factors
    np.multiply(one, one, out=out[:, 0::3])
    np.multiply(other, other, out=out[:, 1::3])
    np.multiply(one, other, out=out[:, 2::3])


def take_means(block: Matrix) -> None:
    """Take each column's mean from it, in place."""
    rows = len(block)
    block -= np.full(rows, 1 / rows, block.dtype) @ block
