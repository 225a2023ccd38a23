"""Gradient noise: how much a minibatch gradient scatters about the full gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class GradientMoments:
    """First two moments of the per-example gradients at one point in parameter space.

    Attributes
    ----------
    mean_norm_squared : float
        ``|g|^2``, the squared norm of the mean gradient, in squared units of loss a parameter.
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
    r"""Moments of the per-example gradients, from vectorised vector-Jacobian products.

    The divisor n - 1 makes the trace unbiased for the covariance of the population that the
    examples were drawn from. Run the forward pass in the mode (train or eval) whose noise you
    want: in train mode dropout and batch normalisation add their own.

    Parameters
    ----------
    losses : Tensor, shape (n,)
        Per-example losses with their graph; n >= 2.
    parameters : sequence of Tensor
        What to differentiate by.
    chunk : int
        Examples a batched product; memory is chunk times the number of parameters.

    Returns
    -------
    GradientMoments

    Raises
    ------
    ValueError
        If `losses` is not a vector of two or more.

    Notes
    -----
    Cost: n vector-Jacobian products, batched. Source: McCandlish et al. 2018, "An empirical
    model of large-batch training", appendix A.
    """
    if losses.ndim != 1 or losses.numel() < 2:
        raise ValueError(
            f"per-example losses must be a vector of at least 2, got shape {tuple(losses.shape)}: "
            "use reduction='none'"
        )
    n = losses.numel()
    total: Tensor | None = None
    squares = 0.0
    for start in range(0, n, chunk):
        rows = torch.arange(start, min(start + chunk, n), device=losses.device)
        picks = torch.zeros(rows.numel(), n, dtype=losses.dtype, device=losses.device)
        picks[torch.arange(rows.numel(), device=losses.device), rows] = 1.0
        grads = torch.autograd.grad(
            losses, tuple(parameters), picks, retain_graph=True, is_grads_batched=True
        )
        flat = torch.cat([g.reshape(rows.numel(), -1) for g in grads], dim=1).double()
        squares += float((flat * flat).sum())
        total = flat.sum(0) if total is None else total + flat.sum(0)
    assert total is not None
    mean_squared = float((total / n).square().sum())
    return GradientMoments(mean_squared, max(0.0, squares - n * mean_squared) / (n - 1), n)


def minibatch_noise(covariance_trace: float, batch_size: int, examples: int) -> float:
    """Trace of the covariance of a minibatch gradient, ``tr S / B * (1 - B / n)``.

    Parameters
    ----------
    covariance_trace : float
        ``tr S`` of the per-example gradients, divisor n - 1.
    batch_size : int
        B, drawn without replacement.
    examples : int
        n, the size of the training set; the factor 1 - B / n is the finite-population
        correction, so a full batch has no noise.

    Returns
    -------
    float
        Exact expectation of ``|g_B - g|^2`` over batches of B from the n examples.

    Raises
    ------
    ValueError
        If the batch is larger than the training set.

    Examples
    --------
    >>> minibatch_noise(8.0, 4, 8)
    1.0
    """
    if not 1 <= batch_size <= examples:
        raise ValueError(f"batch size must lie in 1..{examples}, got {batch_size}")
    return covariance_trace / batch_size * (1 - batch_size / examples)
