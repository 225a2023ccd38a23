"""The collecting stage: training that is recorded, once for all methods that record alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import DataError
from collectors.batches import batches
from collectors.calls import example_losses
from collectors.deep_pruning.passes import flat_gradients, train_pass
from collectors.deep_pruning.pretraining import judged_pair
from collectors.deep_pruning.subjects import State, Subject
from collectors.ensembles.pruning.methods import Collecting
from collectors.ensembles.pruning.networks import arithmetic
from collectors.ensembles.pruning.recording import Asked, Recording, RowRecord
from collectors.pruning.frames import measured
from collectors.pruning.masked_training import keep_pruned
from collectors.pruning.seeding import derived_seed, seed_everything

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What a collecting stage left.

    Attributes
    ----------
    state : State
        The network in the end.
    records : mapping of Asked to RowRecord
        What was recorded.
    log : tuple of dict
        A row an epoch.
    """

    state: State
    records: Mapping[Asked, RowRecord]
    log: tuple[dict[str, Any], ...]

    def record_for(self, asked: Asked) -> RowRecord | None:
        """Return the record that serves; sums with the loss have the movement too."""
        if asked.kind == "moves" and asked not in self.records:
            return next(iter(self.records.values()), None)
        return self.records.get(asked)


def collect(
    subject: Subject,
    origin: State,
    kept: Tensor,
    iteration: int,
    asked: Sequence[Asked],
    *,
    how: Collecting = "sgd",
    epochs: int | None = None,
    told: Told = lambda _: None,
) -> Collected:
    """Train from the origin, and record.

    Parameters
    ----------
    subject : Subject
        The network.
    origin : State
        Weights from which it begins.
    kept : Tensor of bool, shape (p,)
        What is not pruned.
    iteration : int
        Its number, from 1.
    asked : sequence of Asked
        What is recorded; of kind "none" nothing is.
    how : {"sgd", "adam"}
        By gradient descent, or as before and after pruning.
    epochs : int, optional
        The settings' unless given.
    told : callable
        Hears of every epoch.

    Returns
    -------
    Collected

    Raises
    ------
    DataError
        If the loss of an epoch is not finite.
    """
    subject.load(subject.masked(origin, kept))
    recordings = [Recording(each, slice(0, 1)) for each in asked if each.kind != "none"]
    # of one process, as in `collectors.pruning`
    draws = np.random.default_rng([derived_seed(subject.seed, "fresh minibatches", iteration), 0])
    trained = [p for p in subject.model.parameters() if p.requires_grad]
    rate, precision = subject.settings.collecting_rate, subject.precision
    optimizer: torch.optim.Optimizer = torch.optim.SGD(trained, lr=rate)
    if how == "adam":
        optimizer, precision = subject.adam(), subject.fast
    log, count = [], epochs or subject.settings.n_prune
    share = subject.sparsity(kept)
    with keep_pruned(subject.model, optimizer, subject.masks(kept)):
        for epoch in range(1, count + 1):
            began = time.perf_counter()
            data = subject.epoch("collecting", iteration, epoch, subject.task.train)
            train = train_pass(subject, optimizer, data, precision, recordings, draws)
            if not math.isfinite(train.loss):
                raise DataError(
                    f"training diverged: the loss of collecting epoch {epoch} is {train.loss}; "
                    "lower the learning rate"
                )
            found = judged_pair(subject, epoch == count)
            names = {"iteration": iteration, "stage": "collecting", "epoch": epoch}
            row = names | {"sparsity": share} | measured(train, *found)
            log.append(row | {"seconds": time.perf_counter() - began})
            told("collecting")
    records = {each.asked: each.of_row(0) for each in recordings}
    return Collected(subject.state(), records, tuple(log))


def minibatch_gradients(
    subject: Subject, state: State, kept: Tensor, seed: int, count: int
) -> Iterator[Tensor]:
    """Yield mean gradients of minibatches in eval mode, as `collectors.pruning` draws them.

    Parameters
    ----------
    subject : Subject
        The network.
    state : State
        Weights at which they are taken.
    kept : Tensor of bool, shape (p,)
        Gradients of what is pruned are zero.
    seed : int
        Of the order of the minibatches.
    count : int
        How many.

    Yields
    ------
    Tensor, shape (p,)
    """
    subject.load(state)
    subject.called.eval()
    done = turn = 0
    while done < count:
        seed_everything(derived_seed(seed, turn), subject.task.train)
        for inputs, targets in batches(subject.task.train, subject.model):
            if done == count:
                break
            subject.model.zero_grad()
            with torch.enable_grad(), arithmetic(subject.precision, subject.device):
                example_losses(
                    subject.called, subject.task.loss, inputs, targets
                ).mean().backward()
            yield flat_gradients(subject) * kept
            done += 1
        turn += 1
    subject.model.zero_grad()
