"""Training before pruning, and of what is left after it, each network to its own best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning.captured import captured
from collectors.ensembles.pruning.passes import train_pass
from collectors.ensembles.pruning.stacks import Stack
from collectors.ensembles.pruning.updates import AdamUpdate
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance
from collectors.pruning.seeding import derived_seed, seed_everything
from collectors.pruning.stopping import Stopping

Told = Callable[[str], None]
StopOn = Literal["train", "validation"]


def pretrain_row(stack: Stack, told: Told = lambda _: None) -> tuple[Tensor, list[dict[str, Any]]]:
    """Train one seed's network before it is pruned.

    Parameters
    ----------
    stack : Stack
        Its task, seed and settings.
    told : callable
        Hears of every epoch.

    Returns
    -------
    row : Tensor, shape (p,)
        Its parameters.
    log : list of dict
        A row an epoch.
    """
    settings, layout = stack.settings, stack.network.layout
    seed_everything(derived_seed(stack.seed, "model"))
    rows = layout.row(stack.task.new_model().state_dict())[None].clone()
    pruned = torch.zeros_like(rows, dtype=torch.bool)
    rates = rows.new_full((1,), settings.learning_rate)
    updates = [(slice(0, 1), AdamUpdate(rates, rows))]
    order, log, network = stack.order(), [], captured(stack.network, rows)
    for epoch in range(1, settings.n_pre + 1):
        began = time.perf_counter()
        data = order.epoch(stack.task.train, "pretraining", 0, epoch)
        (train,) = train_pass(network, rows, pruned, updates, data, stack.fast)
        others = [[Performance()]] * 2
        if epoch == settings.n_pre:
            others = stack.judged(rows, stack.fast, "validation", "test")
        names = {"iteration": 0, "stage": "pretraining", "epoch": epoch, "sparsity": 0.0}
        seen = measured(train, *(each[0] for each in others))
        log.append(names | seen | {"seconds": time.perf_counter() - began})
        told("pretraining")
    return rows[0], log


@dataclass(slots=True, eq=False)
class Trained:
    """What became of one network.

    Attributes
    ----------
    log : list of dict
        A row an epoch of post-training, and the last of stage "final", of the best epoch.
    stopping : Stopping
        What chose it.
    best : Tensor, shape (p,)
        Its weights.
    """

    log: list[dict[str, Any]] = field(default_factory=list)
    stopping: Stopping = field(default_factory=Stopping)
    best: Tensor = field(default_factory=lambda: torch.empty(0))


def posttrain_rows(
    stack: Stack,
    origin: Tensor,
    kept: Sequence[Tensor],
    iterations: Sequence[int],
    rates: Sequence[float],
    *,
    stop_on: StopOn = "train",
    told: Told = lambda _: None,
) -> list[Trained]:
    """Train what is left of many networks of one seed, each until it stops by itself.

    Parameters
    ----------
    stack : Stack
        What they share.
    origin : Tensor, shape (p,)
        Weights to which they go back.
    kept : sequence of Tensor of bool, shape (p,)
        What is left of each.
    iterations : sequence of int
        Pruning iterations behind each, for the log.
    rates : sequence of float
        Learning rate of each.
    stop_on : {"train", "validation"}
        Stop after so many epochs (the settings' patience) without a fall of the training loss, as
        the paper does, or without a better epoch by the validation data.
    told : callable
        Hears of every epoch.

    Returns
    -------
    list of Trained
        One a network. Test data are looked at once, with the weights of the best epoch.

    Raises
    ------
    ConfigurationError
        If the lists differ in length, or there is no such rule.
    """
    if len({len(kept), len(iterations), len(rates)}) > 1 or stop_on not in ("train", "validation"):
        raise ConfigurationError(
            "expected masks, iterations and rates of equal length, and stop_on 'train' or "
            f"'validation'; got {len(kept)}, {len(iterations)}, {len(rates)} and {stop_on!r}"
        )
    found: list[Trained] = []
    for start in range(0, len(kept), stack.at_once):
        part = slice(start, start + stack.at_once)
        masks = torch.stack(list(kept[part]))
        found += _part(stack, origin, masks, iterations[part], rates[part], stop_on, told)
    return found


def _part(
    stack: Stack,
    origin: Tensor,
    kept: Tensor,
    iterations: Sequence[int],
    rates: Sequence[float],
    stop_on: StopOn,
    told: Told,
) -> list[Trained]:
    settings, order = stack.settings, stack.order()
    rows, pruned = origin * kept, ~kept
    networks = [Trained() for _ in rates]
    shares = _shares(stack, kept)
    best, active = rows.clone(), list(range(len(networks)))
    update = AdamUpdate(rows.new_tensor(list(rates)), rows)
    network = captured(stack.network, rows)
    for epoch in range(1, settings.n_post + 1):
        began = time.perf_counter()
        updates = [(slice(0, len(active)), update)]
        data = order.epoch(stack.task.train, "posttraining", 0, epoch)
        train = train_pass(network, rows, pruned, updates, data, stack.fast)
        (judged,) = stack.judged(rows, stack.fast, "validation")
        seconds = (time.perf_counter() - began) / len(active)
        for at, fit, found in zip(active, train, judged, strict=True):
            names = {"iteration": iterations[at], "stage": "posttraining", "epoch": epoch}
            seen = measured(fit, found, Performance()) | {"seconds": seconds}
            networks[at].log.append(names | {"sparsity": shares[at]} | seen)
            stopping = networks[at].stopping.after(epoch, fit, found, settings.tolerance)
            networks[at].stopping = stopping
        told("posttraining")
        _keep_best(networks, active, epoch, rows, best)
        going = [i for i, at in enumerate(active) if not _is_over(networks[at], settings, stop_on)]
        if len(going) < len(active):
            chosen = torch.tensor(going, dtype=torch.long, device=rows.device)
            rows, pruned = rows[chosen], pruned[chosen]
            update.keep(chosen)
            network = captured(stack.network, rows)
            active = [active[i] for i in going]
        if not active:
            break
    _finish(stack, networks, best, iterations, shares)
    return networks


def _shares(stack: Stack, kept: Tensor) -> list[float]:
    layout = stack.network.layout
    places = layout.places()
    counts = sum(kept[:, places[name]].sum(1) for name in layout.prunable)
    assert isinstance(counts, Tensor)
    return [1 - count / layout.entries for count in counts.tolist()]


def _keep_best(
    networks: Sequence[Trained], active: Sequence[int], epoch: int, rows: Tensor, best: Tensor
) -> None:
    """Copy the weights of those for which this epoch is the best."""
    chosen = [i for i, at in enumerate(active) if _is_best(networks[at], epoch)]
    if chosen:
        here = torch.tensor(chosen, device=rows.device)
        there = torch.tensor([active[i] for i in chosen], device=rows.device)
        best[there] = rows[here]


def _is_best(network: Trained, epoch: int) -> bool:
    unjudged = not network.log[-1]["validation_examples"]
    return network.stopping.best_epoch == epoch or unjudged


def _is_over(network: Trained, settings: Any, stop_on: StopOn) -> bool:
    last = network.log[-1]
    if math.isnan(last["train_loss"]):
        return True
    if stop_on == "train":
        return bool(network.stopping.idle >= settings.patience)
    return bool(last["epoch"] - network.stopping.best_epoch >= settings.patience)


def _finish(
    stack: Stack,
    networks: Sequence[Trained],
    best: Tensor,
    iterations: Sequence[int],
    shares: Sequence[float],
) -> None:
    """Close each log with the row of the best epoch, which has the test data."""
    began = time.perf_counter()
    (tests,) = stack.judged(best, stack.fast, "test")
    more = () if stack.settings.n_post else ("train", "validation")
    untrained = stack.judged(best, stack.fast, *more)
    for at, (network, test) in enumerate(zip(networks, tests, strict=True)):
        network.best = best[at]
        unused = {"test_loss": test.loss, "test_accuracy": test.accuracy}
        if network.log:
            place = network.stopping.best_epoch - 1 if _has_validation(network) else -1
            row = dict(network.log[place])
        else:
            names = {"iteration": iterations[at], "epoch": 0, "sparsity": shares[at]}
            row = names | measured(untrained[0][at], untrained[1][at], test)
        row |= unused | {"stage": "final", "test_examples": test.examples}
        row["seconds"] = (time.perf_counter() - began) / len(networks)
        network.log.append(row)


def _has_validation(network: Trained) -> bool:
    return bool(network.log[-1]["validation_examples"])
