"""Criteria that look at how far weights moved: movement, and the diagonal Fisher information."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.frames import StepSums
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.weights import Moment, check_moment, weights_at
from causalhyper.granger.design.columns import change_columns
from causalhyper.granger.design.records import StepRecord, open_records
from causalhyper.granger.design.rows import choose_rows
from causalhyper.granger.lasso.columns import host_blocks


@dataclass(frozen=True, slots=True)
class TotalMovement:
    r"""Rank by :math:`\sum_t (\Delta_t\theta)^2`: how far a parameter moved while collecting.

    What the regression of the loss has to say more than, to be worth its name.

    Attributes
    ----------
    name : str
    """

    name: str = "movement"

    @property
    def needs(self) -> Needs:
        """Sums; a trajectory does where there are none."""
        return Needs(sums=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return sums of squared changes."""
        return evidence.of_entries(movements(evidence, self.name))


@dataclass(frozen=True, slots=True)
class Fisher:
    r"""Rank by :math:`\theta^2 \sum_t (\Delta_t\theta)^2`.

    For plain gradient descent the sum is :math:`\eta^2 T` times the diagonal of the empirical
    Fisher information along the trajectory, so that the score is, up to a factor, the second-order
    estimate of the loss when the parameter is set to zero (see `Obd`), at no cost beyond the sums.

    Attributes
    ----------
    at : {"collected", "rewound"}
        Weights at the end of the collecting stage, or those to which training goes back.
    name : str

    Notes
    -----
    Source: Theis, Korshunova, Tejani and Huszar 2018 for the Fisher information as a pruning
    criterion; here it is taken from the steps of the training itself.
    """

    at: Moment = "collected"
    name: str = "fisher"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Sums; a trajectory does where there are none."""
        return Needs(sums=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return movement times squared weights."""
        weights = weights_at(evidence, self.at)
        moved = movements(evidence, self.name)
        return evidence.of_entries({name: moved[name] * w**2 for name, w in weights.items()})


def movements(evidence: Evidence, name: str) -> dict[str, Array]:
    """Return the sum of squared changes of every parameter.

    Parameters
    ----------
    evidence : Evidence
        With sums, or else with a trajectory, which is read once.
    name : str
        Of the criterion that asks.

    Returns
    -------
    dict of str to ndarray
        By layer, in its shape.

    Raises
    ------
    ConfigurationError
        If there is neither, or a layer was not recorded.
    DataError
        If a change is not finite.
    """
    shapes = evidence.masks.shapes
    if evidence.sums is not None or evidence.trajectory is None:
        sums = checked_sums(evidence, name)
        return {layer: sums[layer].movement.reshape(shape) for layer, shape in shapes.items()}
    (record,) = open_records([evidence.trajectory])
    return {layer: _squares(record, layer).reshape(shape) for layer, shape in shapes.items()}


def checked_sums(evidence: Evidence, name: str) -> StepSums:
    """Return the sums of all layers that are to be pruned.

    Parameters
    ----------
    evidence : Evidence
    name : str
        Of the criterion that asks.

    Returns
    -------
    StepSums

    Raises
    ------
    ConfigurationError
        If there are none, or a layer is not among them in its shape.
    """
    sums = evidence.require_sums(name)
    for layer, shape in evidence.masks.shapes.items():
        if sums[layer].shape != shape:
            raise ConfigurationError(
                f"sums of layer {layer!r} are of shape {sums[layer].shape}; its mask has {shape}"
            )
    return sums


def _squares(record: StepRecord, name: str) -> Array:
    layers = [layer for layer in record.layers if layer.name == name]
    if not layers:
        known = ", ".join(layer.name for layer in record.layers)
        raise ConfigurationError(f"layer {name!r} was not recorded; there are {known}")
    rows = choose_rows(record, slice(None), momentum=False, following=False)
    columns = change_columns([rows], layers, features="squares", rates=None)
    found = np.empty(columns.shape[1])
    for start, block in host_blocks(columns):
        found[start : start + block.shape[1]] = block.sum(axis=0, dtype=np.float64)
    return found * columns.unit
