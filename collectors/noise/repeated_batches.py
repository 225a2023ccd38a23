"""The covariance of whole batches' gradients: what is left to measure where examples interact."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, batches
from collectors.calls import Loss, call, check_losses
from collectors.model_state import Mode, measuring
from collectors.noise.jackknife import leave_one_out
from collectors.parameters import chosen_parameters


@dataclass(frozen=True, slots=True)
class BatchGradientNoise:
    """Moments of the gradient of a batch of B, from repeated batches.

    Attributes
    ----------
    covariance_trace, covariance_trace_error : float
        Trace of the covariance of the batch gradient and its standard error, in squared units of
        a gradient; NaN where a gradient is not finite.
    gradient_squared, gradient_squared_error : float
        Unbiased estimate of the squared norm of the mean batch gradient, and its standard error.
    batch_size, batches : int
        B, and the number of batches.
    mode : str
        Mode of the network.
    """

    covariance_trace: float
    covariance_trace_error: float
    gradient_squared: float
    gradient_squared_error: float
    batch_size: int
    batches: int
    mode: Mode


def batch_gradient_noise(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    mode: Mode = "train",
    generator: torch.Generator | None = None,
) -> BatchGradientNoise:
    r"""Covariance of the minibatch gradient itself, over repeated minibatches of one size.

    .. math:: \frac{1}{K - 1} \sum_{k=1}^K |g_{B_k} - \bar g|^2

    Parameters
    ----------
    model : Module
        The network; batch normalisation in train mode is welcome.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        K >= 3 random batches of B examples; iterated once. A smaller last batch is an error.
    mode : {"train", "eval", "as_found"}
        Mode of the network. In train mode, batch normalisation makes each example's gradient
        depend on its batch, and dropout draws; both are part of what is measured, as they are
        part of training.
    generator : Generator, optional
        What dropout draws from.

    Returns
    -------
    BatchGradientNoise
        With standard errors by the jackknife over batches.

    Raises
    ------
    ConfigurationError
        If there are fewer than three batches, their sizes differ, or the loss is not one number
        an example.

    Notes
    -----
    Bias: unbiased for batches drawn independently of one another; it then includes the
    finite-population factor of `minibatch_noise`. The disjoint batches of one shuffled epoch
    give ``tr S / B`` without the factor (where examples do not interact). It is no per-example
    quantity: B times it does not equal ``tr S`` under batch normalisation.

    Cost: K gradients, and memory for K of them.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> data = [(torch.tensor([[x]]), None) for x in (1.0, 2.0, 3.0)]
    >>> found = batch_gradient_noise(model, lambda outputs, targets: outputs[:, 0], data)
    >>> round(found.covariance_trace, 6), round(found.gradient_squared, 6)
    (1.0, 3.666667)
    """
    rows: list[Tensor] = []
    sizes: set[int] = set()
    with measuring(model, mode, generator=generator):
        parameters = list(chosen_parameters(model).values())
        for inputs, targets in batches(data, model):
            with torch.enable_grad():
                losses = check_losses(loss(call(model, inputs), targets))
            found = torch.autograd.grad(
                losses.mean(), parameters, allow_unused=True, materialize_grads=True
            )
            rows.append(torch.cat([g.reshape(-1) for g in found]))
            sizes.add(len(losses))
    if len(rows) < 3 or len(sizes) != 1:
        raise ConfigurationError(
            f"expected 3 or more batches of one size; got {len(rows)} of sizes {sorted(sizes)}: "
            "drop the last, smaller one"
        )
    trace, squared, (a, b, _) = leave_one_out(*_products(torch.stack(rows)))
    errors = math.sqrt(a), math.sqrt(b)
    return BatchGradientNoise(trace, errors[0], squared, errors[1], sizes.pop(), len(rows), mode)


def _products(rows: Tensor) -> tuple[Tensor, Tensor]:
    mean = rows.sum(0, dtype=torch.float64) / len(rows)
    squares = torch.stack([row.double().square().sum() for row in rows])
    return squares, torch.stack([(row.double() * mean).sum() for row in rows])
