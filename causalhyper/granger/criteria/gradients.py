"""Criteria of first and second order in the loss, from gradients of minibatches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.weights import weights_at
from causalhyper.granger.masks import sum_units


@dataclass(frozen=True, slots=True)
class Taylor:
    r"""Rank by :math:`|\theta \bar g|`: what setting a parameter to zero does to the loss.

    To first order in the parameter, with :math:`\bar g` the mean gradient over the minibatches;
    of a unit :math:`|\sum \theta \bar g|`, as its parameters go together. Near a minimum the mean
    gradient vanishes and noise ranks. The mean of the *squares* over minibatches, which does not
    vanish and is also called Taylor pruning, is the diagonal empirical Fisher information: `Obd`.

    Attributes
    ----------
    minibatches : int
        Gradients to be averaged.
    name : str

    Notes
    -----
    Source: Mozer and Smolensky 1988; Molchanov et al. 2017, "Pruning convolutional neural networks
    for resource efficient inference", equation 8.
    """

    minibatches: int = 100
    name: str = "taylor"

    def __post_init__(self) -> None:
        check_minibatches(self.minibatches)

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return Needs(gradients=self.minibatches)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return absolute first-order changes of the loss."""
        sums = {name: np.zeros(shape) for name, shape in evidence.masks.shapes.items()}
        count = 0
        for gradients in minibatch_gradients(evidence, self.minibatches, self.name):
            count += 1
            for name, gradient in gradients.items():
                sums[name] += gradient
        weights = weights_at(evidence, "collected")
        changes = {name: w * sums[name] / count for name, w in weights.items()}
        whole = changes if evidence.share is None else sum_units(changes)
        return {name: np.abs(change) for name, change in whole.items()}


@dataclass(frozen=True, slots=True)
class Obd:
    r"""Rank by :math:`\frac12 \theta^2 F`, optimal brain damage with the Fisher diagonal.

    The second-order estimate of the loss when a parameter is set to zero, at a minimum and with a
    diagonal Hessian, of which :math:`F = \overline{g^2}` over minibatches takes the place. Units
    have the sum over their parameters.

    Attributes
    ----------
    minibatches : int
        Gradients whose squares are averaged.
    name : str

    Notes
    -----
    The mean squared gradient of minibatches of B examples is the Fisher diagonal over B where the
    mean gradient is zero: the ranks are the same.

    Source: LeCun, Denker and Solla 1989, equation 5; Theis et al. 2018 for the Fisher information.
    """

    minibatches: int = 100
    name: str = "obd"

    def __post_init__(self) -> None:
        check_minibatches(self.minibatches)

    @property
    def needs(self) -> Needs:
        """Gradients."""
        return Needs(gradients=self.minibatches)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return second-order changes of the loss."""
        sums = {name: np.zeros(shape) for name, shape in evidence.masks.shapes.items()}
        count = 0
        for gradients in minibatch_gradients(evidence, self.minibatches, self.name):
            count += 1
            for name, gradient in gradients.items():
                sums[name] += gradient.astype(np.float64) ** 2
        weights = weights_at(evidence, "collected")
        return evidence.of_entries(
            {name: w**2 * sums[name] / (2 * count) for name, w in weights.items()}
        )


def minibatch_gradients(
    evidence: Evidence, count: int, name: str
) -> Iterator[Mapping[str, Array]]:
    """Yield gradients of the layers that are to be pruned, checked.

    Parameters
    ----------
    evidence : Evidence
    count : int
        Minibatches asked for; what yields them may end earlier.
    name : str
        Of the criterion that asks.

    Yields
    ------
    mapping of str to ndarray
        By layer, in its shape and the precision in which it comes.

    Raises
    ------
    ConfigurationError
        If none comes, or one lacks a layer or has another shape.
    DataError
        If one is not finite.
    """
    shapes, seen = evidence.masks.shapes, 0
    for gradients in evidence.require_gradients(name)(count):
        seen += 1
        found = {layer: np.asarray(gradients[layer]) for layer in shapes if layer in gradients}
        if {layer: g.shape for layer, g in found.items()} != shapes:
            raise ConfigurationError(
                f"a gradient of every layer in its shape is needed, {shapes}; got "
                f"{ {layer: np.shape(g) for layer, g in gradients.items()} }"
            )
        for layer, gradient in found.items():
            if not np.isfinite(gradient).all():
                raise DataError(
                    f"gradients must be finite; minibatch {seen} has others in layer {layer!r}: "
                    "did training diverge?"
                )
        yield found
    if not seen:
        raise ConfigurationError(
            f"the criterion {name!r} asked for gradients of {count} minibatches and got none: "
            "does gradients= yield them on every call?"
        )


def check_minibatches(count: int) -> None:
    """Refuse to average over nothing."""
    if count < 1:
        raise ConfigurationError(f"one minibatch is needed at least; got minibatches={count}")
