"""Recording a training of the Hugging Face `Trainer` by one callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames import write_frame
from collectors.recording.recorder import Recorder
from collectors.recording.recording import Place, record

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError as error:
    raise ConfigurationError(
        "recording a Hugging Face training needs transformers: pip install transformers accelerate"
    ) from error

STATE = "recorder.pt"
"""File with the recorder's state in each of the Trainer's checkpoints."""


class TrainerRecorder(TrainerCallback):
    """Records every update of ``Trainer.train``; the loss is that of a fixed probe batch.

    A callback of the Trainer sees neither batch nor loss, so the losses around a step are those of
    `probe`, before and after; this is said in the settings as ``loss: probe, eval mode``.

    Parameters
    ----------
    to, **options
        As of `collectors.recording.record`.
    probe : mapping or callable, optional
        A batch with labels, on the model's device or the CPU, for a model that returns its loss;
        or what takes the model and returns a loss. Without it no loss is recorded.
    steps : path, optional
        File for the steps frame, written when the training ends: ``.parquet`` or ``.csv``.

    Attributes
    ----------
    recorder : Recorder or None
        Of the training that runs, or ran last.

    Notes
    -----
    Accumulated and clipped gradients are as the update used them. A checkpoint of the Trainer
    gets a file ``recorder.pt``, from which ``train(resume_from_checkpoint=)`` goes on. After an
    error in the training call `close`, which leaves a store to be resumed.
    """

    def __init__(
        self,
        to: Place | list[Place] | None = None,
        *,
        probe: Mapping[str, Tensor] | Callable[[nn.Module], Tensor] | None = None,
        steps: str | Path | None = None,
        **options: Any,
    ) -> None:
        self.recorder: Recorder | None = None
        self._to, self._probe, self._steps, self._options = to, probe, steps, options

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        """Begin to record, or go on where the checkpoint was made."""
        many = args.world_size > 1
        resume = self._checkpoint(args, state) if state.global_step else None
        self.recorder = record(
            model,
            optimizer,
            self._to,
            losses="none",
            probe=None if self._probe is None else lambda: _probe_loss(model, self._probe),
            resume=resume,
            process_group=torch.distributed.group.WORLD if many else None,
            **self._options,
        )

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the epoch."""
        if self.recorder is not None:
            self.recorder.epoch = float(state.epoch or 0.0)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the recorder's state beside the Trainer's own."""
        if self.recorder is not None and state.is_world_process_zero:
            path = _folder(args, state) / STATE
            draft = path.with_suffix(".tmp")
            torch.save(self.recorder.state_dict(), draft)
            draft.replace(path)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the recording, and write the steps frame."""
        if self.recorder is None:
            return
        self.recorder.close()
        if self._steps is not None and state.is_world_process_zero:
            write_frame(self._steps, self.recorder.to_frame())

    def close(self) -> None:
        """End a recording whose training failed; a store is left to be resumed."""
        if self.recorder is not None:
            stopped = RuntimeError("the training stopped")
            self.recorder.__exit__(RuntimeError, stopped, None)

    def _checkpoint(self, args: TrainingArguments, state: TrainerState) -> Mapping[str, Any]:
        """Read the recorder's state of the checkpoint that training goes on from."""
        path = _folder(args, state) / STATE
        if not path.is_file():
            raise ConfigurationError(
                f"training goes on after step {state.global_step}, but {str(path)!r} is missing: "
                "resume from a checkpoint of the same output folder that was made with this "
                "callback, or record into a new place without resuming"
            )
        return torch.load(path, weights_only=True)


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    assert args.output_dir is not None  # TrainingArguments fills it in
    return Path(args.output_dir, f"checkpoint-{state.global_step}")


def _probe_loss(model: nn.Module, probe: Any) -> Tensor:
    """Return the loss of the probe."""
    if not isinstance(probe, Mapping):
        return probe(model)
    device = next(model.parameters()).device
    outputs = model(**{name: value.to(device) for name, value in probe.items()})
    # as the Trainer takes it: a mapping's "loss", or what comes first
    if isinstance(outputs, Mapping):
        found = outputs.get("loss")
    else:
        found = outputs[0] if isinstance(outputs, tuple) and outputs else None
    if not isinstance(found, Tensor):
        raise ConfigurationError(
            "the model returned no loss for the probe: put the labels into the batch under the "
            "name that the model knows, or give probe= a function of the model that returns a loss"
        )
    return found
