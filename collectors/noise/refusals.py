"""Networks for which a per-example gradient does not exist, or depends on a draw."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from causalhyper.errors import ConfigurationError
from collectors.batches import take
from collectors.calls import Loss, example_losses
from collectors.recording.replay import cuda_devices

LOOKED_AT, ROOM = 4, 0.01
"""Examples that are held against themselves alone, and the relative difference allowed."""


def refuse_batch_statistics(model: nn.Module) -> None:
    """Refuse a network that normalises by the statistics of the batch it is given.

    Parameters
    ----------
    model : Module
        In the mode in which it is measured.

    Raises
    ------
    ConfigurationError
        If a batch normalisation is in train mode or has no running statistics: each example's
        loss then depends on all the others, and no gradient is one example's own.

    Examples
    --------
    >>> refuse_batch_statistics(nn.BatchNorm1d(2).eval())
    """
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            raise ConfigurationError(
                f"{name or 'the network'!r} ({type(module).__name__}) normalises by the batch, so "
                "no gradient belongs to one example: measure with mode='eval', or measure "
                "the gradients of whole batches with batch_gradient_noise"
            )


@torch.no_grad()
def warn_of_shared_passes(model: nn.Module, loss: Loss, inputs: Any, targets: Any) -> None:
    """Warn of a network whose examples depend on each other within a batch.

    Parameters
    ----------
    model : Module
        In the mode in which it is measured; nothing is said where its losses change from pass to
        pass.
    loss : callable
        Per-example losses.
    inputs, targets : tensors
        A batch, of which the first examples are looked at.

    Warns
    -----
    RuntimeWarning
        If an example's loss alone is not its loss within the batch.

    Examples
    --------
    >>> x, y = torch.eye(3), torch.zeros(3)
    >>> warn_of_shared_passes(nn.Linear(3, 1), lambda outputs, y: outputs[:, 0] - y, x, y)
    """
    if model.training or draws(model):
        return
    with torch.random.fork_rng(cuda_devices(model)):
        _compare(model, loss, inputs, targets)


def _compare(model: nn.Module, loss: Loss, inputs: Any, targets: Any) -> None:
    together = example_losses(model, loss, inputs, targets)
    if not torch.equal(together, example_losses(model, loss, inputs, targets)):
        return  # it draws, or its kernels add in no order
    for at in range(min(LOOKED_AT, len(together) if len(together) > 1 else 0)):
        own = take(inputs, at, at + 1), take(targets, at, at + 1)
        alone, within = float(example_losses(model, loss, *own)), float(together[at])
        room = max(ROOM, 10 * torch.finfo(together.dtype).eps ** 0.5)
        if abs(alone - within) > room * max(1.0, abs(alone)):
            warnings.warn(
                f"the loss of example {at} is {alone:.4g} alone and {within:.4g} in its batch: "
                "gradients are of examples alone, and not those of training; where examples "
                "share a pass measure gradient_moments, or batch_gradient_noise of whole batches",
                RuntimeWarning,
                stacklevel=5,
            )
            return


def draws(model: nn.Module) -> bool:
    """Tell whether a dropout layer is active.

    Parameters
    ----------
    model : Module
        In the mode in which it is measured.

    Returns
    -------
    bool
        False says nothing of what a ``forward`` draws by itself.

    Examples
    --------
    >>> draws(nn.Dropout(0.5).train()), draws(nn.Dropout(0.5).eval())
    (True, False)
    """
    return any(isinstance(m, _DropoutNd) and m.training and m.p > 0 for m in model.modules())
