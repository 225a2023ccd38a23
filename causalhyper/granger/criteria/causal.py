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
from causalhyper.granger.design.response import Response
from causalhyper.granger.screening import Screening, screen_columns, screen_sums
from causalhyper.granger.screening.result import OF_RESPONSE

Statistic = Literal["correlation", "covariance", "slope", "marginal"]


@dataclass(frozen=True, slots=True)
class Causal:
    r"""Rank by the covariance of squared change and loss change over the steps.

    With :math:`x = (\Delta\theta)^2` and :math:`y = \Delta L` on the step's own minibatch, each
    parameter alone (marginal screening): :math:`|cov(x, y)|`, which orders parameters as the lasso
    penalty does at which the column, as it is, would enter if it were the only one. It needs
    streaming sums: a few numbers a parameter, and no trajectory.

    Attributes
    ----------
    statistic : {"correlation", "covariance", "slope", "marginal"}, optional
        What is ranked, by its absolute value; see `Screening`. Unless given the covariance; with
        momentum, where there is none, the largest product. The correlation is that of
        standardised columns: parameters that hardly move then rank high by chance.
    response : {"same", "next"}
        Loss change on the step's own minibatch; or from one minibatch to the next, as published,
        most of which is not the step's doing.
    momentum : bool
        Three features a parameter, for training with momentum.
    name : str

    Notes
    -----
    For plain gradient descent :math:`\Delta L = -\eta \|g\|^2` to first order, whatever a
    parameter does for the network: compare with `TotalMovement` and `Shifted`. In LeNet on
    FashionMNIST with 95% pruned (4 seeds) the covariance left a validation accuracy of 90.7%, the
    correlation 80.0%; dense 91.7%.

    Source: the model is that of Shah et al., "A Granger-causal perspective on gradient descent
    with application to pruning", equation 7, with appendix A for momentum; the same-minibatch
    loss is not theirs, see `Published`.
    """

    statistic: Statistic | None = None
    response: Literal["same", "next"] = "same"
    momentum: bool = False
    name: str = "causal"

    def __post_init__(self) -> None:
        if self.statistic is not None and self.statistic not in get_args(Statistic):
            raise ConfigurationError(
                f"a statistic is one of {', '.join(get_args(Statistic))}; got {self.statistic!r}"
            )
        if self.response not in ("same", "next"):
            raise ConfigurationError(
                f"the loss change is of the 'same' or the 'next' minibatch; got {self.response!r}"
            )
        if self.momentum and self.statistic in ("covariance", "slope"):
            raise ConfigurationError(
                f"three features have no {self.statistic} of their own: with momentum=True rank "
                "by 'marginal' or 'correlation'"
            )

    @property
    def needs(self) -> Needs:
        """Sums; a trajectory does where there are none."""
        return Needs(sums=True, response=self.response, momentum=self.momentum)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return absolute statistics."""
        if evidence.sums is None and evidence.trajectory is not None:
            return self._from_trajectory(evidence)
        return self._from_sums(evidence)

    def _from_sums(self, evidence: Evidence) -> dict[str, Array]:
        sums = checked_sums(evidence, self.name, self.response)
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
        minibatch: Response = "same_minibatch" if self.response == "same" else "next_minibatch"
        designs = pruning_designs(evidence, self.name, momentum=self.momentum, response=minibatch)
        for design in designs:
            (layer,) = design.layers
            screening = screen_columns(
                {layer: design.columns}, design.y, groups=design.groups, response=design.response
            )
            found[layer] = self._ranked(screening)
        return zero_where_pruned(evidence, found)

    def _ranked(self, screening: Screening) -> Array:
        """Return what is ranked, of a screening of one layer."""
        (layer,) = screening.layers
        order = ("covariance", "marginal")
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
