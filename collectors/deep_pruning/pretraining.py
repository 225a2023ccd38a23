"""Training before pruning, once for all prunings of a seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from causalhyper.errors import DataError
from collectors.deep_pruning.passes import train_pass
from collectors.deep_pruning.subjects import State, Subject
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance

Told = Callable[[str], None]


def pretrain_state(
    subject: Subject, told: Told = lambda _: None
) -> tuple[State, list[dict[str, Any]]]:
    """Train the seed's network before it is pruned.

    Parameters
    ----------
    subject : Subject
        Its task, seed and settings.
    told : callable
        Hears of every epoch.

    Returns
    -------
    state : State
        The weights, and the running statistics of normalisations.
    log : list of dict
        A row an epoch; the last has the validation and test data too.

    Raises
    ------
    DataError
        If the loss of an epoch is not finite.
    """
    settings, log = subject.settings, []
    subject.load(subject.first_state())
    optimizer = subject.adam()
    for epoch in range(1, settings.n_pre + 1):
        began = time.perf_counter()
        data = subject.epoch("pretraining", 0, epoch, subject.task.train)
        train = train_pass(subject, optimizer, data, subject.fast)
        if not math.isfinite(train.loss):
            raise DataError(
                f"training diverged: the loss of pretraining epoch {epoch} is {train.loss}; lower "
                "the learning rate"
            )
        found = judged_pair(subject, epoch == settings.n_pre)
        names = {"iteration": 0, "stage": "pretraining", "epoch": epoch, "sparsity": 0.0}
        row = names | measured(train, *found)
        log.append(row | {"seconds": time.perf_counter() - began})
        told("pretraining")
    return subject.state(), log


def judged_pair(subject: Subject, wanted: bool) -> tuple[Performance, Performance]:
    """Evaluate on the validation and test data, or say that it was not done.

    Parameters
    ----------
    subject : Subject
        With the weights that are judged.
    wanted : bool
        Whether to.

    Returns
    -------
    validation, test : Performance
        Of NaN unless wanted.
    """
    if not wanted:
        return Performance(), Performance()
    fast = subject.fast
    return subject.judged("validation", fast), subject.judged("test", fast)
