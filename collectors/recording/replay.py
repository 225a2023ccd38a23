"""The same forward pass once more: same mode, same random numbers, no trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from causalhyper.errors import ConfigurationError

Buffer = tuple[nn.Module, str, Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Circumstances:
    """All that a forward pass depends on beside parameters and batch.

    Attributes
    ----------
    model : Module
        The network.
    modes : tuple of bool
        The training flag of every submodule.
    cpu, devices : Tensor, dict of int to Tensor
        Random state of the CPU, and of the CUDA devices that hold the network.
    autocast : tuple
        Device type and dtype of mixed precision, where it was on.
    buffers : tuple of (Module, str, Tensor, Tensor)
        Module, name, buffer, and a copy of it: a normalisation by power iteration begins from it.
    """

    model: nn.Module
    modes: tuple[bool, ...]
    cpu: Tensor
    devices: dict[int, Tensor]
    autocast: tuple[str, torch.dtype] | None
    buffers: tuple[Buffer, ...]

    @classmethod
    def now(cls, model: nn.Module) -> Circumstances:
        """Return the present ones; nothing is changed."""
        kinds = dict.fromkeys(["cpu", *(p.device.type for p in model.parameters())])
        on = [kind for kind in kinds if torch.is_autocast_enabled(kind)]
        return cls(
            model,
            tuple(module.training for module in model.modules()),
            torch.get_rng_state(),
            {number: torch.cuda.get_rng_state(number) for number in cuda_devices(model)},
            (on[-1], torch.get_autocast_dtype(on[-1])) if on else None,
            _copies(model),
        )

    @contextmanager
    def again(self) -> Iterator[None]:
        """Bring them back, without gradients; mode, buffers and random state are then restored.

        Yields
        ------
        None
        """
        with ExitStack() as stack:
            stack.enter_context(unchanged(self.model))
            stack.enter_context(torch.random.fork_rng(list(self.devices)))
            torch.set_rng_state(self.cpu)
            for number, state in self.devices.items():
                torch.cuda.set_rng_state(state, number)
            for module, mode in zip(self.model.modules(), self.modes, strict=True):
                module.training = mode
            _put_back(self.buffers)
            if self.autocast:
                kind, dtype = self.autocast
                stack.enter_context(torch.autocast(kind, dtype=dtype, cache_enabled=False))
            yield


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Evaluate without gradients, and restore mode and buffers, also after an error.

    A ``DistributedDataParallel`` does not send its buffers to other processes meanwhile: they are
    those of the first pass, and a pass that fails in one process leaves none waiting. Within mixed
    precision the cached casts of the weights, which are those before the step, are passed over.

    Parameters
    ----------
    model : Module
        The network.

    Yields
    ------
    None

    Examples
    --------
    >>> model = nn.BatchNorm1d(2)
    >>> with unchanged(model):
    ...     _ = model(torch.ones(4, 2))
    >>> model.num_batches_tracked.item()
    0
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = _copies(model)
    caching = torch.is_autocast_cache_enabled()
    parallel = [m for m in model.modules() if isinstance(m, DistributedDataParallel)]
    sending = [each.require_forward_param_sync for each in parallel]
    with torch.no_grad():
        try:
            torch.set_autocast_cache_enabled(False)
            for each in parallel:
                each.require_forward_param_sync = False
            yield
        finally:
            torch.set_autocast_cache_enabled(caching)
            for each, sends in zip(parallel, sending, strict=True):
                each.require_forward_param_sync = sends
            for module, mode in modes:
                module.training = mode
            _put_back(buffers)


def _copies(model: nn.Module) -> tuple[Buffer, ...]:
    """Return every buffer with its place and a copy."""
    return tuple(
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    )


@torch.no_grad()
def _put_back(buffers: tuple[Buffer, ...]) -> None:
    """Give buffers the values that they had."""
    for module, name, buffer, value in buffers:
        module._buffers[name] = buffer
        # an expanded buffer cannot have been written to, nor can it be
        if all(step or size < 2 for step, size in zip(buffer.stride(), buffer.shape, strict=True)):
            buffer.copy_(value)


@dataclass(slots=True, eq=False)
class Forward:
    """A forward pass of training, to be repeated after the step.

    Attributes
    ----------
    closure : callable
        Returns the loss, a number or one number an example.
    circumstances : Circumstances
        Those of the first time.
    loss : Tensor, shape ()
        The loss the first time, in float64.
    weight : float
        Weight of its batch among the step's batches, on all processes.
    task : int or None
        Number of the backward pass that it went through; None before.
    """

    closure: Callable[[], Tensor]
    circumstances: Circumstances
    loss: Tensor
    weight: float = 1.0
    task: int | None = None

    def again(self) -> Tensor:
        """Return the loss of the same batch at the present parameters, in float64."""
        with self.circumstances.again():
            return mean_loss(self.closure())


def mean_loss(value: Tensor) -> Tensor:
    """Return the mean of losses in float64, without graph.

    Parameters
    ----------
    value : Tensor, shape () or (n,)
        The loss, or one of each example.

    Returns
    -------
    Tensor, shape ()
        The mean in float64 (float32 on a device without it).

    Raises
    ------
    ConfigurationError
        If it is no tensor of one of these shapes.

    Examples
    --------
    >>> mean_loss(torch.tensor([1.0, 2.0]))
    tensor(1.5000, dtype=torch.float64)
    """
    if not isinstance(value, Tensor) or value.ndim > 1 or not value.numel():
        got = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ConfigurationError(
            f"the loss must be a tensor of shape (), or (n,) for one loss an example; got {got}"
        )
    wide = torch.float32 if value.device.type == "mps" else torch.float64
    return value.detach().to(wide).mean()


def cuda_devices(model: nn.Module) -> list[int]:
    """Return the numbers of the CUDA devices that hold a network's parameters.

    Parameters
    ----------
    model : Module
        The network.

    Returns
    -------
    list of int
        In order; empty on other devices.

    Examples
    --------
    >>> cuda_devices(nn.Linear(2, 1))
    []
    """
    return sorted({p.device.index or 0 for p in model.parameters() if p.device.type == "cuda"})
