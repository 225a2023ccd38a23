"""Training of what is left, to its own best epoch; it can be gone on with after any epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.deep_pruning.passes import train_pass
from collectors.deep_pruning.subjects import State, Subject
from collectors.pruning.frames import measured
from collectors.pruning.masked_training import keep_pruned
from collectors.pruning.passes import Performance
from collectors.pruning.stopping import Stopping

Told = Callable[[str], None]
StopOn = Literal["train", "validation"]


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Post-training after some epochs.

    Attributes
    ----------
    epoch : int
        Epochs done.
    state, best : State
        The weights now, and of the best epoch. The former are the network's own: write them
        before it trains on.
    optimizer : mapping
        The optimiser's state dict, likewise.
    stopping : Stopping
        What chooses.
    log : tuple of dict
        A row an epoch.
    """

    epoch: int = 0
    state: State = field(default_factory=dict)
    best: State = field(default_factory=dict)
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    stopping: Stopping = field(default_factory=Stopping)
    log: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What became of a network.

    Attributes
    ----------
    log : tuple of dict
        A row an epoch, and the last of stage "final", of the best epoch.
    best : State
        Its weights.
    """

    log: tuple[dict[str, Any], ...]
    best: State


def posttrain(
    subject: Subject,
    origin: State,
    kept: Tensor,
    *,
    iteration: int = 0,
    rate: float | None = None,
    stop_on: StopOn = "train",
    progress: Progress | None = None,
    saved: Callable[[Progress], object] = lambda _: None,
    told: Told = lambda _: None,
) -> Trained:
    """Train what is left of the network, until it stops by itself or the epochs are over.

    Parameters
    ----------
    subject : Subject
        The network.
    origin : State
        Weights to which it goes back.
    kept : Tensor of bool, shape (p,)
        What is left.
    iteration : int
        Pruning iterations behind it, for the log.
    rate : float, optional
        Learning rate; the settings' unless given.
    stop_on : {"train", "validation"}
        Stop after so many epochs (the settings' patience) without a fall of the training loss, as
        the paper does, or without a better epoch by the validation data.
    progress : Progress, optional
        From where to go on, with the same arguments.
    saved : callable
        Is given the progress after every epoch, to be written at once or not at all.
    told : callable
        Hears of every epoch.

    Returns
    -------
    Trained
        Test data are looked at once, with the weights of the best epoch.

    Raises
    ------
    ConfigurationError
        If there is no such rule.
    """
    if stop_on not in get_args(StopOn):
        raise ConfigurationError(f"stop_on must be 'train' or 'validation'; got {stop_on!r}")
    now = progress or Progress()
    start = subject.masked(origin, kept)
    subject.load(now.state or start)
    optimizer = subject.adam(rate)
    if now.optimizer:
        optimizer.load_state_dict(dict(now.optimizer))
    names = {"iteration": iteration, "stage": "posttraining"}
    names["sparsity"] = subject.sparsity(kept)
    with keep_pruned(subject.model, optimizer, subject.masks(kept)):
        while not _is_over(now, subject, stop_on):
            now = _next_epoch(subject, optimizer, now, names)
            told("posttraining")
            saved(replace(now, state=subject.model.state_dict(), optimizer=optimizer.state_dict()))
    return _finished(subject, now, now.best or start, names)


def _next_epoch(
    subject: Subject, optimizer: Any, now: Progress, names: Mapping[str, Any]
) -> Progress:
    began, epoch = time.perf_counter(), now.epoch + 1
    data = subject.epoch("posttraining", 0, epoch, subject.task.train)
    train = train_pass(subject, optimizer, data, subject.fast)
    found = subject.judged("validation", subject.fast)
    stopping = now.stopping.after(epoch, train, found, subject.settings.tolerance)
    better = stopping.best_epoch == epoch or not found.examples
    row = {**names, "epoch": epoch} | measured(train, found, Performance())
    row |= {"seconds": time.perf_counter() - began}
    best = subject.state() if better else now.best
    return Progress(epoch, best=best, stopping=stopping, log=(*now.log, row))


def _is_over(now: Progress, subject: Subject, stop_on: StopOn) -> bool:
    settings = subject.settings
    if now.epoch >= settings.n_post:
        return True
    if not now.epoch:
        return False
    if math.isnan(now.log[-1]["train_loss"]):
        return True
    if stop_on == "train":
        return now.stopping.idle >= settings.patience
    return now.epoch - now.stopping.best_epoch >= settings.patience


def _finished(subject: Subject, now: Progress, best: State, names: Mapping[str, Any]) -> Trained:
    """Close the log with the row of the best epoch, which has the test data."""
    began = time.perf_counter()
    subject.load(best)
    test = subject.judged("test", subject.fast)
    if now.log:
        judged = bool(now.log[-1]["validation_examples"])
        row = dict(now.log[now.stopping.best_epoch - 1 if judged else -1])
    else:
        train, found = (subject.judged(name, subject.fast) for name in ("train", "validation"))
        row = {**names, "epoch": 0} | measured(train, found, test)
    row |= {"stage": "final", "test_loss": test.loss, "test_accuracy": test.accuracy}
    row |= {"test_examples": test.examples, "seconds": time.perf_counter() - began}
    return Trained((*now.log, row), best)
