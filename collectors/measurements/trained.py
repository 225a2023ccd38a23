"""A trained network with what it is measured on: one forward pass serves all scores."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from collectors.batches import Data, batches, check_repeatable
from collectors.calls import Loss, call
from collectors.complexity.margins import margins
from collectors.generalization.scores import Scores
from collectors.generalization.scoring import score
from collectors.model_state import Mode, measuring


@dataclass(frozen=True)
class Trained:
    """What a measurement of a run may look at.

    Attributes
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    train, test : tuple (inputs, labels), or iterable of such
        Both sets, each one batch, or batches that can be iterated again.
    seed : int
        What the generators of all measurements come from.
    mode : {"eval", "train", "as_found"}
        Mode in which gradient noise is measured; everything else is measured in eval mode.
    batch_size : int, optional
        B of training, for the noise of its minibatch gradient.
    start : mapping of str to Tensor, optional
        Parameters before training, from ``copy_parameters``.
    """

    model: nn.Module
    loss: Loss
    train: Data
    test: Data
    seed: int
    mode: Mode = "eval"
    batch_size: int | None = None
    start: Mapping[str, Tensor] | None = None

    def __post_init__(self) -> None:
        check_repeatable(self.train, "train")
        check_repeatable(self.test, "test")

    def generator(self, name: str) -> torch.Generator:
        """Make the generator of one measurement: the others do not change its draws."""
        words = np.random.SeedSequence([self.seed, zlib.crc32(name.encode())])
        return torch.Generator().manual_seed(int(words.generate_state(1, np.uint64)[0] >> 1))

    @cached_property
    def train_scores(self) -> Scores:
        """Scores on the training set."""
        return score(self.model, self.loss, self.train)

    @cached_property
    def test_scores(self) -> Scores:
        """Scores on the test set."""
        return score(self.model, self.loss, self.test)

    @cached_property
    def train_margins(self) -> Tensor:
        """Output margins on the training set, shape (n,)."""
        found = []
        with measuring(self.model, "eval"), torch.no_grad():
            for inputs, labels in batches(self.train, self.model):
                found.append(margins(call(self.model, inputs), labels))
        return torch.cat(found)
