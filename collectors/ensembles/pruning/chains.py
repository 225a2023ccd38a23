"""Collecting and pruning of many methods of one seed, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.batches import batches
from collectors.ensembles.pruning.captured import captured
from collectors.ensembles.pruning.collecting import collect_branches
from collectors.ensembles.pruning.cuts import RowCut, Target, cut
from collectors.ensembles.pruning.methods import Ladder, Method
from collectors.ensembles.pruning.passes import place_on
from collectors.ensembles.pruning.recording import RowRecord
from collectors.ensembles.pruning.scores import RowEvidence, score
from collectors.ensembles.pruning.stacks import Branch, Pruning, Stack
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance
from collectors.pruning.seeding import derived_seed, seed_everything

Told = Callable[[str], None]


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
        collected = collect_branches(stack, branches, origin, iteration, told)
        chosen: dict[str, RowCut] = {}
        for branch in branches:
            row, record = collected.get(branch.method.name, (origin, None))
            evidence = _evidence(stack, origin, row, branch, record, iteration)
            named = {branch.method.name, branch.method.counts_of}
            minimum = 0 if named & free else stack.settings.minimum
            found = _cut(stack, branch, evidence, level, chosen, minimum)
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
    network, done, turn = captured(stack.network, row[None]), 0, 0
    while done < count:
        seed_everything(derived_seed(seed, turn), stack.task.train)
        for inputs, targets in batches(stack.task.train, place):
            if done == count:
                return
            args = row[None], inputs, targets, stack.precision
            yield network.gradients(*args)[0][0] * kept
            done += 1
        turn += 1


def _cut(
    stack: Stack,
    branch: Branch,
    evidence: RowEvidence,
    level: float,
    chosen: dict[str, RowCut],
    minimum: int,
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
        minimum=minimum,
    )


def _judge(
    stack: Stack, branches: Sequence[Branch], origin: Tensor, iteration: int, seconds: float
) -> None:
    """Evaluate what is left, before it is trained."""
    rows = torch.stack([origin * branch.kept for branch in branches])
    pairs = stack.judged(rows, stack.precision, "validation", "test")
    for branch, found, test in zip(branches, *pairs, strict=True):
        names = {"iteration": iteration, "stage": "pruned", "epoch": 0}
        share = {"sparsity": branch.sparsity(stack)}
        seen = measured(Performance(), found, test)
        branch.log.append(names | share | seen | {"seconds": seconds / len(branches)})
