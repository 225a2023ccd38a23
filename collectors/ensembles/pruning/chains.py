"""Collecting and pruning of many methods of one seed, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.batches import batches
from collectors.ensembles.pruning.cuts import RowCut, Target, cut
from collectors.ensembles.pruning.methods import Ladder, Method
from collectors.ensembles.pruning.networks import Precision, StackedNetwork
from collectors.ensembles.pruning.passes import Order, evaluate_rows, place_on, train_pass
from collectors.ensembles.pruning.recording import KINDS, Asked, Recording, RowRecord, asked_of
from collectors.ensembles.pruning.scores import RowEvidence, score
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance
from collectors.pruning.seeding import derived_seed, seed_everything
from collectors.pruning.settings import PruningSettings
from collectors.pruning.tasks import PruningTask

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """What all networks of one seed share.

    Attributes
    ----------
    task : PruningTask
        Data and loss.
    network : StackedNetwork
        The architecture.
    settings : PruningSettings
        Lengths and rates.
    seed : int
        From 0.
    precision : {"float32", "tf32", "bfloat16"}
        Of products while collecting.
    fast : {"float32", "tf32", "bfloat16"}
        Of products before and after.
    at_once : int
        Networks a pass.
    """

    task: PruningTask
    network: StackedNetwork
    settings: PruningSettings
    seed: int
    precision: Precision = "float32"
    fast: Precision = "float32"
    at_once: int = 64

    def order(self) -> Order:
        """Return the minibatches."""
        return Order(self.seed, self.task.device or "cpu")

    def judged(self, rows: Tensor, precision: Precision, *names: str) -> list[list[Performance]]:
        """Evaluate on some of the task's data sets, each a list of one a row."""
        order, found = self.order(), []
        for name in names:
            data = getattr(self.task, name)
            batches = iter(()) if data is None else order.evaluation(data)
            found.append(evaluate_rows(self.network, rows, batches, precision, self.at_once))
        return found


@dataclass(slots=True, eq=False)
class Branch:
    """One method on its way down.

    Attributes
    ----------
    method : Method
        What prunes.
    kept : Tensor of bool, shape (p,)
        Until now.
    log, layers : list of dict
        Rows of the frames, without the run's name.
    """

    method: Method
    kept: Tensor
    log: list[dict[str, Any]] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Pruning:
    """What is left of a network after so many iterations.

    Attributes
    ----------
    method : str
        What pruned; "dense" for what is whole.
    target : float or None
        Sparsity asked for; None where the criterion chose.
    kept : Tensor of bool, shape (p,)
        What is kept.
    log, layers : tuple of dict
        Rows until here.
    """

    method: str
    target: float | None
    kept: Tensor
    log: tuple[dict[str, Any], ...] = ()
    layers: tuple[dict[str, Any], ...] = ()


def prune_chains(
    stack: Stack,
    methods: Sequence[Method],
    ladder: Ladder,
    origin: Tensor,
    told: Told = lambda _: None,
) -> Iterator[Pruning]:
    """Prune one seed's network by many methods.

    Parameters
    ----------
    stack : Stack
        What they share.
    methods : sequence of Method
        With different names; one that takes the counts of another stands behind it.
    ladder : Ladder
        Shares pruned after each iteration, and those at which a pruning is wanted.
    origin : Tensor, shape (p,)
        The weights after pre-training, to which all go back.
    told : callable
        Hears of every epoch.

    Yields
    ------
    Pruning
        For every method and sparsity, as soon as it is known.

    Raises
    ------
    ConfigurationError
        If names repeat, or counts are to be taken of a method that does not stand before.
    """
    _check(methods)
    every = torch.ones_like(origin, dtype=torch.bool)
    branches = [Branch(method, every) for method in methods]
    stops = {iteration: sparsity for sparsity, iteration in ladder.stops.items()}
    free = {m.name for m in methods if m.free}
    for iteration, level in enumerate(ladder.levels, start=1):
        began = time.perf_counter()
        collected = _collect(stack, branches, origin, iteration, told)
        chosen: dict[str, RowCut] = {}
        for branch in branches:
            row, record = collected.get(branch.method.name, (origin, None))
            evidence = _evidence(stack, origin, row, branch, record, iteration)
            found = _cut(stack, branch, evidence, level, chosen)
            chosen[branch.method.name] = found
            branch.kept = found.kept
            branch.layers += [{"iteration": iteration, **layer} for layer in found.layers]
        collected.clear()
        _judge(stack, branches, origin, iteration, time.perf_counter() - began)
        for branch in branches:
            named = {branch.method.name, branch.method.counts_of}
            ends = len(ladder.levels) if named & free else iteration
            if iteration == ends and (iteration in stops or named & free):
                target = None if named & free else stops[iteration]
                rows = tuple(branch.log), tuple(branch.layers)
                yield Pruning(branch.method.name, target, branch.kept, *rows)


