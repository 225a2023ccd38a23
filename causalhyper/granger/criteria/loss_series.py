"""What a collecting stage knows of the loss in each step, beside what moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.attribution import Attribution
from causalhyper.granger.criteria.series_sums import SeriesSums
from causalhyper.granger.criteria.sketches import Sketch


@dataclass(frozen=True, slots=True, eq=False)
class LayerSeries:
    """Of one layer of p parameters and U units, over T steps.

    Attributes
    ----------
    sums : SeriesSums
        Of squared changes with the series; further features are those of the steps before.
    attribution : Attribution, optional
        What each parameter's movement did, from gradients.
    units : ndarray, shape (T, U), optional
        Squared changes, summed over each output unit.
    weighted : ndarray, shape (T, U), optional
        The same, each squared change times the mean of the parameter's squared gradients in the
        steps before.
    sketched : ndarray, shape (T, G), optional
        Signed sums of squared changes.
    sketch : Sketch, optional
        Of which parameters they are.
    """

    sums: SeriesSums
    attribution: Attribution | None = None
    units: Array | None = None
    weighted: Array | None = None
    sketched: Array | None = None
    sketch: Sketch | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LossSeries:
    """Series of the loss in a collecting stage, and what is summed of every layer with them.

    Usual names: ``one``, a constant; ``same``, the loss change on the step's own minibatch;
    ``residual``, that less the first-order prediction; ``fresh``, the loss change on a minibatch
    that did not choose the step; ``moved.LAYER``, the squared changes of a layer; and
    ``same@5``, the value five steps before.

    Attributes
    ----------
    names : tuple of str
        Of the series, as the sums of all layers have them.
    values : ndarray, shape (T, S)
        The series themselves.
    layers : mapping of str to LayerSeries

    Raises
    ------
    ConfigurationError
        If the sums of a layer are of other series.
    """

    names: tuple[str, ...]
    values: Array
    layers: Mapping[str, LayerSeries]

    def __post_init__(self) -> None:
        for name, layer in self.layers.items():
            if layer.sums.names != self.names or self.values.shape[1:] != (len(self.names),):
                raise ConfigurationError(
                    f"values and sums of layer {name!r} must be of the series {self.names}; got "
                    f"{self.values.shape} and {layer.sums.names}"
                )

    def series(self, names: Sequence[str]) -> Array:
        """Return some of the series, shape (T, len(names)).

        Raises
        ------
        ConfigurationError
            If one was not recorded.
        """
        if missing := [name for name in names if name not in self.names]:
            raise ConfigurationError(
                f"the series {missing[0]!r} was not recorded; there are {', '.join(self.names)}"
            )
        return self.values[:, [self.names.index(name) for name in names]]


def first_order_residual(change: Array, predicted: Array) -> Array:
    r"""Free loss changes of what the gradient before the step predicts of them.

    .. math:: r_t = \Delta L_t - g_t' \Delta_t = \tfrac12 \Delta_t' H_t \Delta_t + \dots

    For plain gradient descent :math:`g_t' \Delta_t = -\eta_t \|g_t\|^2 = -\|\Delta_t\|^2 / \eta_t`
    over *all* parameters that move, also those that are not pruned. What is left is the loss's
    curvature along the step, the only part of the loss change that tells parameters apart.

    Parameters
    ----------
    change, predicted : ndarray, shape (T,)
        Loss after less before the step on its own minibatch, and :math:`g_t' \Delta_t`; in double
        precision, as the residual is a small difference of them.

    Returns
    -------
    ndarray, shape (T,)

    Examples
    --------
    >>> h, theta, rate = np.array([2.0, 0.5]), np.array([1.0, -1.0]), 0.1
    >>> g = h * theta
    >>> losses = [0.5 * h @ at**2 for at in (theta, theta - rate * g)]
    >>> left = first_order_residual(np.array([losses[1] - losses[0]]), np.array([-rate * g @ g]))
    >>> bool(np.isclose(left[0], 0.5 * h @ (rate * g) ** 2))
    True
    """
    return np.asarray(change) - np.asarray(predicted)


def past_values(values: Array, lag: int) -> Array:
    """Return a series some steps before; the first steps have none.

    Parameters
    ----------
    values : ndarray, shape (T,)
    lag : int
        At least 1.

    Returns
    -------
    ndarray, shape (T,)
        NaN where there is none: such steps are left out of the sums.
    """
    if lag < 1:
        raise ConfigurationError(f"past values are of a lag from 1; got {lag}")
    return np.concatenate([np.full(min(lag, len(values)), np.nan), values[:-lag]])
