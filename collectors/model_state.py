"""Measuring without a trace: mode, buffers, gradients and random state are left as found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import nn

from causalhyper.errors import ConfigurationError

Mode = Literal["train", "eval", "as_found"]
"""Mode of the network while it is measured; batch normalisation and dropout depend on it."""


@contextmanager
def measuring(
    model: nn.Module, mode: Mode = "eval", *, generator: torch.Generator | None = None
) -> Iterator[None]:
    """Put a network in a mode for a measurement, and leave everything as it was found.

    Restored on leaving, also after an error: the training flag of every submodule, every buffer
    (such as the running means of batch normalisation), ``.grad`` and ``requires_grad`` of every
    parameter, and the global random state of the CPU and of the devices that hold the network.

    Parameters
    ----------
    model : Module
        The network.
    mode : {"eval", "train", "as_found"}
        Mode in which it is measured; with "as_found" no flag is changed.
    generator : Generator, optional
        What the layers that draw (dropout) draw from: the global state is seeded from it
        within the context. Without it they draw from a copy of the global state.

    Yields
    ------
    None

    Raises
    ------
    ConfigurationError
        If `mode` is none of the three.

    Examples
    --------
    >>> model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()).train()
    >>> with measuring(model, "eval"):
    ...     model.training
    False
    >>> model.training, model[0].num_batches_tracked.item()
    (True, 0)
    """
    if mode not in ("train", "eval", "as_found"):
        raise ConfigurationError(f"mode must be 'eval', 'train' or 'as_found'; got {mode!r}")
    parameters = list(model.parameters())
    flags = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    found = [(p, p.grad, p.requires_grad) for p in parameters]
    kept = [None if p.grad is None else p.grad.detach().clone() for p in parameters]
    with torch.random.fork_rng(_devices(model)):
        if generator is not None:
            torch.manual_seed(_seed(generator))
        if mode != "as_found":
            model.train(mode == "train")
        try:
            yield
        finally:
            for module, flag in flags:
                module.training = flag
            with torch.no_grad():
                for buffer, value in buffers:
                    buffer.copy_(value)
                for (p, grad, wanted), content in zip(found, kept, strict=True):
                    p.requires_grad_(wanted)
                    p.grad = grad
                    if grad is not None and content is not None:
                        grad.copy_(content)


def _devices(model: nn.Module) -> list[int]:
    """Return the numbers of the CUDA devices that hold parameters or buffers."""
    tensors = [*model.parameters(), *model.buffers()]
    return sorted({t.device.index or 0 for t in tensors if t.device.type == "cuda"})


def _seed(generator: torch.Generator) -> int:
    return int(torch.randint(2**62, (), generator=generator, device=generator.device))
