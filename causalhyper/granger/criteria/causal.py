"""The causal criterion: what a parameter's movement says of the loss change, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.designs import pruning_designs, zero_where_pruned
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.moved import checked_sums
from causalhyper.granger.screening import Screening, screen_columns, screen_sums
from causalhyper.granger.screening.result import OF_RESPONSE

Statistic = Literal["correlation", "covariance", "slope", "marginal"]


@dataclass(frozen=True, slots=True)
class Causal:
    r"""Rank by the correlation of squared change and loss change over the steps.

    With :math:`x = (\Delta\theta)^2` and :math:`y = \Delta L` on the step's own minibatch, each
    parameter alone (marginal screening): :math:`|cor(x, y)|`, which orders parameters as the lasso
    penalty does at which the standardised column would enter if it were the only one. It needs
    streaming sums: a few numbers a parameter, and no trajectory.

    Attributes
    ----------
    statistic : {"correlation", "covariance", "slope", "marginal"}, optional
        What is ranked, by its absolute value; see `Screening`. Unless given, the first of
        correlation, covariance and marginal that is known: of units sums know no correlation, as
        the variance of a sum takes products of different parameters, and with momentum no
        covariance. A trajectory knows them all.
    momentum : bool
        The multiple correlation with three features, for training with momentum.
    name : str

    Notes
    -----
    For plain gradient descent :math:`\Delta L = -\eta \|g\|^2` to first order, whatever a
    parameter does for the network: compare with `TotalMovement` and `Shifted`.

    Source: the model is that of Shah et al., "A Granger-causal perspective on gradient descent
    with application to pruning", equation 7, with appendix A for momentum; the same-minibatch
    loss and standardised features are not theirs, see `Published`.
    """

    statistic: Statistic | None = None
    momentum: bool = False
    name: str = "causal"

    def __post_init__(self) -> None:
        if self.statistic is not None and self.statistic not in get_args(Statistic):
            raise ConfigurationError(
                f"a statistic is one of {', '.join(get_args(Statistic))}; got {self.statistic!r}"
            )

    @property
    def needs(self) -> Needs:
        """Sums; a trajectory does where there are none."""
        return Needs(sums=True, momentum=self.momentum)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return absolute statistics."""
        if evidence.sums is None and evidence.trajectory is not None:
            return self._from_trajectory(evidence)
        return self._from_sums(evidence)

    def _from_sums(self, evidence: Evidence) -> dict[str, Array]:
        sums = checked_sums(evidence, self.name)
        if sums.momentum != self.momentum:
            raise ConfigurationError(
                f"the sums were taken with momentum={sums.momentum}, the criterion {self.name!r} "
                f"has momentum={self.momentum}: give both the same"
            )
        units = None if evidence.share is None else 0
        # layer by layer: the statistics of a layer are several numbers a parameter
        return zero_where_pruned(
            evidence,
            {
                layer: self._ranked(screen_sums(sums, layers=[layer], units=units))
                for layer in evidence.masks.kept
            },
        )

    def _from_trajectory(self, evidence: Evidence) -> dict[str, Array]:
        found = {}
        for design in pruning_designs(evidence, self.name, momentum=self.momentum):
            (layer,) = design.layers
            screening = screen_columns(
                {layer: design.columns}, design.y, groups=design.groups, response=design.response
            )
            found[layer] = self._ranked(screening)
        return zero_where_pruned(evidence, found)

    def _ranked(self, screening: Screening) -> Array:
        """Return what is ranked, of a screening of one layer."""
        (layer,) = screening.layers
        order = ("correlation", "covariance", "marginal")
        wanted: str = self.statistic or next(s for s in order if s in layer.statistics)
        if wanted not in layer.statistics:
            raise ConfigurationError(
                f"{wanted!r} of layer {layer.name!r} is not known from these sums, only "
                f"{', '.join(layer.statistics)}: leave statistic out, or give a trajectory"
            )
        if screening.constant and wanted in OF_RESPONSE:
            raise DataError(
                f"the loss change does not vary, so {wanted} ranks nothing: record a changing "
                "loss, or prune by movement"
            )
        return np.abs(layer.statistics[wanted])
