"""Gradient noise of many networks at once, from the gradients of disjoint minibatches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.measures.gradients import Losses, count_members, stacked_gradient


@dataclass(frozen=True, slots=True, eq=False)
class StackedNoise:
    """Moments of the per-example gradients of each member, estimated; all on the CPU.

    Attributes
    ----------
    example_noise : Tensor of float64, shape (members,)
        ``tr S`` of the n examples (divisor n - 1), in squared units of loss a unit of parameter.
    mean_gradient_squared : Tensor of float64, shape (members,)
        ``|g|^2`` of the mean gradient of the n examples, the same units; exact where the
        minibatches cover them, else unbiased, and then it may be negative.
    noise_scale : Tensor of float64, shape (members,)
        Their ratio, in examples; NaN where `mean_gradient_squared` is not positive.
    """

    example_noise: Tensor
    mean_gradient_squared: Tensor
    noise_scale: Tensor


def stacked_noise(
    batches: Iterable[Losses],
    parameters: Mapping[str, Tensor],
    batch_size: int,
    *,
    examples: int | None = None,
) -> StackedNoise:
    r"""Estimate every member's gradient noise from K disjoint minibatches of b examples.

    .. math:: \hat S = \frac{b}{K - 1} \sum_{k=1}^K |g_k - \bar g|^2, \qquad
              \widehat{|g|^2} = |\bar g|^2 - \frac{\hat S}{K b} \Bigl(1 - \frac{K b}{n}\Bigr)

    Parameters
    ----------
    batches : iterable of callable
        Each from parameters to the members' mean losses of one minibatch, shape (members,), a
        member's of its own parameters alone; two or more, iterated once. The minibatches of a
        member are drawn from its training set at random without replacement, as those of one
        shuffled epoch are.
    parameters : mapping of str to Tensor
        Each of shape (members, ...).
    batch_size : int
        b, the examples of every minibatch.
    examples : int, optional
        n, the size of the training set; K b, which the minibatches cover, if None.

    Returns
    -------
    StackedNoise
        NaN for a member with a loss or gradient that is not finite.

    Raises
    ------
    ConfigurationError
        If there are fewer than two minibatches, the minibatches hold more than n examples, or as
        for `stacked_gradient`.

    Notes
    -----
    Bias: none in either, over random partitions. With ``tr S`` of the n gradients (divisor
    n - 1), drawing without replacement gives ``E|g_k|^2 = |g|^2 + tr S / b (1 - b / n)`` and
    ``E|gbar|^2 = |g|^2 + tr S / (K b) (1 - K b / n)``; so ``E sum_k |g_k - gbar|^2``, which is
    ``sum_k E|g_k|^2 - K E|gbar|^2``, is ``tr S / b (K - 1)``: the finite-population terms cancel.
    Their ratio is consistent only. Where the minibatches cover the n examples, gbar is the full
    gradient, and no correction is due; the population's ``|g|^2`` is smaller by ``tr S / n``.

    The relative error of ``tr S`` is about ``sqrt(2 / (d (K - 1)))`` for a noise of d effective
    dimensions; b = 1 is exact. `collectors.noise.minibatch_noise` gives the noise of an update.

    Cost: K gradients of b examples, one epoch; memory of one gradient, and of their mean in
    float64. The sums are Welford's, in float64.

    Source: McCandlish et al. 2018, "An empirical model of large-batch training", appendix A.1;
    Cochran 1977, Sampling Techniques, theorem 2.2.

    Examples
    --------
    >>> batches = [lambda p: p["w"], lambda p: 3 * p["w"]]
    >>> found = stacked_noise(batches, {"w": torch.ones(2)}, batch_size=1)
    >>> found.example_noise.tolist(), found.mean_gradient_squared.tolist()
    ([2.0, 2.0], [4.0, 4.0])
    """
    if batch_size < 1:
        raise ConfigurationError(f"batch_size must be at least 1; got {batch_size}")
    count_members(parameters)
    moments = _Moments(parameters)
    for batch in batches:
        moments.add(*stacked_gradient(batch, parameters))
    covered = moments.batches * batch_size
    total = covered if examples is None else examples
    if moments.batches < 2 or covered > total:
        raise ConfigurationError(
            "expected two minibatches at least, with no more examples in all than the training "
            f"set of {total}; got {moments.batches} of {batch_size}"
        )
    trace = moments.deviations * (batch_size / (moments.batches - 1))
    squared = moments.mean_squared() - trace / covered * (1 - covered / total)
    trace, squared = (torch.where(trace.isfinite(), x, math.nan) for x in (trace, squared))
    scale = torch.where(squared > 0, trace / squared, math.nan)
    return StackedNoise(trace.cpu(), squared.cpu(), scale.cpu())


class _Moments:
    """Mean of the gradients, and the sum of squared deviations from it, in float64."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self.batches = 0
        self._mean = {k: torch.zeros_like(p, dtype=torch.float64) for k, p in parameters.items()}
        self.deviations = torch.zeros(())

    def add(self, gradients: Mapping[str, Tensor], losses: Tensor) -> None:
        """Add the gradients at one minibatch; a loss that is not finite spoils its member's."""
        self.batches += 1
        k = self.batches
        added = torch.where(losses.isfinite(), 0.0, math.nan).double()
        for name, gradient in gradients.items():
            apart = gradient.double() - self._mean[name]
            self._mean[name].add_(apart, alpha=1 / k)
            added = added + apart.reshape(len(apart), -1).square().sum(1) * ((k - 1) / k)
        self.deviations = added if k == 1 else self.deviations + added

    def mean_squared(self) -> Tensor:
        """Squared norm of each member's mean gradient."""
        parts = [m.reshape(len(m), -1).square().sum(1) for m in self._mean.values()]
        return torch.stack(parts).sum(0)
