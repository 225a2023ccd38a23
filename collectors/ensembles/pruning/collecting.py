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


Place = tuple[bool, int, int, int]
"""Whether by Adam, the kind's place in `KINDS`, the lag, and epochs before."""


def place_of(method: Method) -> Place:
    """Return where a method's row stands: gradient descent before Adam, then by what is recorded.

    Parameters
    ----------
    method : Method
        One that collects.

    Returns
    -------
    tuple of (bool, int, int, int)
        Whether by Adam, the kind's place in `KINDS`, the lag, and the epochs before; rows stand in
        the order of these.
    """
    asked = asked_of(method.criterion)
    return method.collecting == "adam", KINDS.index(asked.kind), asked.lag, method.more


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
    shares = [branch.sparsity(stack) for branch in chosen]
    logs = _trained_before(stack, keys, shares, rows, pruned, iteration, told)
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
    order, network = stack.order(), captured(stack.network, rows)
    for epoch in range(1, settings.n_prune + 1):
        began = time.perf_counter()
        data = order.epoch(stack.task.train, "collecting", iteration, epoch)
        args = network, rows, pruned, updates, data, stack.descending, recordings
        train = train_pass(*args, exact=stack.precision)
        names = {"iteration": iteration, "stage": "collecting", "epoch": epoch}
        ends = _judged(stack, rows, train, began, last=epoch == settings.n_prune)
        for log, share, end in zip(logs, shares, ends, strict=True):
            log.append(names | {"sparsity": share} | end)
        told("collecting")
    for at, key in enumerate(keys):
        place = next((r for r in recordings if r.rows.start <= at < r.rows.stop), None)
        record = None if place is None else place.of_row(at - place.rows.start)
        yield key, rows[at], record, logs[at]


def _trained_before(
    stack: Stack,
    keys: Sequence[Any],
    shares: Sequence[float],
    rows: Tensor,
    pruned: Tensor,
    iteration: int,
    told: Told,
) -> list[list[dict[str, Any]]]:
    """Train some rows by Adam for their epochs before, in place; return the logs of all."""
    more: list[int] = [key[0][-1] for key in keys]
    logs: list[list[dict[str, Any]]] = [[] for _ in keys]
    order = stack.order()
    for epochs in sorted(set(more) - {0}):
        places = [at for at, own in enumerate(more) if own == epochs]
        own, masks = rows[places], pruned[places]
        rates = own.new_full((len(own),), stack.settings.learning_rate)
        updates = [(slice(0, len(own)), AdamUpdate(rates, own))]
        network = captured(stack.network, own)
        for epoch in range(1, epochs + 1):
            began = time.perf_counter()
            data = order.epoch(stack.task.train, "training", iteration, epoch)
            train = train_pass(network, own, masks, updates, data, stack.descending)
            names = {"iteration": iteration, "stage": "training", "epoch": epoch}
            ends = _judged(stack, own, train, began, last=epoch == epochs)
            for at, end in zip(places, ends, strict=True):
                logs[at].append(names | {"sparsity": shares[at]} | end)
            told("training")
        rows[places] = own
    return logs


def _judged(
    stack: Stack, rows: Tensor, train: Sequence[Performance], began: float, *, last: bool
) -> Iterator[dict[str, Any]]:
    """What the log says of an epoch, row by row; after the last one of the other data too."""
    others = [[Performance()] * len(rows)] * 2
    if last:
        others = stack.judged(rows, stack.precision, "validation", "test")
    seconds = (time.perf_counter() - began) / len(rows)
    for found in zip(train, *others, strict=True):
        yield measured(*found) | {"seconds": seconds}


def recordings_of(places: Sequence[Place]) -> list[Recording]:
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
        while stop < len(places) and places[stop][:3] == places[start][:3]:
            stop += 1
        _, kind, lag, _ = places[start]
        if KINDS[kind] != "none":
            found.append(Recording(Asked(KINDS[kind], lag), slice(start, stop)))
        start = stop
    return found
