"""Recording a training: changes of the parameters and losses around every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.recording.accumulators import StepAccumulators
from collectors.recording.changes import Changes
from collectors.recording.checkpoints import LASTING
from collectors.recording.losses import Closure, Losses, Minibatches
from collectors.recording.ranks import Ranks
from collectors.recording.sinks import Host, Rows, Sink


class Recorder:
    """Watches the steps of an optimiser while it is open; `record` makes one.

    Attributes
    ----------
    step : int
        Number of the last update; the first is 1. A step that a gradient scaler skips is none,
        nor is one before which no parameter has a gradient.
    epoch : float
        Written into every row; set it where a new epoch begins.
    settings : dict
        What is recorded, and how: plain values, as they are stored.

    See Also
    --------
    record : How to make one, with an example.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        changes: Changes,
        losses: Losses,
        ranks: Ranks,
        rows: Rows,
        settings: dict[str, Any],
    ) -> None:
        self.step = 0
        self.epoch = 0.0
        self.settings = settings
        self._optimizer = optimizer
        self._changes = changes
        self._losses = losses
        self._ranks = ranks
        self._rows = rows
        self._every = int(settings["every"])
        self._sums: list[StepAccumulators] = []
        self._sinks: list[Sink] = []
        self._host: Host | None = None
        self._stack = ExitStack()
        self._grad_norm: Tensor | None = None
        self._closed = self._idle = False

    def loss(self, closure: Closure, *, weight: float | None = None) -> Tensor:
        """Compute the loss that is trained on; after the step it is computed again.

        Parameters
        ----------
        closure : callable
            Returns the loss of a minibatch: a number, or one number an example, whose mean is
            then returned. It is called at once, and again after the optimiser's step, in the same
            mode and with the same random numbers of torch, without gradients and without a trace
            in buffers.
        weight : float, optional
            Weight of this minibatch among those of one step, also of other processes: the number
            of examples. Unless given, that number where `closure` returns a loss an example, else
            1.

        Returns
        -------
        Tensor, shape ()
            The loss with its graph, to be scaled or divided as the training wants.

        Raises
        ------
        ConfigurationError
            If it has no gradient, or is neither a number nor a vector.

        Notes
        -----
        What is recorded is the weighted mean over the step's minibatches, in float64, of losses
        that were computed in the closure's precision; a loss an example loses least to rounding.
        Cost: a second forward pass, about half a step.
        """
        if isinstance(self._losses, Minibatches) and self.wants_next:
            return self._losses.evaluate(closure, weight)
        value = closure()
        return value.mean() if value.ndim else value

    @property
    def losses(self) -> Losses:
        """Where losses come from."""
        return self._losses

    @property
    def wants_next(self) -> bool:
        """Whether the step that comes next is recorded."""
        return (self.step + 1) % self._every == 0

    def to_frame(self) -> pd.DataFrame:
        """Return the steps frame: a row a recorded step, the same in every process."""
        return self._rows.to_frame()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs, for ``record(..., resume=)``; the store is made durable.

        Returns
        -------
        dict
            Tensors and plain values, which ``torch.load(..., weights_only=True)`` reads.
        """
        for sink in [] if self._closed else self._sinks:
            if callable(flush := getattr(sink, "flush", None)):
                flush()
        return {
            "step": self.step,
            "epoch": self.epoch,
            "settings": {name: self.settings[name] for name in LASTING},
            "rows": self._rows.state_dict(),
            "sums": [sums.state_dict() for sums in self._sums],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a checkpoint was made; `record` calls it for ``resume=``."""
        self.step, self.epoch = int(state["step"]), float(state["epoch"])
        self._rows.load_state_dict(state["rows"])
        if self._ranks.first and len(state["sums"]) != len(self._sums):
            raise ConfigurationError(
                f"the checkpoint has {len(state['sums'])} accumulators; this recording has "
                f"{len(self._sums)}: record to the same places as before"
            )
        for sums, part in zip(self._sums, state["sums"], strict=False):
            sums.load_state_dict(part)

    def open(
        self,
        sums: list[StepAccumulators],
        sinks: list[Sink],
        owned: Callable[[ExitStack], list[Sink]],
    ) -> Recorder:
        """Begin to watch; `owned` opens sinks whose end is the recording's end."""
        if self._ranks.first:
            try:
                self._open_places(sums, sinks, owned)
            except Exception as error:
                self._ranks.fail(error)
        self._ranks.agree(self._changes.flat.device)
        before = self._optimizer.register_step_pre_hook(self._enter_step)
        self._stack.callback(before.remove)
        after = self._optimizer.register_step_post_hook(self._leave_step)
        self._stack.callback(after.remove)
        return self

    def _open_places(
        self,
        sums: list[StepAccumulators],
        sinks: list[Sink],
        owned: Callable[[ExitStack], list[Sink]],
    ) -> None:
        for each in sums:
            each.open(self._changes.flat, self._changes.places, self.settings)
        self._sums = sums
        self._sinks = [*sinks, *owned(self._stack)]
        self._host = Host(self._changes.flat, self._changes.places) if self._sinks else None

    def close(self) -> None:
        """End the recording; a second call does nothing."""
        self.__exit__(None, None, None)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        stack = self._stack.pop_all()
        try:
            if error is None and not self._closed:
                self._ranks.agree(self._changes.flat.device)
        finally:
            self._closed = True
            stack.__exit__(kind, error, trace)

    def _enter_step(self, optimizer: Any, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        """Look before the update; where the step computes the gradient itself, in between."""
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._before()
            return None

        def then_look() -> Any:
            value = closure()
            self._before()
            return value

        rest = {name: value for name, value in kwargs.items() if name != "closure"}
        return (args[0], then_look, *args[2:]), rest

    @torch.no_grad()
    def _before(self) -> None:
        self._grad_norm = None
        self._idle = not self._changes.has_gradient()
        if self._idle:
            return
        if self.wants_next:
            self._losses.before(self.step + 1)
            self._grad_norm = self._changes.before(self.step + 1)

    @torch.no_grad()
    def _leave_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """Complete the changes, evaluate the loss anew, and hand both on."""
        overflow = getattr(self._optimizer, "found_inf", None)
        if self._idle or (overflow is not None and float(overflow)):
            self._losses.forget()
            return
        self.step += 1
        grad_norm, self._grad_norm = self._grad_norm, None
        if grad_norm is None:
            self._losses.forget()
            return
        update_norm = self._changes.after()
        losses = self._reduce()
        rate = self._optimizer.param_groups[0]["lr"]
        rate = rate.to(losses) if isinstance(rate, Tensor) else losses.new_full((), rate)
        measured = [*losses, grad_norm.to(losses), update_norm.to(losses), rate]
        self._rows.append(self.step, self.epoch, torch.stack(measured))
        try:
            self._hand_on(losses)
        except Exception as error:
            self._ranks.fail(error)

    def _reduce(self) -> Tensor:
        """Return both losses of the step over all processes, on the device of the layers."""
        device = self._changes.flat.device
        try:
            before, after, weight = self._losses.after()
        except Exception as error:
            self._ranks.fail(error)
            before = after = torch.zeros((), dtype=torch.float64)
            weight = 0.0
        return self._ranks.reduce(before.to(device), after.to(device), weight)

    def _hand_on(self, losses: Tensor) -> None:
        for sums in self._sums:
            sums.accumulate(self._changes.flat, losses)
        if self._host is not None:
            arrays, row = self._host.arrays(), self._rows.last()
            for sink in self._sinks:
                sink.append(arrays, step=self.step, epoch=self.epoch, **row)
