"""One pass over data: an epoch of training, or an evaluation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import CausalHyperError, ConfigurationError
from collectors.batches import Batch, Data, batches
from collectors.calls import call, check_losses
from collectors.pruning.processes import Processes
from collectors.pruning.tasks import PruningTask
from collectors.pruning.watching import Watch


@dataclass(frozen=True, slots=True)
class Performance:
    """How well a network does on some data.

    Attributes
    ----------
    loss : float
        Mean over the examples, in units of the loss; NaN where there were none.
    accuracy : float
        Share that was right, in [0, 1]; NaN for tasks that have none.
    examples : int
        Their number.
    """

    loss: float = math.nan
    accuracy: float = math.nan
    examples: int = 0


class Tally:
    """Adds up losses and right answers, batch by batch, on their device.

    Parameters
    ----------
    task : PruningTask
        Says what is right.
    """

    def __init__(self, task: PruningTask) -> None:
        self._task = task
        self._sums: Tensor | None = None

    def add(self, outputs: Any, targets: Any, losses: Tensor) -> None:
        """Take one batch."""
        right = self._right(outputs, targets)
        known = right is not None
        wide = torch.float32 if losses.device.type == "mps" else torch.float64
        # filled on the device: what comes from the host would wait for it at every step
        count = torch.full((), len(losses), dtype=wide, device=losses.device)
        hits = torch.zeros_like(count) if right is None else right.sum().to(wide)
        total = torch.stack([losses.detach().to(wide).sum(), hits, count, count * known])
        self._sums = total if self._sums is None else self._sums + total

    def performance(self, processes: Processes) -> Performance:
        """Return the means, over all processes."""
        sums = torch.zeros(4, dtype=torch.float64) if self._sums is None else self._sums
        loss, hits, examples, judged = processes.total(sums).tolist()
        if not examples:
            return Performance()
        accuracy = hits / judged if judged else math.nan
        return Performance(loss / examples, accuracy, int(examples))

    def _right(self, outputs: Any, targets: Any) -> Tensor | None:
        if self._task.correct is not None:
            return self._task.correct(outputs, targets)
        both = isinstance(outputs, Tensor) and isinstance(targets, Tensor)
        if not both or outputs.ndim != 2 or targets.shape != outputs.shape[:1]:
            return None
        if targets.is_floating_point() or outputs.shape[1] < 2:
            return None
        return outputs.detach().argmax(1) == targets


def train_epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    task: PruningTask,
    processes: Processes,
    watch: Watch | None = None,
) -> Performance:
    """Train one pass over the training data.

    Parameters
    ----------
    model : Module
        The network, or its ``DistributedDataParallel``.
    optimizer : Optimizer
        Any of torch; those that need a closure get one.
    task : PruningTask
        Data and loss.
    processes : Processes
        Over which losses are averaged.
    watch : Watch, optional
        Sees every step.

    Returns
    -------
    Performance
        Of every minibatch before its step.
    """
    model.train()
    tally, watch = Tally(task), watch or Watch()
    for batch in watch.batches(batches(task.train, model)):
        _step(model, optimizer, task, batch, tally, watch)
    return tally.performance(processes)


def evaluate(
    model: nn.Module, task: PruningTask, data: Data | None, processes: Processes
) -> Performance:
    """Evaluate a network in eval mode.

    Parameters
    ----------
    model : Module
        The network itself.
    task : PruningTask
        Loss and what is right.
    data : tuple (inputs, targets), or iterable of such, or None
        The examples; None for none.
    processes : Processes
        Over which losses are averaged.

    Returns
    -------
    Performance
        Of NaN where there are no data.
    """
    if data is None:
        return Performance()
    model.eval()
    tally = Tally(task)
    with torch.no_grad():
        for batch in batches(data, model):
            tally.add(*_judged(model, task, batch))
    return tally.performance(processes)


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    task: PruningTask,
    batch: Batch,
    tally: Tally,
    watch: Watch,
) -> None:
    first: list[tuple[Any, Tensor]] = []

    def losses() -> Tensor:
        outputs, _, found = _judged(model, task, batch)
        if not first:  # not what is computed again after the step, or within it
            first.append((outputs, found))
        return found

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = watch.loss(losses)
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[arg-type]
    tally.add(first[0][0], batch[1], first[0][1])


def _judged(model: nn.Module, task: PruningTask, batch: Batch) -> tuple[Any, Any, Tensor]:
    """Return outputs, targets and losses of a minibatch; name it where network or loss fails."""
    inputs, targets = batch
    outputs: Any = None
    try:
        outputs = call(model, inputs)
        return outputs, targets, check_losses(task.loss(outputs, targets))
    except (CausalHyperError, torch.OutOfMemoryError):
        raise
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        part = "network" if outputs is None else "loss"
        raise ConfigurationError(
            f"the {part} failed on a minibatch, inputs {_shape(inputs)}, targets "
            f"{_shape(targets)}: {' '.join(str(error).split())}{_remedy(inputs, outputs)}"
        ) from error


def _shape(given: Any) -> str:
    return str(tuple(given.shape)) if isinstance(given, Tensor) else type(given).__name__


def _remedy(inputs: Any, outputs: Any) -> str:
    if outputs is not None and not isinstance(outputs, Tensor):
        kind = type(outputs).__name__
        return f"; the network's outputs are a {kind}: give a loss that takes it (loss=)"
    if outputs is None and isinstance(inputs, Tensor) and len(inputs) == 1:
        return (
            "; a network that normalises over examples needs more than one: leave out the last "
            "minibatch where it is not full (drop_last=True of a DataLoader)"
        )
    return ""
