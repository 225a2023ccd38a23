"""What comes before a ranking: more training where asked for, and steps that are recorded."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import torch

from collectors.pruning.bars import Told
from collectors.pruning.collecting import Collected, Collection
from collectors.pruning.epochs import new_optimizer, train_epochs, trained_parameters
from collectors.pruning.excitation import Excited, excite
from collectors.pruning.masked_training import keep_pruned
from collectors.pruning.runs import Run
from collectors.pruning.seeding import derived_seed
from collectors.pruning.states import State
from collectors.pruning.watching import Watch


def train_on(run: Run, state: State, told: Told) -> State:
    """Train by the task's own optimiser, as far as the settings want that before collecting.

    Parameters
    ----------
    run : Run
        The pruning.
    state : State
        Of this iteration.
    told : callable
        Hears of every epoch.

    Returns
    -------
    State
        With the rows of these epochs.
    """
    if not run.settings.n_more:
        return state
    optimizer = new_optimizer(run)
    with keep_pruned(run.model, optimizer, run.plan.training_masks(state.masks)):
        return train_epochs(run, state, "training", run.settings.n_more, optimizer, told)


def collect_steps(run: Run, state: State, store: Path, told: Told) -> tuple[State, Collected]:
    """Train by plain descent, excited or not, and record what the criterion asks for.

    Parameters
    ----------
    run : Run
        The pruning.
    state : State
        Of this iteration.
    store : Path
        Folder of the trajectory, where one is asked for.
    told : callable
        Hears of every epoch.

    Returns
    -------
    state : State
        With the rows of these epochs.
    collected : Collected
        Nothing without epochs of collecting.
    """
    settings, needs = run.settings, run.needs
    if not settings.n_prune:
        return state, Collected()
    optimizer = torch.optim.SGD(
        trained_parameters(run.model),
        lr=settings.collecting_rate,
        momentum=settings.momentum if needs.momentum else 0.0,
    )
    collection = Collection(needs, list(run.plan.start.kept), store, run.processes)
    with ExitStack() as stack:
        # each hook sees what those before it left: gradients cleared, noticed, excited, recorded
        masks = run.plan.training_masks(state.masks)
        stack.enter_context(keep_pruned(run.model, optimizer, masks))
        seed = derived_seed(run.seed, "fresh minibatches", state.iteration)
        attribution = collection.attribute(run.wrapped, optimizer, run.task, seed, stack)
        if settings.excited:
            stack.enter_context(_excited(run, state, optimizer))
        recorder = collection.record(run.wrapped, optimizer, stack)
        watch = Watch(recorder, attribution)
        epochs = settings.n_prune
        state = train_epochs(run, state, "collecting", epochs, optimizer, told, watch)
    return state, collection.result()


def _excited(run: Run, state: State, optimizer: torch.optim.Optimizer) -> Excited:
    return excite(
        run.model,
        optimizer,
        run.plan.training_masks(state.masks),
        noise=run.settings.excitation_noise,
        spread=run.settings.excitation_spread,
        seed=derived_seed(run.seed, "excitation", state.iteration),
    )
