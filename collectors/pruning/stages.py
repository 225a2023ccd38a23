"""The stages of a pruning: each makes the next state out of the last."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from causalhyper.errors import DataError
from causalhyper.granger.masks.allocation import Allocation, allocate
from collectors.pruning.bars import Told
from collectors.pruning.collecting import Collected, evidence_of
from collectors.pruning.collecting_stage import collect_steps, train_on
from collectors.pruning.epochs import (
    judged_on,
    log_row,
    new_optimizer,
    row_names,
    train_epochs,
    trained_epoch,
)
from collectors.pruning.folders import TRAJECTORY, Folder
from collectors.pruning.frames import layer_rows, measured
from collectors.pruning.mask_plan import mask_weights
from collectors.pruning.masked_training import keep_pruned
from collectors.pruning.passes import Performance
from collectors.pruning.runs import Run
from collectors.pruning.seeding import derived_seed
from collectors.pruning.states import State, Tensors, copied, state_bytes, state_of


def first_state(run: Run) -> State:
    """Return the state before pre-training.

    Parameters
    ----------
    run : Run
        The pruning.

    Returns
    -------
    State
        Of the network as it was made.
    """
    masks = run.plan.first_masks
    weights = mask_weights(copied(run.model.state_dict()), run.plan.training_masks(masks))
    origin = weights if run.settings.rewind == "initial" else {}
    return State("made", weights, masks, run.key, origin=origin)


def next_state(run: Run, state: State, folder: Folder | None, told: Told) -> State:
    """Do the next stage, and write a checkpoint.

    Parameters
    ----------
    run : Run
        The pruning.
    state : State
        After the stage before.
    folder : Folder or None
        Where the checkpoint goes.
    told : callable
        Hears of every epoch.

    Returns
    -------
    State
        After the stage; of post-training, after so many epochs as lie between checkpoints.
    """
    run.model.load_state_dict(dict(state.weights))
    if state.stage == "made":
        state = _pretrain(run, state, told)
    elif state.iteration < run.iterations:
        state = _iterate(run, state, folder, told)
    else:
        state = _posttrain(run, state, told)
    run.processes.share(lambda: _saved(folder, state))
    return state


def _saved(folder: Folder | None, state: State) -> bytes:
    if folder is not None:
        folder.save(state)
        folder.clear_trajectory()
    return b""


def _pretrain(run: Run, state: State, told: Told) -> State:
    rewinds = run.settings.rewind == "pretrained"
    optimizer = new_optimizer(run)
    with keep_pruned(run.model, optimizer, run.plan.training_masks(state.masks)):
        state = train_epochs(run, state, "pretraining", run.settings.n_pre, optimizer, told)
    weights = copied(run.model.state_dict())
    return replace(
        state, stage="pretrained", weights=weights, origin=weights if rewinds else state.origin
    )


def _iterate(run: Run, state: State, folder: Folder | None, told: Told) -> State:
    """Collect, rank, prune and rewind, once."""
    iteration = state.iteration + 1
    with ExitStack() as stack:
        store = (
            Path(stack.enter_context(tempfile.TemporaryDirectory())) / TRAJECTORY
            if folder is None
            else folder.path / TRAJECTORY
        )
        state = train_on(run, replace(state, iteration=iteration), told)
        state, collected = collect_steps(run, state, store, told)
        state, began = replace(state, stage="pruned"), time.perf_counter()
        origin = state.origin or copied(run.model.state_dict())
        light = replace(state, weights={}, origin={}, log=(), seconds=())
        data = run.processes.share(lambda: state_bytes(_choose(run, light, origin, collected)))
        chosen = state_of(data, "the masks")
        state = replace(state, masks=chosen.masks, layers=chosen.layers)
    weights = mask_weights(origin, run.plan.training_masks(state.masks))
    run.model.load_state_dict(weights)
    state = replace(state, weights=copied(weights))
    row = log_row(run, state, "pruned", 0, Performance(), judged=True)
    return state.with_row(row, time.perf_counter() - began)


def _choose(run: Run, state: State, origin: Tensors, collected: Collected) -> State:
    """Rank and prune, in the process that has the sums."""
    assert run.criterion is not None
    evidence = evidence_of(
        run.model,
        run.task,
        origin,
        run.plan.parameter_masks(state.masks),
        collected,
        seed=derived_seed(run.seed, "iteration", state.iteration),
        share="output" if run.plan.structured else None,
    )
    allocation = _allocated(run, run.criterion.scores(evidence), state)
    rows = layer_rows(allocation, state.iteration)
    return replace(state, masks=allocation.masks, layers=(*state.layers, *rows))


def _allocated(run: Run, scores: dict[str, Any], state: State) -> Allocation:
    settings = run.settings
    ordered = {name: scores[name] for name in state.masks.kept if name in scores}
    held: dict[str, Any] = {"minimum": settings.minimum, "within": state.masks}
    if run.targets is None:
        return allocate(ordered, threshold=0.0, **held)
    target = run.targets[state.iteration - 1]
    if isinstance(target, Mapping):
        return allocate(ordered, counts=target, **held)
    return allocate(ordered, sparsity=target, scope=settings.scope, **held)


def _posttrain(run: Run, state: State, told: Told) -> State:
    """Train on, as far as the next checkpoint or the end."""
    settings = run.settings
    optimizer = new_optimizer(run)
    if state.optimizer:
        optimizer.load_state_dict(dict(state.optimizer))
    with keep_pruned(run.model, optimizer, run.plan.training_masks(state.masks)):
        for _ in range(settings.checkpoint_every):
            if _is_over(run, state):
                break
            state = _posttrain_epoch(run, state, optimizer)
            told("posttraining")
    weights = copied(run.model.state_dict())
    if _is_over(run, state):
        return _finished(run, replace(state, weights=weights))
    moments = optimizer.state_dict()
    return replace(state, stage="posttraining", weights=weights, optimizer=moments)


def _posttrain_epoch(run: Run, state: State, optimizer: torch.optim.Optimizer) -> State:
    began, epoch = time.perf_counter(), state.epoch + 1
    train = trained_epoch(run, optimizer, "posttraining", 0, epoch)
    found, test = judged_on(run, "validation"), judged_on(run, "test")
    stopping = state.stopping.after(epoch, train, found, run.settings.tolerance)
    is_best = stopping.best_epoch == epoch or not found.examples
    state = replace(
        state,
        epoch=epoch,
        stopping=stopping,
        best=copied(run.model.state_dict()) if is_best else state.best,
    )
    row = row_names(run, state, "posttraining", epoch) | measured(train, found, test)
    return state.with_row(row, time.perf_counter() - began)


def _is_over(run: Run, state: State) -> bool:
    settings = run.settings
    return state.epoch >= settings.n_post or state.stopping.idle >= settings.patience


def _finished(run: Run, state: State) -> State:
    """Close the log with the row of the best epoch."""
    began, best = time.perf_counter(), state.best
    if best:
        epochs = [row for row in state.log if row["stage"] == "posttraining"]
        row = dict(epochs[state.stopping.best_epoch - 1])
    else:
        best = state.weights
        row = log_row(run, state, "final", 0, judged_on(run, "train"), judged=True)
    if not all(torch.isfinite(best[name]).all() for name, _ in run.model.named_parameters()):
        raise DataError(
            f"training diverged: the weights of post-training epoch {row['epoch']} are not "
            "finite; lower the learning rate"
        )
    row |= {"stage": "final"}
    state = replace(state, stage="posttrained", best=best, optimizer={})
    return state.with_row(row, time.perf_counter() - began)
