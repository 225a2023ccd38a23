"""Sketches: movements of many parameters in few signed sums, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.series_sums import Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    r"""Random groups and signs: :math:`z_g = \sum_{k \in g} s_k x_k`, several times over.

    The signs take out what all movements share, in expectation.

    Attributes
    ----------
    members : ndarray or Tensor of int, shape (repeats * width, size)
        Parameters of each group; every parameter is in one group of each repeat.
    signs : ndarray or Tensor, shape (repeats * width, size)
        1 or -1; 0 where a group has a member less.
    width : int
        Groups of each repeat.
    """

    members: Numbers
    signs: Numbers
    width: int

    def project(self, movements: Numbers) -> Numbers:
        """Sum movements within groups.

        Parameters
        ----------
        movements : ndarray or Tensor, shape (..., p)
            Like the fields: tensors need fields that are tensors on their device.

        Returns
        -------
        ndarray or Tensor, shape (..., repeats * width)
        """
        return (movements[..., self.members] * self.signs).sum(-1)

    def spread(self, coefficients: Array) -> Array:
        r"""Give each parameter the signed coefficient of its group, averaged over the repeats.

        Slopes of a ridge regression on the sums are :math:`R' X' a`, and these are
        :math:`R R' X' a` over the repeats, whose expectation over signs and groups is
        :math:`X' a`: what `random_slopes` finds without a sketch, from T rows of
        ``repeats * width`` numbers rather than of p.

        Parameters
        ----------
        coefficients : ndarray, shape (repeats * width,)

        Returns
        -------
        ndarray, shape (p,)
        """
        members, signs = np.asarray(self.members), np.asarray(self.signs)
        total = np.bincount(members.ravel(), weights=(signs * coefficients[:, None]).ravel())
        return np.asarray(total * (self.width / len(members)), dtype=np.float64)


def draw_sketch(rng: np.random.Generator, count: int, *, width: int, repeats: int = 1) -> Sketch:
    """Draw groups and signs.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
        Parameters, p.
    width : int
        Groups of each repeat, at most p.
    repeats : int

    Returns
    -------
    Sketch

    Raises
    ------
    ConfigurationError
        If there are more groups than parameters, or none.

    Notes
    -----
    Source: Charikar, Chen and Farach-Colton 2004 (count sketch); Maillard and Munos 2009
    (least squares on random projections).

    Examples
    --------
    >>> sketch = draw_sketch(np.random.default_rng(0), 5, width=2, repeats=3)
    >>> sketch.project(np.ones((4, 5))).shape
    (4, 6)
    """
    if not 1 <= width <= count or repeats < 1:
        raise ConfigurationError(
            f"expected 1 to {count} groups and a repeat at least; got {width} and {repeats}"
        )
    size = -(-count // width)
    members = np.zeros((repeats, width * size), dtype=np.intp)
    signs = np.zeros((repeats, width * size))
    for r in range(repeats):
        members[r, :count] = rng.permutation(count)
        signs[r, :count] = rng.choice([-1.0, 1.0], size=count)
    # dealt like cards, so that sizes differ by one at most
    dealt = (repeats, size, width)
    return Sketch(
        members.reshape(dealt).swapaxes(1, 2).reshape(-1, size),
        signs.reshape(dealt).swapaxes(1, 2).reshape(-1, size),
        width,
    )
