"""Gradient noise of all members along their training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from case_studies.batch_size.graph_runs.design import Trajectory
from case_studies.batch_size.graph_runs.minibatches import Minibatches

Gradients = Callable[[Tensor], Tensor]
"""From weights of the training nodes to the gradients, shape (seeds, members, p)."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Of the gradients at one update; each of float64 and shape (seeds, members), on the CPU.

    Attributes
    ----------
    trace : Tensor
        S, the trace of the covariance of examples' gradients, divisor n - 1.
    squared : Tensor
        Squared norm of the mean gradient.
    made : Tensor
        E|g - mean|^2 of the update actually made.
    """

    trace: Tensor
    squared: Tensor
    made: Tensor


def measure(
    trajectories: Sequence[Trajectory],
    minibatches: Minibatches,
    parts: int,
    gradients: Gradients,
    ascended: Gradients,
) -> Moments:
    r"""Estimate gradient noise from a random partition of the training set.

    With K parts of m nodes that cover all n,
    :math:`\hat S = \frac{m}{K - 1} \sum_k |g_k - \bar g|^2` is unbiased over partitions. The
    noise of an update of noise b is :math:`S / b\,(1 - b / n)`; that of sharpness-aware
    minimisation, whose update is no mean over examples, is estimated from its own updates at K
    minibatches of B: where they make whole partitions it is their mean squared deviation, else,
    disjoint but not all, :math:`(1 - B/n) / (K - 1)` times the sum. Both would be unbiased if
    the update were a mean over examples.

    Parameters
    ----------
    trajectories : sequence of Trajectory
    minibatches : Minibatches
    parts : int
        K.
    gradients, ascended : callable
        Gradients at the members' parameters, and those of sharpness-aware minimisation.
    """
    n = minibatches.order.shape[-1]
    size = n // parts
    deviations, squared = _spread(
        parts, lambda k: gradients(minibatches.part([size], k).expand(-1, len(trajectories), -1))
    )
    trace = deviations * size / (parts - 1)
    noise = torch.tensor([t.noise_of for t in trajectories], dtype=torch.float64)
    made = trace / noise * (1 - noise / n)
    if trajectories[0].arm == "sam":
        sizes = [t.batch_size for t in trajectories]
        deviations, _ = _spread(parts, lambda k: ascended(minibatches.part(sizes, k)))
        some = (1 - noise / n) / (parts - 1)
        made = deviations * torch.where(noise * parts >= n, 1 / parts, some)
    return Moments(trace, squared, made)


def _spread(parts: int, gradient: Callable[[int], Tensor]) -> tuple[Tensor, Tensor]:
    """Sum of squared deviations from the mean gradient, and the mean's squared norm."""
    mean, deviations = torch.zeros(()), torch.zeros(())
    for k in range(parts):
        found = gradient(k).double()
        if k == 0:
            mean, deviations = found, torch.zeros_like(found[..., 0])
            continue
        apart = found - mean
        mean = mean.add_(apart, alpha=1 / (k + 1))
        deviations = deviations + apart.square_().sum(-1) * (k / (k + 1))
    return deviations.cpu(), mean.square_().sum(-1).cpu()
