"""Causal pruning as it was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.banded import BandedColumns
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.designs import (
    placed_scores,
    pruning_designs,
    zero_where_pruned,
)
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.moved import checked_sums
from causalhyper.granger.criteria.regularised import check_scope
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.design.columns import ChangeColumns
from causalhyper.granger.masks.allocation import Scope
from causalhyper.granger.screening import screen_sums
from causalhyper.granger.stochastic import stochastic_lasso

Form = Literal["joint", "decoupled", "sums"]


@dataclass(frozen=True, slots=True)
class Published:
    r"""Rank as the paper of causal pruning does: a reproduction, not a recommendation.

    Stochastic descent with a cumulative l1 penalty on squared changes as they are, three epochs at
    the rate :math:`0.01 / t^{1/4}`, for the loss of the *next* minibatch less that of this one.
    Scores are the sizes of the coefficients and zero where the penalty leaves a parameter out:
    ``allocate(..., threshold=0)`` is the paper's rule.

    Attributes
    ----------
    l1 : float
        L1_coeff, in the unit of squared change times loss. The default is the paper's for LeNet;
        values do not carry over to another learning rate, loss or stage, as the unit goes with
        them.
    form : {"joint", "decoupled", "sums"}
        * joint: step by step, as published, from the trajectory.
        * decoupled: what the descent comes to when the prediction is left out of its error, in
          one reading. On the published scale the prediction is a billionth of the response, and
          both keep the same parameters.
        * sums: from streaming sums, without a trajectory: the same rule but for the learning
          rates, which weigh all steps alike: keep where :math:`|\overline{x y}|` is above `l1`.
    scope : {"layer", "network"}
        Whether the prediction of the joint form is of a layer, as published, or of all; the other
        forms have none.
    momentum : bool
        Three coefficients a parameter (the paper's appendix A), the largest of which counts.
    name : str

    Notes
    -----
    Source: Shah et al., "A Granger-causal perspective on gradient descent with application to
    pruning", algorithm 1 and equation 9; Tsuruoka, Tsujii and Ananiadou 2009.
    """

    l1: float = 1e-14
    form: Form = "joint"
    scope: Scope = "layer"
    momentum: bool = False
    name: str = "causal-published"

    def __post_init__(self) -> None:
        check_scope(self.scope)
        if self.form not in get_args(Form) or not 0 < self.l1 < np.inf:
            raise ConfigurationError(
                "expected the form 'joint', 'decoupled' or 'sums' and l1 above zero and finite; "
                f"got {self.form!r} and {self.l1}"
            )

    @property
    def needs(self) -> Needs:
        """A trajectory, or sums; with the loss of the next minibatch."""
        sums = self.form == "sums"
        return Needs(sums=sums, trajectory=not sums, response="next", momentum=self.momentum)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return sizes of coefficients, or by how much the sums are above the penalty."""
        if self.form == "sums":
            return self._from_sums(evidence)
        designs = pruning_designs(
            evidence,
            self.name,
            scope=self.scope,
            momentum=self.momentum,
            response="next_minibatch",
        )
        return placed_scores(evidence, designs, [self._descended(design) for design in designs])

    def _descended(self, design: GrangerDesign) -> Array:
        columns = design.columns
        if self.form == "joint" and isinstance(columns, ChangeColumns):
            columns = BandedColumns(columns)
        form: Literal["joint", "decoupled"] = "joint" if self.form == "joint" else "decoupled"
        fit = stochastic_lasso(columns, design.y, l1=self.l1, form=form, reproduction=True)
        return np.abs(fit.dense(0))

    def _from_sums(self, evidence: Evidence) -> dict[str, Array]:
        sums = checked_sums(evidence, self.name)
        if sums.settings.get("response", "next") != "next":
            raise ConfigurationError(
                f"the criterion {self.name!r} needs sums with the loss of the next minibatch; "
                f"these have {sums.settings['response']!r}: record them with response='next'"
            )
        units = None if evidence.share is None else 0
        found = {}
        for layer in evidence.masks.kept:
            (screened,) = screen_sums(sums, layers=[layer], units=units).layers
            found[layer] = np.maximum(screened.statistics["marginal"] - self.l1, 0.0)
        return zero_where_pruned(evidence, found)
