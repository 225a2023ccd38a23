"""Regression of a series on the movement of each parameter alone, given other series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.series_sums import Numbers, SeriesSums

COLLINEAR = 1e-10
"""What is left of a sum of squares, as a share of it, below which it counts as explained."""


@dataclass(frozen=True, slots=True, eq=False)
class PartialFit:
    r"""The fits of :math:`y_t = c_t' b + x_{tk}' \gamma_k + e_t`, one a parameter.

    Attributes
    ----------
    coefficients : ndarray or Tensor, shape (..., F, p)
        :math:`\gamma_k`; zero for a feature that the others explain.
    explained : ndarray or Tensor, shape (..., p)
        Decrease of the sum of squared errors by the features of a parameter.
    varied : ndarray or Tensor, shape (..., p)
        Sum of squares of the first feature that the controls leave.
    left : ndarray or Tensor, shape (...)
        Sum of squared errors with the controls alone.
    controls : ndarray or Tensor, shape (..., q)
        :math:`b` of the fit with the controls alone.
    degrees : int
        Steps less controls and features: degrees of freedom of a fit's errors.
    """

    coefficients: Numbers
    explained: Numbers
    varied: Numbers
    left: Numbers
    controls: Numbers
    degrees: int

    @property
    def share(self) -> Numbers:
        """Partial R² of each parameter, shape (..., p): zero where the controls explain all."""
        left = self.left[..., None]
        return self.explained * _inverse(left, left)

    @property
    def f_statistics(self) -> Numbers:
        r"""F statistics of :math:`\gamma_k = 0`, shape (..., p).

        The errors of a loss series depend on each other, so they have no F distribution: they are
        compared with each other, or with those of shifted losses.
        """
        count = self.coefficients.shape[-2]
        errors = self.left[..., None] - self.explained
        scale = self.left[..., None] + 0 * errors
        return self.explained / count * _inverse(errors, scale) * self.degrees

    @property
    def errors(self) -> Numbers:
        """Standard errors of the coefficients of one feature, shape (..., p), for even errors."""
        if self.coefficients.shape[-2] != 1:
            raise ConfigurationError("standard errors are of one feature: fit with features=(0,)")
        spread = (self.left[..., None] - self.explained) / self.degrees
        return (spread * _inverse(self.varied, self.varied)).clip(0) ** 0.5


def partial_fit(
    sums: SeriesSums,
    response: str,
    given: Sequence[str] = ("one",),
    features: Sequence[int] | None = None,
) -> PartialFit:
    r"""Regress a series on the movement of each parameter, with controls, from sums.

    By Frisch, Waugh and Lovell the coefficient is that of what the controls leave of the movement.
    With the residual loss change as response, a diagonal Hessian and movements that are
    independent of each other given the controls, :math:`\gamma_k \to h_k / 2`. A control that
    sums movements (`moved`) takes out what all movements share, such as the learning rate of the
    step; then :math:`\gamma_k` plus the control's own coefficient is :math:`h_k / 2`.
    With own past values of the response as controls and past movements among the features it is
    Granger's test of each parameter.

    Parameters
    ----------
    sums : SeriesSums
    response : str
        The series that is explained.
    given : sequence of str
        Controls, with the constant, ``"one"``, unless none is wanted.
    features : sequence of int, optional
        Features of each parameter; all unless given.

    Returns
    -------
    PartialFit

    Raises
    ------
    ConfigurationError
        If a series was not summed, is both response and control, or steps are too few.

    Notes
    -----
    Elimination in double precision of cross products: a control or feature of which less than
    1e-10 of the sum of squares is left counts as explained.

    Source: Granger 1969; Frisch and Waugh 1933.

    Examples
    --------
    >>> import numpy as np
    >>> from causalhyper.granger.criteria.series_sums import add_steps, begin_sums
    >>> x = np.random.default_rng(0).exponential(size=(50, 1, 3))
    >>> trend = np.arange(50.0)
    >>> y = 2 * x[:, 0, 1] + 5 * trend
    >>> sums = begin_sums(("one", "trend", "y"), x)
    >>> add_steps(sums, x, np.stack([np.ones(50), trend, y], axis=1))
    >>> float(partial_fit(sums, "y", ("one", "trend")).coefficients[0, 1].round(6))
    2.0
    """
    if response in given:
        raise ConfigurationError(f"{response!r} is the response and a control: give it once")
    places = sums.find([*given, response])
    count = sums.squares.shape[-2]
    chosen = list(range(count)) if features is None else list(features)
    products = sums.products[..., places, :][..., :, places]
    crossed = sums.crossed[..., places, :, :][..., :, chosen, :]
    squares = sums.squares[..., chosen, :, :][..., :, chosen, :]
    steps = round(float(sums.products[..., *sums.find(["one"]) * 2].max()))
    degrees = steps - len(given) - len(chosen)
    if degrees < 1:
        raise ConfigurationError(
            f"{len(given)} controls and {len(chosen)} features need more than {steps} steps"
        )
    controls = _eliminate_controls(products, crossed, squares)
    left, varied = products[..., -1, -1], squares[..., 0, 0, :] + 0
    coefficients, explained = _eliminate_features(squares, crossed[..., -1, :, :])
    return PartialFit(coefficients, explained, varied, left, controls, degrees)


def _eliminate_controls(products: Numbers, crossed: Numbers, squares: Numbers) -> Numbers:
    """Take out of all sums what the controls explain, in place; return their coefficients."""
    count = products.shape[-1] - 1
    whole = [products[..., j, j] + 0 for j in range(count)]
    own = [squares[..., f, f, :] + 0 for f in range(squares.shape[-2])]
    for j in range(count):
        inverse = _inverse(products[..., j, j], whole[j])
        row, cross = products[..., j, j + 1 :] + 0, crossed[..., j, :, :] + 0
        scaled = row * inverse[..., None]
        products[..., j + 1 :, j + 1 :] -= scaled[..., :, None] * row[..., None, :]
        crossed[..., j + 1 :, :, :] -= scaled[..., :, None, None] * cross[..., None, :, :]
        outer = cross[..., :, None, :] * cross[..., None, :, :]
        squares -= outer * inverse[..., None, None, None]
    for f, before in enumerate(own):
        squares[..., f, f, :] *= squares[..., f, f, :] > COLLINEAR * before
    found = 0 * products[..., :-1, -1]
    for j in reversed(range(count)):
        known = (products[..., j, j + 1 : count] * found[..., j + 1 :]).sum(-1)
        rest = products[..., j, count] - known
        found[..., j] = rest * _inverse(products[..., j, j], whole[j])
    return found


def _eliminate_features(squares: Numbers, crossed: Numbers) -> tuple[Numbers, Numbers]:
    """Solve for the features of each parameter; return coefficients and what they explain."""
    count = crossed.shape[-2]
    whole = [squares[..., f, f, :] + 0 for f in range(count)]
    crossed, explained = crossed + 0, 0 * crossed[..., 0, :]
    for f in range(count):
        inverse = _inverse(squares[..., f, f, :], whole[f])
        row, cross = squares[..., f, f + 1 :, :] + 0, crossed[..., f, :]
        explained = explained + cross**2 * inverse
        scaled = row * inverse[..., None, :]
        squares[..., f + 1 :, f + 1 :, :] -= scaled[..., :, None, :] * row[..., None, :, :]
        crossed[..., f + 1 :, :] -= scaled * cross[..., None, :]
    found = 0 * crossed
    for f in reversed(range(count)):
        known = (squares[..., f, f + 1 :, :] * found[..., f + 1 :, :]).sum(-2)
        rest = crossed[..., f, :] - known
        found[..., f, :] = rest * _inverse(squares[..., f, f, :], whole[f])
    return found, explained


def _inverse(values: Numbers, whole: Numbers) -> Numbers:
    """Return inverses, zero where next to nothing of the whole is left."""
    there = values > COLLINEAR * whole
    return there / (values * there + ~there)