def _check(methods: Sequence[Method]) -> None:
    names: list[str] = []
    for method in methods:
        if method.name in names or method.counts_of not in (None, *names):
            raise ConfigurationError(
                "methods need different names, and one with the counts of another stands behind "
                f"it; got {[m.name for m in methods]}, and {method.name!r} takes those of "
                f"{method.counts_of!r}"
            )
        names.append(method.name)


def _collect(
    stack: Stack, branches: Sequence[Branch], origin: Tensor, iteration: int, told: Told
) -> dict[str, tuple[Tensor, RowRecord | None]]:
    """Train every branch that collects; rows that would be the same are trained once."""
    keys = {
        id(b): (_place(b.method), b.method.name if iteration > 1 else "")
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


def _place(method: Method) -> tuple[bool, int, int]:
    """Where a method's row stands: gradient descent before Adam, the kinds in their order."""
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
    recordings = _recordings([key[0] for key in keys])
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
    order = stack.order()
    for epoch in range(1, settings.n_prune + 1):
        began = time.perf_counter()
        data = order.epoch(stack.task.train, "collecting", iteration, epoch)
        args = stack.network, rows, pruned, updates, data, stack.precision, recordings
        train = train_pass(*args)
        others = [[Performance()] * len(keys)] * 2
        if epoch == settings.n_prune:
            others = stack.judged(rows, stack.precision, "validation", "test")
        seconds = (time.perf_counter() - began) / len(keys)
        for log, branch, *found in zip(logs, chosen, train, *others, strict=True):
            names = {"iteration": iteration, "stage": "collecting", "epoch": epoch}
            share = _sparsity(stack, branch)
            log.append(names | {"sparsity": share} | measured(*found) | {"seconds": seconds})
        told("collecting")
    for at, key in enumerate(keys):
        place = next((r for r in recordings if r.rows.start <= at < r.rows.stop), None)
        record = None if place is None else place.of_row(at - place.rows.start)
        yield key, rows[at], record, logs[at]


def _recordings(places: Sequence[tuple[bool, int, int]]) -> list[Recording]:
    """Return what records each run of rows that ask for the same."""
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


def _evidence(
    stack: Stack,
    origin: Tensor,
    collected: Tensor,
    branch: Branch,
    record: RowRecord | None,
    iteration: int,
) -> RowEvidence:
    seed = derived_seed(stack.seed, "iteration", iteration)
    kept = branch.kept

    def gradients(count: int) -> Iterator[Tensor]:
        order = derived_seed(seed, "gradients")
        yield from _gradients(stack, collected, kept, order, count)

    rng = np.random.default_rng(derived_seed(seed, "criterion"))
    masked = origin * kept
    return RowEvidence(stack.network.layout, masked, collected, kept, record, gradients, rng)


def _gradients(stack: Stack, row: Tensor, kept: Tensor, seed: int, count: int) -> Iterator[Tensor]:
    """Yield gradients of minibatches, in the order in which `collectors.pruning` draws them."""
    place = place_on(row.device)
    done = turn = 0
    while done < count:
        seed_everything(derived_seed(seed, turn), stack.task.train)
        for inputs, targets in batches(stack.task.train, place):
            if done == count:
                return
            args = row[None], inputs, targets, stack.precision
            yield stack.network.gradients(*args)[0][0] * kept
            done += 1
        turn += 1


def _cut(
    stack: Stack, branch: Branch, evidence: RowEvidence, level: float, chosen: dict[str, RowCut]
) -> RowCut:
    method = branch.method
    target: Target = level
    if method.free:
        target = None
    elif method.counts_of is not None:
        target = chosen[method.counts_of].counts()
    return cut(
        stack.network.layout,
        score(method.criterion, evidence),
        branch.kept,
        target,
        scope=method.scope,
        minimum=0 if method.free else stack.settings.minimum,
    )


def _judge(
    stack: Stack, branches: Sequence[Branch], origin: Tensor, iteration: int, seconds: float
) -> None:
    """Evaluate what is left, before it is trained."""
    rows = torch.stack([origin * branch.kept for branch in branches])
    pairs = stack.judged(rows, stack.precision, "validation", "test")
    for branch, found, test in zip(branches, *pairs, strict=True):
        names = {"iteration": iteration, "stage": "pruned", "epoch": 0}
        share = {"sparsity": _sparsity(stack, branch)}
        seen = measured(Performance(), found, test)
        branch.log.append(names | share | seen | {"seconds": seconds / len(branches)})


def _sparsity(stack: Stack, branch: Branch) -> float:
    if not branch.layers:
        return 0.0
    last = branch.layers[-len(stack.network.layout.prunable) :]
    return 1 - sum(layer["kept"] for layer in last) / stack.network.layout.entries
