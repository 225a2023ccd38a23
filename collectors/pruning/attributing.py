"""What each parameter's movement did to the loss, summed while a network trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from causalhyper.errors import DataError
from causalhyper.granger.criteria import Attribution
from causalhyper.granger.criteria.attribution import Part
from collectors.batches import Batch
from collectors.calls import call, check_losses
from collectors.pruning.needs import raise_one_minibatch
from collectors.pruning.processes import Processes
from collectors.pruning.tasks import PruningTask
from collectors.recording.replay import Circumstances, cuda_devices, unchanged

Losses = Callable[[], Tensor]


@dataclass(slots=True, eq=False)
class Moving:
    """One parameter in the midst of a step.

    Attributes
    ----------
    parameter : Parameter
        The tensor.
    sums : Attribution
        Of its steps, as flat tensors of float64.
    start, before, fresh : Tensor, optional
        Its values and gradients before the step; None between steps, or where not asked for.
    """

    parameter: nn.Parameter
    sums: Attribution
    start: Tensor | None = None
    before: Tensor | None = None
    fresh: Tensor | None = None


class StepAttribution:
    """Sums an `Attribution` of every step of an optimiser while it is open.

    The change of a step is the parameter after it less the parameter before it. The gradient
    before the step is the one that the optimiser is given, cleared where pruned; the one after it
    is of the same minibatch in the same circumstances, dropout masks too. The fresh minibatch is
    the next one of the epoch, and for an epoch's last step its first: no example of it is in the
    step's own where an epoch takes each example once. It needs no draws, and the data are gone
    through once. All gradients are taken in train mode, as the step's is; the further passes leave
    no trace in buffers and random numbers. Over several processes gradients are averaged.
    Each part takes a forward and a backward pass a step, which about doubles a plain step.

    Parameters
    ----------
    model : Module
        The network; ``DistributedDataParallel`` where it is.
    optimizer : Optimizer
        What trains it, one minibatch a step.
    layers : mapping of str to Parameter
        What is summed.
    parts : tuple of {"turned", "fresh"}
        Which sums.
    task : PruningTask
        Its loss.
    processes : Processes
        Over which gradients are averaged.
    seed : int
        Of dropout on fresh minibatches.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        layers: Mapping[str, nn.Parameter],
        parts: tuple[Part, ...],
        *,
        task: PruningTask,
        processes: Processes,
        seed: int,
    ) -> None:
        self._model, self._task, self._processes = model, task, processes
        self._turned, self._fresh = "turned" in parts, "fresh" in parts
        self._moving = {
            name: Moving(p, Attribution(_zeros(p), **{part: _zeros(p) for part in parts}))
            for name, p in layers.items()
        }
        self._draws = np.random.default_rng([seed, processes.rank])
        self._next: Batch | None = None
        self._losses: Losses | None = None
        self._circumstances: Circumstances | None = None
        self._stack = ExitStack()
        self._stack.callback(optimizer.register_step_pre_hook(self._enter_step).remove)
        self._stack.callback(optimizer.register_step_post_hook(self._leave_step).remove)

    def __enter__(self) -> StepAttribution:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def batches(self, given: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the minibatches of an epoch, keeping for each the one that is fresh to it.

        Raises
        ------
        ConfigurationError
            If an epoch is one minibatch, and another is asked for.
        """
        if not self._fresh:
            yield from given
            return
        first = now = next(given, None)
        if first is None or now is None:
            return
        for following in given:
            self._next = following
            yield now
            now = following
        if now is first:
            raise_one_minibatch()
        self._next = first
        yield now

    def watched(self, losses: Losses) -> Losses:
        """Keep how the losses of the coming step are computed; return that."""
        if self._turned:
            self._losses, self._circumstances = losses, Circumstances.now(self._model)
        return losses

    def result(self) -> dict[str, Attribution]:
        """Return the sums so far, as arrays of float64.

        Raises
        ------
        DataError
            If a sum is not finite.
        """
        found = {}
        for name, moving in self._moving.items():
            parts = {"moved": moving.sums.moved, "turned": moving.sums.turned}
            arrays = {
                part: tensor.cpu().numpy()
                for part, tensor in (parts | {"fresh": moving.sums.fresh}).items()
                if tensor is not None
            }
            if bad := [part for part, array in arrays.items() if not np.isfinite(array).all()]:
                raise DataError(
                    f"the sums {bad[0]!r} of layer {name!r} are not finite: did training diverge "
                    "while its steps were recorded? Lower the collecting rate, or the excitation"
                )
            found[name] = Attribution(**arrays)
        return found

    def _enter_step(self, optimizer: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        """Look at the gradient once the closure has made it."""
        closure = args[1] if len(args) > 1 else kwargs["closure"]

        def then_look() -> Any:
            value = closure()
            self._before()
            return value

        rest = {name: value for name, value in kwargs.items() if name != "closure"}
        return (args[0], then_look, *args[2:]), rest

    @torch.no_grad()
    def _before(self) -> None:
        fresh = self._fresh_gradients() if self._fresh else {}
        for name, moving in self._moving.items():
            gradient = moving.parameter.grad
            moving.start = moving.parameter.detach().clone()
            moving.fresh = fresh.get(name)
            if self._turned:
                moving.before = (
                    torch.zeros_like(moving.start) if gradient is None else gradient.clone()
                )

    @torch.no_grad()
    def _leave_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        after = self._gradients_after() if self._turned else {}
        for name, moving in self._moving.items():
            assert moving.start is not None  # every step has a closure, which looked
            change = _wide(moving.parameter) - _wide(moving.start)
            gradients = (moving.before, after.get(name), moving.fresh)
            moving.sums.add(change, *(None if g is None else _wide(g) for g in gradients))
            moving.start = moving.before = moving.fresh = None

    def _gradients_after(self) -> dict[str, Tensor]:
        """Return gradients of the step's own minibatch at the present parameters."""
        assert self._losses is not None
        assert self._circumstances is not None
        with self._circumstances.again():
            return self._gradients(self._losses)

    def _fresh_gradients(self) -> dict[str, Tensor]:
        """Return gradients of the fresh minibatch, with draws of their own."""
        assert self._next is not None
        inputs, targets = self._next
        with unchanged(self._model), torch.random.fork_rng(cuda_devices(self._model)):
            torch.manual_seed(int(self._draws.integers(2**63)))
            return self._gradients(
                lambda: check_losses(self._task.loss(call(self._model, inputs), targets))
            )

    def _gradients(self, losses: Losses) -> dict[str, Tensor]:
        """Return mean gradients over all processes; what the loss does not reach has zeros."""
        with ExitStack() as stack:
            if isinstance(self._model, DistributedDataParallel):
                stack.enter_context(self._model.no_sync())
            stack.enter_context(torch.enable_grad())
            wanted = [moving.parameter for moving in self._moving.values()]
            found = torch.autograd.grad(losses().mean(), wanted, materialize_grads=True)
        size = self._processes.size
        return {
            name: self._processes.total(gradient.contiguous()) / size if size > 1 else gradient
            for name, gradient in zip(self._moving, found, strict=True)
        }


def _zeros(parameter: Tensor) -> Tensor:
    return torch.zeros_like(_wide(parameter))


def _wide(tensor: Tensor) -> Tensor:
    """Return a flat copy in double precision; on the host where the device has none."""
    flat = tensor.detach().reshape(-1)
    return (flat.cpu() if flat.device.type == "mps" else flat).to(torch.float64)
