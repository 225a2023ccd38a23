"""Running sums of movements against series of the loss, of one network or of many side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalhyper.errors import ConfigurationError

Numbers = Any
"""Arrays of numpy or tensors of torch: what is done with them is the same for both."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesSums:
    r"""Sums over steps of products of movements and of series, all that a regression needs.

    A *movement* is a feature of a parameter in a step, such as :math:`x_{tk} = (\Delta_{tk})^2`;
    a *series* is one number a step, such as the loss change, or what it is regressed on beside
    the movement. Leading axes, if there are any, are networks.

    Attributes
    ----------
    names : tuple of str
        Of the S series.
    products : ndarray or Tensor, shape (..., S, S)
        :math:`\sum_t s_{ti} s_{tj}`.
    crossed : ndarray or Tensor, shape (..., S, F, p)
        :math:`\sum_t s_{ti} x_{tfk}`.
    squares : ndarray or Tensor, shape (..., F, F, p)
        :math:`\sum_t x_{tfk} x_{tgk}`, of each parameter by itself.

    Notes
    -----
    Memory: ``8 p F (S + F)`` bytes a network, whatever the number of steps.
    """

    names: tuple[str, ...]
    products: Numbers
    crossed: Numbers
    squares: Numbers

    def find(self, names: Sequence[str]) -> list[int]:
        """Return where series stand.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        list of int

        Raises
        ------
        ConfigurationError
            If one was not summed.
        """
        if missing := [name for name in names if name not in self.names]:
            raise ConfigurationError(
                f"the series {missing[0]!r} was not summed; there are {', '.join(self.names)}"
            )
        return [self.names.index(name) for name in names]


def begin_sums(names: Sequence[str], movements: Numbers) -> SeriesSums:
    """Return sums of nothing.

    Parameters
    ----------
    names : sequence of str
        Of the series, each once.
    movements : ndarray or Tensor, shape (..., B, F, p)
        Like those to come, which tell shapes, precision and device; float64 is advised, as
        variances are differences of these sums.

    Returns
    -------
    SeriesSums
        Zeros.

    Raises
    ------
    ConfigurationError
        If a name is there twice.
    """
    if len(set(names)) < len(names):
        raise ConfigurationError(f"series need names of their own; got {tuple(names)}")
    *lead, _, features, width = movements.shape
    count = len(names)
    return SeriesSums(
        tuple(names),
        _zeros(movements, (*lead, count, count)),
        _zeros(movements, (*lead, count, features, width)),
        _zeros(movements, (*lead, features, features, width)),
    )


def add_steps(sums: SeriesSums, movements: Numbers, series: Numbers) -> None:
    """Add steps, in place.

    Parameters
    ----------
    sums : SeriesSums
    movements : ndarray or Tensor, shape (..., B, F, p)
        Of B steps; B = 1 will do.
    series : ndarray or Tensor, shape (..., B, S)
        Of the same steps, in the order of the names.

    Raises
    ------
    ConfigurationError
        If shapes do not fit.

    Examples
    --------
    >>> x, y = np.array([[4.0, 0.0], [1.0, 2.0]]), np.array([1.0, 3.0])
    >>> sums = begin_sums(("one", "y"), x[:, None])
    >>> add_steps(sums, x[:, None], np.stack([np.ones(2), y], axis=1))
    >>> sums.crossed[:, 0].tolist(), sums.squares[0, 0].tolist()
    ([[5.0, 2.0], [7.0, 6.0]], [17.0, 4.0])
    """
    *lead, steps, features, width = movements.shape
    wanted = (*lead, steps, len(sums.names))
    if tuple(series.shape) != wanted or sums.squares.shape[len(lead) + 1 :] != (features, width):
        raise ConfigurationError(
            f"movements of shape {tuple(movements.shape)} need series of shape {wanted} and sums "
            f"of the same features and parameters; got {tuple(series.shape)} and sums of shape "
            f"{tuple(sums.squares.shape)}"
        )
    across = series.swapaxes(-1, -2)
    products, crossed, squares = sums.products, sums.crossed, sums.squares
    products += across @ series
    flat = movements.reshape(*lead, steps, features * width)
    crossed += (across @ flat).reshape(*lead, len(sums.names), features, width)
    for f in range(features):
        for g in range(features):
            squares[..., f, g, :] += (movements[..., f, :] * movements[..., g, :]).sum(-2)


def _zeros(like: Numbers, shape: tuple[int, ...]) -> Numbers:
    if hasattr(like, "new_zeros"):
        return like.new_zeros(shape)
    return np.zeros(shape, dtype=like.dtype)
