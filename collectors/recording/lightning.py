"""Recording a Lightning training by one callback."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from causalhyper.frames import write_frame
from collectors.recording.losses import Minibatches
from collectors.recording.recorder import Recorder
from collectors.recording.recording import Place, record
from collectors.recording.replay import Circumstances, Forward, mean_loss

if TYPE_CHECKING:  # both packages have these classes
    from lightning.pytorch import Callback, LightningModule, Trainer
else:
    try:
        from lightning.pytorch import Callback, LightningModule, Trainer
    except ImportError:
        try:
            from pytorch_lightning import Callback, LightningModule, Trainer
        except ImportError as error:
            raise ConfigurationError(
                "recording a Lightning training needs lightning: pip install lightning"
            ) from error


class LightningRecorder(Callback):
    """Records every step of ``Trainer.fit``, of one optimiser with automatic optimisation.

    Parameters
    ----------
    to, **options
        As of `collectors.recording.record`; `probe` takes the module.
    steps : path, optional
        File for the steps frame, written when the training ends: ``.parquet`` or ``.csv``.
    loss : callable, optional
        Takes module and batch and returns the batch's loss, for the pass after the step, where
        `training_step` has effects beside its loss and its calls of ``log`` (which are mute then),
        such as updates of a metric.

    Attributes
    ----------
    recorder : Recorder or None
        Of the training that runs, or ran last.

    Notes
    -----
    The loss before a step is what `training_step` returned, not divided by the number of
    accumulated batches; the loss after it is `training_step` once more, on the same batch with the
    same random numbers and precision. Over accumulated batches it is their mean. Gradients are
    clipped before they are recorded. Lightning's checkpoints hold the recorder's state, and
    ``fit(..., ckpt_path=)`` goes on with the store and the sums.
    """

    def __init__(
        self,
        to: Place | list[Place] | None = None,
        *,
        steps: str | Path | None = None,
        loss: Callable[[LightningModule, Any], Tensor] | None = None,
        probe: Callable[[LightningModule], Tensor] | None = None,
        **options: Any,
    ) -> None:
        self.recorder: Recorder | None = None
        self._to, self._steps, self._loss, self._probe = to, steps, loss, probe
        self._options = options
        self._resume: Mapping[str, Any] | None = None
        self._original: Callable[..., Any] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to record."""
        if not pl_module.automatic_optimization or len(trainer.optimizers) != 1:
            raise ConfigurationError(
                "the callback records automatic optimisation with one optimiser; in a training "
                "step that optimises by hand use collectors.recording.record"
            )
        many = trainer.world_size > 1
        probe = self._probe
        self.recorder = record(
            pl_module,
            trainer.optimizers[0],
            self._to,
            probe=None if probe is None else lambda: probe(pl_module),
            resume=self._resume,
            process_group=torch.distributed.group.WORLD if many else None,
            **self._options,
        )
        self._resume = None
        if isinstance(self.recorder.losses, Minibatches):
            self._original = pl_module.training_step
            watched = self._watched(pl_module, self._original)
            object.__setattr__(pl_module, "training_step", watched)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note the epoch."""
        if self.recorder is not None:
            self.recorder.epoch = float(trainer.current_epoch)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the recording, and write the steps frame."""
        self._leave(pl_module, None)
        if self.recorder is not None and self._steps is not None and trainer.is_global_zero:
            write_frame(self._steps, self.recorder.to_frame())

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """End the recording; a store is left to be resumed."""
        self._leave(pl_module, exception)

    def state_dict(self) -> dict[str, Any]:
        """Return the recorder's state for Lightning's checkpoint."""
        return {} if self.recorder is None else self.recorder.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the state until the training starts."""
        self._resume = state_dict or None

    def _leave(self, module: LightningModule, error: BaseException | None) -> None:
        if self._original is not None:
            del module.training_step
            self._original = None
        if self.recorder is not None:
            kind, trace = (None, None) if error is None else (type(error), error.__traceback__)
            self.recorder.__exit__(kind, error, trace)

    def _watched(self, module: LightningModule, original: Callable[..., Any]) -> Any:
        """Return the training step with its forward pass kept for the time after the step."""
        recorder, watched_loss = self.recorder, self._loss
        assert recorder is not None

        @functools.wraps(original)
        def training_step(*args: Any, **kwargs: Any) -> Any:
            if not recorder.wants_next:
                return original(*args, **kwargs)
            circumstances = Circumstances.now(module)
            output = original(*args, **kwargs)
            loss = _loss_of(output)
            if loss is None:
                return output

            def again() -> Tensor:
                with _mute(module):
                    if watched_loss is not None:
                        return watched_loss(module, args[0])
                    return _loss_of(original(*args, **kwargs))

            assert isinstance(recorder.losses, Minibatches)
            recorder.losses.note(loss, Forward(again, circumstances, mean_loss(loss)))
            return output

        return training_step


def _loss_of(output: Any) -> Any:
    """Return the loss of what a training step returned, None where it skipped."""
    return output.get("loss") if isinstance(output, Mapping) else output


@contextmanager
def _mute(module: LightningModule) -> Iterator[None]:
    """Let a module log nothing."""
    for name in ("log", "log_dict"):
        object.__setattr__(module, name, lambda *args, **kwargs: None)
    try:
        yield
    finally:
        for name in ("log", "log_dict"):
            object.__delattr__(module, name)
