"""Gradient noise from the gradients of small and large minibatches: one gradient's cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, batches, count, take
from collectors.calls import Loss, example_losses
from collectors.model_state import Mode, measuring
from collectors.noise.noise_scale import NoiseScale, estimate
from collectors.noise.refusals import refuse_batch_statistics
from collectors.parameters import chosen_parameters


def pair_estimates(
    squares: Sequence[float], sizes: Sequence[int], union: float
) -> tuple[float, float]:
    r"""Estimate ``tr S`` and ``|g|^2`` from the gradients of disjoint parts of one minibatch.

    .. math:: \hat S = \frac{\sum_j b_j |g_j|^2 - B |g_B|^2}{k - 1}, \qquad
              \hat G^2 = |g_B|^2 - \frac{\hat S}{B}

    which for k equal parts of b examples are McCandlish's
    ``(mean |g_b|^2 - |g_B|^2) / (1 / b - 1 / B)`` and
    ``(B |g_B|^2 - b mean |g_b|^2) / (B - b)``.

    Parameters
    ----------
    squares : sequence of float, length k
        ``|g_j|^2`` of the parts' mean gradients; k >= 2.
    sizes : sequence of int, length k
        Their examples ``b_j``.
    union : float
        ``|g_B|^2`` of the mean gradient of all B examples.

    Returns
    -------
    trace : float
        Unbiased for ``tr S``: of the population where examples are independent, and of n
        examples (divisor n - 1) where the parts are drawn from them without replacement; there
        is no finite-population factor.
    squared : float
        Unbiased for the population's ``|g|^2``, and for ``|g|^2 - tr S / n`` of n examples. It may
        be negative.

    Raises
    ------
    ConfigurationError
        If there are fewer than two parts, or a part is empty.

    Notes
    -----
    Units: squared units of a gradient. Averaged over steps, take the ratio of means: the mean of
    ratios overshoots.

    Source: McCandlish et al. 2018, "An empirical model of large-batch training", appendix A.1;
    the unequal parts are the analysis of variance of one way.

    Examples
    --------
    >>> pair_estimates([1.0, 9.0], [1, 1], 4.0)
    (2.0, 3.0)
    """
    if len(squares) != len(sizes) or len(sizes) < 2 or min(sizes) < 1:
        raise ConfigurationError(
            f"expected 2 or more parts with 1 or more examples each; got {len(squares)} norms and "
            f"sizes {list(sizes)}"
        )
    total = sum(sizes)
    weighted = math.fsum(b * s for b, s in zip(sizes, squares, strict=True))
    trace = (weighted - total * union) / (len(sizes) - 1)
    return trace, union - trace / total


@dataclass(slots=True)
class PairSums:
    """Sums over steps of the two estimates, their squares and their product.

    Attributes
    ----------
    steps : int
        Number of steps m.
    means : list of float
        Running means of trace and squared gradient.
    moments : list of float
        Running sums of squared deviations of the two, then of their product.
    """

    steps: int
    means: list[float]
    moments: list[float]

    @classmethod
    def empty(cls) -> PairSums:
        """Begin with no step."""
        return cls(0, [0.0, 0.0], [0.0, 0.0, 0.0])

    def add(self, trace: float, squared: float) -> None:
        """Add the estimates of one step (Welford's update)."""
        self.steps += 1
        before = (trace - self.means[0], squared - self.means[1])
        self.means = [m + d / self.steps for m, d in zip(self.means, before, strict=True)]
        after = (trace - self.means[0], squared - self.means[1])
        products = (before[0] * after[0], before[1] * after[1], before[0] * after[1])
        self.moments = [m + p for m, p in zip(self.moments, products, strict=True)]

    def estimate(self, mode: Mode) -> NoiseScale:
        """Ratio of means, with standard errors as if the steps were independent."""
        m = self.steps
        if not m:
            raise ConfigurationError(
                "no step had two parts: give batches of two or more examples, or two or more "
                "backward passes before each step of the optimiser"
            )
        a, b, ab = (s / m / (m - 1) if m > 1 else math.nan for s in self.moments)
        trace, squared = self.means
        return estimate(trace, squared, (a, b, ab), count=m, unit="steps", mode=mode)


def paired_noise(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    parts: int = 2,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> NoiseScale:
    """Estimate gradient noise from the halves of minibatches, at one gradient's cost and memory.

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        Minibatches of examples in random order; iterated once. A batch of one example is left
        out.
    parts : int
        Number k of parts that each minibatch is cut into: more of them lower the variance of
        ``tr S`` and slow the passes.
    mode : {"eval", "train", "as_found"}
        Mode of the network. In train mode the noise of dropout's masks is part of ``tr S``;
        batch normalisation by the batch is refused.
    generator : Generator, optional
        What dropout draws from.

    Returns
    -------
    NoiseScale
        The mean of `pair_estimates` over minibatches and the ratio of means, with standard
        errors from the spread over minibatches (NaN for one).

    Raises
    ------
    ConfigurationError
        If there is no minibatch of two examples, parts < 2, the loss is not one number an
        example, or a layer normalises by the batch.

    Notes
    -----
    Bias: none in ``tr S`` and ``|g|^2`` (see `pair_estimates` for what of n examples they are
    unbiased for); the ratio is consistent. The relative error of ``tr S`` is about
    ``sqrt(2 / (d m (k - 1)))`` for m minibatches and a noise of d effective dimensions.

    Cost: one gradient of the same examples, cut into parts: 1.0 to 1.3 measured; memory for one
    more gradient.

    Source: McCandlish et al. 2018, "An empirical model of large-batch training", appendix A.1.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> found = paired_noise(model, lambda outputs, targets: outputs[:, 0], [(x, x)])
    >>> found.covariance_trace, found.gradient_squared
    (2.0, 3.0)
    """
    if parts < 2:
        raise ConfigurationError(f"a minibatch must be cut into 2 or more parts; got {parts}")
    sums = PairSums.empty()
    with measuring(model, mode, generator=generator):
        refuse_batch_statistics(model)
        for inputs, targets in batches(data, model):
            if count(inputs) >= 2:
                sums.add(*_cut(model, loss, inputs, targets, parts))
        return sums.estimate(mode)


def _cut(
    model: nn.Module, loss: Loss, inputs: object, targets: object, parts: int
) -> tuple[float, float]:
    """Estimates from one minibatch, cut into nearly equal parts."""
    n = count(inputs)
    k = min(parts, n)
    ends = [n * j // k for j in range(k + 1)]
    parameters = list(chosen_parameters(model).values())
    whole: list[Tensor] = [torch.zeros_like(p) for p in parameters]
    squares = []
    for start, stop in pairwise(ends):
        with torch.enable_grad():
            x, y = take(inputs, start, stop), take(targets, start, stop)
            mean = example_losses(model, loss, x, y).mean()
        rows = torch.autograd.grad(mean, parameters, allow_unused=True, materialize_grads=True)
        squares.append(squared_norm(rows))
        whole = [w.add_(r, alpha=(stop - start) / n) for w, r in zip(whole, rows, strict=True)]
    sizes = [stop - start for start, stop in pairwise(ends)]
    return pair_estimates([float(s) for s in squares], sizes, float(squared_norm(whole)))


def squared_norm(gradient: Sequence[Tensor]) -> Tensor:
    """Squared norm of a gradient, without waiting for the device.

    Parameters
    ----------
    gradient : sequence of Tensor
        One a parameter.

    Returns
    -------
    Tensor, shape ()
        The sum of squares, in float32 at least.

    Examples
    --------
    >>> squared_norm([torch.tensor([3.0]), torch.tensor([[4.0]])]).item()
    25.0
    """
    return torch.stack([_dot(g) for g in gradient]).sum()


def _dot(gradient: Tensor) -> Tensor:
    flat = gradient.detach().reshape(-1)
    flat = flat.to(torch.promote_types(flat.dtype, torch.float32))
    return torch.dot(flat, flat)
