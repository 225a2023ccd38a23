"""What looks at the steps of a collecting stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from torch import Tensor

from collectors.batches import Batch
from collectors.pruning.attributing import StepAttribution
from collectors.recording import Recorder


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """What looks at the steps of a collecting stage, as far as a criterion asks for it.

    Attributes
    ----------
    recorder : Recorder or None
        Of changes and losses.
    attribution : StepAttribution or None
        Of gradients around the steps.
    """

    recorder: Recorder | None = None
    attribution: StepAttribution | None = None

    def begin(self, epoch: int) -> None:
        """Hear that an epoch begins."""
        if self.recorder is not None:
            self.recorder.epoch = float(epoch)

    def batches(self, given: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the minibatches of an epoch."""
        return given if self.attribution is None else self.attribution.batches(given)

    def loss(self, losses: Callable[[], Tensor]) -> Tensor:
        """Return the mean loss that is trained on, with its graph."""
        if self.attribution is not None:
            losses = self.attribution.watched(losses)
        return losses().mean() if self.recorder is None else self.recorder.loss(losses)
