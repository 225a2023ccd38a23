"""Gradient noise from per-example losses that share a forward pass, as the nodes of a graph do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class GradientMoments:
    """First two moments of the per-example gradients at one point in parameter space.

    Attributes
    ----------
    mean_norm_squared : float
        ``|g|^2``, the squared norm of the mean gradient, in squared units of loss a unit of
        parameter; NaN where it cannot be taken.
    covariance_trace : float
        ``tr S = sum_i |g_i - g|^2 / (n - 1)``, the same units.
    examples : int
        Number of examples n.
    """

    mean_norm_squared: float
    covariance_trace: float
    examples: int


def gradient_moments(
    losses: Tensor, parameters: Sequence[Tensor], *, chunk: int = 128
) -> GradientMoments:
    r"""Compute the moments of the per-example gradients by vectorised vector-Jacobian products.

    With g_i the gradient of example i's loss and g their mean,

    .. math:: |g|^2 \qquad \mathrm{and} \qquad
              \mathrm{tr}\,S = \frac{1}{n - 1} \sum_{i=1}^n |g_i - g|^2

    Parameters
    ----------
    losses : Tensor, shape (n,)
        Per-example losses with their graph; n >= 2.
    parameters : sequence of Tensor
        What to differentiate by; one that the losses do not depend on has gradient zero.
    chunk : int
        Examples a batched product; memory is chunk times the number of parameters.

    Returns
    -------
    GradientMoments
        Both NaN where a loss or a gradient is not finite, as after divergence.

    Raises
    ------
    ConfigurationError
        If `losses` is not a vector of two or more, there are no parameters, or chunk < 1.

    Notes
    -----
    Bias: the divisor n - 1 makes ``tr S`` unbiased for the covariance of the population that the
    examples were drawn from; ``|g|^2`` is exact for these n examples, and overshoots the
    population's by ``tr S / n`` in the mean. Run the forward pass in the mode (train or eval)
    whose noise you want: in train mode dropout and batch normalisation add their own.

    Cost: n backward passes through the graph of `losses`, batched by `chunk` (measured 0.7 n
    gradients of the mean loss, n = 1,024 on a GCN of Cora). It needs nothing but the losses, so
    it serves networks whose examples share a forward pass, as the nodes of a graph do. Sums are
    in float64, the gradients in the parameters' own type.

    Source: McCandlish et al. 2018, "An empirical model of large-batch training", section 2.2 and
    appendix A.

    Examples
    --------
    >>> weight = torch.zeros(1, requires_grad=True)
    >>> losses = 0.5 * (weight - torch.tensor([1.0, 3.0])) ** 2
    >>> gradient_moments(losses, [weight])
    GradientMoments(mean_norm_squared=4.0, covariance_trace=2.0, examples=2)
    """
    _check(losses, parameters, chunk)
    n = losses.numel()
    unknown = GradientMoments(math.nan, math.nan, n)
    if not bool(torch.isfinite(losses.detach()).all()):
        return unknown
    total = torch.zeros((), dtype=torch.float64, device=losses.device)
    squares = 0.0
    for start in range(0, n, chunk):
        flat = _gradients(losses, tuple(parameters), start, min(start + chunk, n))
        squares += float((flat * flat).sum())
        total = total + flat.sum(0)
    mean_squared = float((total / n).square().sum())
    if not (math.isfinite(squares) and math.isfinite(mean_squared)):
        return unknown
    return GradientMoments(mean_squared, max(0.0, squares - n * mean_squared) / (n - 1), n)


def _check(losses: Tensor, parameters: Sequence[Tensor], chunk: int) -> None:
    if losses.ndim != 1 or losses.numel() < 2:
        raise ConfigurationError(
            f"per-example losses must be a vector of at least 2; got shape {tuple(losses.shape)}: "
            "use reduction='none'"
        )
    if not parameters:
        raise ConfigurationError("no parameters to differentiate by: give model.parameters()")
    if chunk < 1:
        raise ConfigurationError(f"chunk must be at least 1; got {chunk}")


def _gradients(losses: Tensor, parameters: tuple[Tensor, ...], start: int, stop: int) -> Tensor:
    """Gradients of examples start to stop - 1, a row each, in float64."""
    count = stop - start
    rows = torch.arange(start, stop, device=losses.device)
    picks = torch.zeros(count, losses.numel(), dtype=losses.dtype, device=losses.device)
    picks[torch.arange(count, device=losses.device), rows] = 1.0
    found = torch.autograd.grad(
        losses, parameters, picks, retain_graph=True, is_grads_batched=True, allow_unused=True
    )
    parts = [
        p.new_zeros(count, p.numel()) if g is None else g.reshape(count, -1)
        for p, g in zip(parameters, found, strict=True)
    ]
    return torch.cat(parts, dim=1).double()
