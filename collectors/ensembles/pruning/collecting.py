"""The collecting stage of many networks, each recorded as its criterion asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from collectors.ensembles.pruning.captured import captured
from collectors.ensembles.pruning.methods import Method
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.recording import KINDS, Asked, Recording, RowRecord, asked_of
from collectors.ensembles.pruning.stacks import Branch, Stack
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance

Told = Callable[[str], None]


def collect_branches(
    stack: Stack, branches: Sequence[Branch], origin: Tensor, iteration: int, told: Told
) -> dict[str, tuple[Tensor, RowRecord | None]]:
    """Train every branch that collects; rows that would be the same are trained once.

    Parameters
    ----------
    stack : Stack
        What they share.
    branches : sequence of Branch
        Their logs grow.
    origin : Tensor, shape (p,)
        Weights from which all begin.
    iteration : int
        Its number, from 1; in the first all are whole.
    told : callable
        Hears of every epoch.

    Returns
    -------
    dict of str to (Tensor, RowRecord or None)
        By method: the weights in the end, and what was recorded.
    """
    keys = {
        id(b): (place_of(b.method), b.method.name if iteration > 1 else "")
        for b in branches
        if b.method.collecting != "none"
    }
    first: dict[Any, Branch] = {}
    for branch in branches:
        if id(branch) in keys:
            first.setdefault(keys[id(branch)], branch)
    ordered = sorted(first, key=lambda key: key[0])
    parts = [ordered[i : i + stack.at_once] for i in range(0, len(ordered), stack.at_once)]
    found: dict[Any, tuple[Tensor, RowRecord | None]] = {}
    rows: dict[Any, list[dict[str, Any]]] = {}
    for part in parts:
        chosen = [first[key] for key in part]
        kept = torch.stack([branch.kept for branch in chosen])
        for key, row, record, log in _trained(stack, part, chosen, kept, origin, iteration, told):
            found[key], rows[key] = (row, record), log
    for branch in branches:
        if id(branch) in keys:
            branch.log += [dict(row) for row in rows[keys[id(branch)]]]
    return {b.method.name: found[keys[id(b)]] for b in branches if id(b) in keys}


def place_of(method: Method) -> tuple[bool, int, int]:
    """Return where a method's row stands: gradient descent before Adam, then by what is recorded.

    Parameters
    ----------
    method : Method
        One that collects.

    Returns
    -------
    tuple of (bool, int, int)
        Whether by Adam, the kind's place in `KINDS`, the lag; rows stand in the order of these.
    """
    asked = asked_of(method.criterion)
    return method.collecting == "adam", KINDS.index(asked.kind), asked.lag


def _trained(
    stack: Stack,
    keys: Sequence[Any],
    chosen: Sequence[Branch],
    kept: Tensor,
    origin: Tensor,
    iteration: int,
    told: Told,
) -> Iterator[tuple[Any, Tensor, RowRecord | None, list[dict[str, Any]]]]:
    settings, pruned = stack.settings, ~kept
    rows = (origin * kept).contiguous()
    recordings = recordings_of([key[0] for key in keys])
    plain = sum(not key[0][0] for key in keys)
    rates = rows.new_full((len(keys) - plain,), settings.learning_rate)
    updates = [
        (part, update)
        for part, update in (
            (slice(0, plain), SgdUpdate(settings.collecting_rate)),
            (slice(plain, len(keys)), AdamUpdate(rates, rows[plain:])),
        )
        if part.stop > part.start
    ]
    logs: list[list[dict[str, Any]]] = [[] for _ in keys]
    order, network = stack.order(), captured(stack.network, rows)
    for epoch in range(1, settings.n_prune + 1):
        began = time.perf_counter()
        data = order.epoch(stack.task.train, "collecting", iteration, epoch)
        args = network, rows, pruned, updates, data, stack.precision, recordings
        train = train_pass(*args)
        others = [[Performance()] * len(keys)] * 2
        if epoch == settings.n_prune:
            others = stack.judged(rows, stack.precision, "validation", "test")
        seconds = (time.perf_counter() - began) / len(keys)
        for log, branch, *found in zip(logs, chosen, train, *others, strict=True):
            names = {"iteration": iteration, "stage": "collecting", "epoch": epoch}
            share = branch.sparsity(stack)
            log.append(names | {"sparsity": share} | measured(*found) | {"seconds": seconds})
        told("collecting")
    for at, key in enumerate(keys):
        place = next((r for r in recordings if r.rows.start <= at < r.rows.stop), None)
        record = None if place is None else place.of_row(at - place.rows.start)
        yield key, rows[at], record, logs[at]


def recordings_of(places: Sequence[tuple[bool, int, int]]) -> list[Recording]:
    """Return what records each run of rows that ask for the same.

    Parameters
    ----------
    places : sequence
        Of all rows, in their order, see `place_of`.

    Returns
    -------
    list of Recording
    """
    found, start = [], 0
    while start < len(places):
        stop = start
        while stop < len(places) and places[stop] == places[start]:
            stop += 1
        _, kind, lag = places[start]
        if KINDS[kind] != "none":
            found.append(Recording(Asked(KINDS[kind], lag), slice(start, stop)))
        start = stop
    return found
