r"""What each parameter's own movement did to the loss: sums that need no regression.

The loss change of a step on its own minibatch is, to third order, the mean of the gradients before
and after times the change: :math:`\Delta L = \sum_k \frac12 (g_k + g_k^+) \Delta_k`. So what is
left of it after the first-order prediction is a sum over parameters of *known* terms,

.. math:: \Delta L - g'\Delta = \tfrac12 \sum_k \Delta_k (g_k^+ - g_k) + O(\|\Delta\|^3),

each parameter's share of the curvature of the loss along the step. One more backward pass a step
gives p numbers where the loss gives one. In the same way the loss change on a fresh minibatch is
:math:`\sum_k \Delta_k \tilde g_k` to first order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.series_sums import Numbers

Part = Literal["turned", "fresh"]
"""What may be summed beside the squared changes; each costs a backward pass a step."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    r"""Sums over the steps of what each parameter's movement did.

    Leading axes, if there are any, are networks.

    Attributes
    ----------
    moved : ndarray or Tensor, shape (..., p)
        :math:`\sum_t \Delta_{tk}^2`.
    turned : ndarray or Tensor, shape (..., p), optional
        :math:`\sum_t \Delta_{tk} (g_{tk}^+ - g_{tk})`, gradients after and before the step on its
        own minibatch.
    fresh : ndarray or Tensor, shape (..., p), optional
        :math:`\sum_t \Delta_{tk} \tilde g_{tk}`, the gradient before the step on a minibatch that
        did not choose it.
    """

    moved: Numbers
    turned: Numbers | None = None
    fresh: Numbers | None = None

    def add(
        self,
        change: Numbers,
        before: Numbers = None,
        after: Numbers = None,
        fresh: Numbers = None,
    ) -> None:
        """Add a step, in place.

        Parameters
        ----------
        change : ndarray or Tensor, shape (..., p)
        before, after, fresh : ndarray or Tensor, shape (..., p), optional
            Gradients on the step's minibatch before and after it, where `turned` is summed, and
            on a fresh one before it, where `fresh` is.
        """
        moved, turned, other = self.moved, self.turned, self.fresh
        moved += change**2
        if turned is not None:
            turned += change * (after - before)
        if other is not None:
            other += change * fresh

    @property
    def curvature(self) -> Numbers:
        r"""Curvature of the loss along each parameter, shape (..., p).

        .. math:: \hat h_k = \frac{\sum_t \Delta_{tk} (g^+_{tk} - g_{tk})}{\sum_t \Delta_{tk}^2}
            \to h_{kk} + \sum_{j \neq k} h_{kj}
            \frac{E \Delta_j \Delta_k}{E \Delta_k^2},

        exactly :math:`h_k` of a quadratic loss with a diagonal Hessian, after one step; in general
        the diagonal of the Hessian where changes are uncorrelated, as injected noise makes them
        (Hutchinson's estimate). Zero where a parameter did not move.

        Raises
        ------
        ConfigurationError
            If `turned` was not summed.
        """
        there = self.moved > 0
        return self._summed("turned") * there / (self.moved * there + ~there)

    @property
    def gain(self) -> Numbers:
        r"""Decrease of the loss on fresh minibatches by each parameter's movement, shape (..., p).

        For plain gradient descent :math:`-\sum \Delta_k \tilde g_k`, whose expectation is
        :math:`\sum_t \eta_t \bar g_{tk}^2`: movement freed of the noise of the minibatch.

        Raises
        ------
        ConfigurationError
            If `fresh` was not summed.
        """
        return -self._summed("fresh")

    def _summed(self, part: Part) -> Numbers:
        found = getattr(self, part)
        if found is None:
            raise ConfigurationError(
                f"the attribution has no sums {part!r}: record them (attribution=({part!r},) of "
                "Needs)"
            )
        return found
