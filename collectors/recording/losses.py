"""The loss before and after a step: of its own minibatches, or of a fixed probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.recording.replay import Circumstances, Forward, cuda_devices, mean_loss, unchanged
from collectors.recording.variables import with_present_variables

Closure = Callable[[], Tensor]
Pair = tuple[Tensor, Tensor, float]
"""Weighted sum of the losses before and after the step, and the sum of weights."""


class Losses(Protocol):
    """Where the two losses of a step come from."""

    kind: str

    def before(self, step: int) -> None:
        """Look before the update of a step that is recorded."""

    def after(self) -> Pair:
        """Return the losses of the step that was just made."""

    def forget(self) -> None:
        """Leave out the step that was just made or skipped."""


class Minibatches:
    """The loss of the minibatches that made a step's gradient, once before and once after it.

    A forward pass is kept from `note` until the step that it belongs to. It belongs to none when
    no backward pass went through it, or when the gradients that it made were cleared without a
    step, as a gradient scaler does after an overflow.
    """

    kind = "minibatch"

    def __init__(self, model: nn.Module, parameters: list[Tensor]) -> None:
        self._model = model
        self._parameters = parameters
        self._forwards: list[Forward] = []
        self.skipped = 0

    def evaluate(self, closure: Closure, weight: float | None) -> Tensor:
        """Return the loss with its graph, and keep the forward pass."""
        _check_arguments(closure, weight)
        circumstances = Circumstances.now(self._model)
        again = with_present_variables(closure)
        value = closure()
        mean = mean_loss(value)
        if not value.requires_grad:
            raise ConfigurationError(
                "the loss has no gradient: recorder.loss is for the loss that is trained on; "
                "compute others, such as a validation loss, without the recorder"
            )
        if weight is None:
            weight = float(value.numel())
        loss = value.mean() if value.ndim else value
        self.note(loss, Forward(again, circumstances, mean, weight))
        return loss

    def note(self, loss: Tensor, forward: Forward) -> None:
        """Keep a forward pass, whose backward pass will begin at `loss`."""
        self._forwards.append(forward)
        loss.register_hook(lambda _: self._begin(forward))

    def before(self, step: int) -> None:
        """Refuse a step whose loss nobody showed."""
        if not any(forward.task is not None for forward in self._forwards):
            raise ConfigurationError(
                f"step {step} has no loss: write loss = recorder.loss(lambda: ...) where the "
                "training computes it, or record with probe= or losses='none'"
            )

    def after(self) -> Pair:
        """Repeat the forward passes of the step, and forget them."""
        used = [forward for forward in self._forwards if forward.task is not None]
        self._forwards = []
        before = sum(forward.weight * forward.loss for forward in used)
        after = sum(forward.weight * forward.again() for forward in used)
        return torch.as_tensor(before), torch.as_tensor(after), sum(f.weight for f in used)

    def forget(self) -> None:
        """Drop the forward passes."""
        self._forwards = []

    def _begin(self, forward: Forward) -> None:
        """Mark that a backward pass went through; drop what was cleared away before it."""
        task = torch._C._current_graph_task_id()
        earlier = {f.task for f in self._forwards if f.task not in (None, task)}
        if earlier and not any(p.grad is not None and p.grad.any() for p in self._parameters):
            self._forwards = [f for f in self._forwards if f.task in (None, task)]
            self.skipped += 1
        forward.task = task


class Probe:
    """The loss of a fixed batch, or of all data; the one after a step is the next one before.

    Parameters
    ----------
    model : Module
        The network.
    closure : callable
        Returns the loss, a number or one number an example.
    mode : {"eval", "train"}
        Mode of the network meanwhile.
    """

    def __init__(self, model: nn.Module, closure: Closure, mode: Literal["eval", "train"]) -> None:
        if mode not in ("eval", "train"):
            raise ConfigurationError(f"probe_mode must be 'eval' or 'train'; got {mode!r}")
        if not callable(closure):
            raise ConfigurationError(
                "probe must be a function without arguments that returns a loss, such as "
                f"lambda: loss(model(inputs), targets); got {type(closure).__name__}"
            )
        self.kind = f"probe, {mode} mode"
        self._model = model
        self._closure = closure
        self._train = mode == "train"
        # before the first forward pass, whose running means belong to the first step
        self._before: Tensor | None = self._evaluate()

    def before(self, step: int) -> None:
        """Evaluate, unless the loss after the last step is at hand."""
        if self._before is None:
            self._before = self._evaluate()

    def after(self) -> Pair:
        """Evaluate anew."""
        before, after = self._before, self._evaluate()
        self._before = after
        return torch.as_tensor(before), after, 1.0

    def forget(self) -> None:
        """Forget the loss at parameters that are left."""
        self._before = None

    def _evaluate(self) -> Tensor:
        with unchanged(self._model), torch.random.fork_rng(cuda_devices(self._model)):
            # the same dropout mask every time
            torch.manual_seed(0)
            self._model.train(self._train)
            return mean_loss(self._closure())


class NoLosses:
    """No loss: changes and norms alone, without a second forward pass."""

    kind = "none"

    def before(self, step: int) -> None:
        """Do nothing."""

    def after(self) -> Pair:
        """Return what is no number."""
        missing = torch.tensor(float("nan"), dtype=torch.float64)
        return missing, missing, 1.0

    def forget(self) -> None:
        """Do nothing."""


def _check_arguments(closure: object, weight: float | None) -> None:
    if not callable(closure):
        raise ConfigurationError(
            "recorder.loss takes a function that computes the loss, which is done again after the "
            "step: write recorder.loss(lambda: loss(model(x), y)); got "
            f"{type(closure).__name__}"
        )
    if weight is not None and not 0 < weight < float("inf"):
        raise ConfigurationError(
            f"the weight of a minibatch must be finite and above 0, such as its number of "
            f"examples; got {weight!r}"
        )
