"""Epochs of any stage, with their rows of the log."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn

from causalhyper.errors import ConfigurationError, DataError
from collectors.pruning.bars import Told
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance, evaluate, train_epoch
from collectors.pruning.runs import Run
from collectors.pruning.states import State
from collectors.pruning.watching import Watch


def train_epochs(
    run: Run,
    state: State,
    stage: str,
    count: int,
    optimizer: torch.optim.Optimizer,
    told: Told,
    watch: Watch | None = None,
) -> State:
    """Train epochs, with a row each; the last one is judged on the other data.

    Parameters
    ----------
    run : Run
        The pruning.
    state : State
        To whose log the rows are added.
    stage : str
        Its name in the log.
    count : int
        Epochs; with none, the network as it is has a row.
    optimizer : Optimizer
        What trains.
    told : callable
        Hears of every epoch.
    watch : Watch, optional
        Sees every step.

    Returns
    -------
    State

    Raises
    ------
    DataError
        If the loss is NaN after an epoch, or not finite in the end.
    """
    if not count:
        row = log_row(run, state, stage, 0, Performance(), judged=True)
        return state.with_row(row, 0.0)
    for epoch in range(1, count + 1):
        began = time.perf_counter()
        train = trained_epoch(run, optimizer, stage, state.iteration, epoch, watch)
        row = log_row(run, state, stage, epoch, train, judged=epoch == count)
        state = state.with_row(row, time.perf_counter() - began)
        told(stage)
        if math.isnan(train.loss) or (epoch == count and math.isinf(train.loss)):
            raise DataError(
                f"training diverged: the loss of {stage} epoch {epoch} is {train.loss}; lower the "
                "learning rate, or look for values in the training data that are not finite"
            )
    _refuse_nan(row, stage)
    return state


def _refuse_nan(row: dict[str, Any], stage: str) -> None:
    """Refuse data on which a network that trained well has no loss."""
    for name in ("validation", "test"):
        if row[f"{name}_examples"] and math.isnan(row[f"{name}_loss"]):
            raise DataError(
                f"the {name} loss after {stage} is NaN, and the training loss is not: look for "
                f"values in the {name} data that are not finite"
            )


def trained_epoch(
    run: Run,
    optimizer: torch.optim.Optimizer,
    stage: str,
    iteration: int,
    epoch: int,
    watch: Watch | None = None,
) -> Performance:
    """Train one epoch with its own random numbers.

    Parameters
    ----------
    run : Run
        The pruning.
    optimizer : Optimizer
        What trains.
    stage : str
        Its name.
    iteration, epoch : int
        Their numbers.
    watch : Watch, optional
        Sees every step.

    Returns
    -------
    Performance
        Of the minibatches before their steps.

    Raises
    ------
    ConfigurationError
        If the training data are empty.
    """
    run.seed_epoch(stage, iteration, epoch, run.task.train)
    if watch is not None:
        watch.begin(epoch)
    train = train_epoch(run.wrapped, optimizer, run.task, run.processes, watch)
    if not train.examples:
        raise ConfigurationError(
            "the training data hold no example: give one batch at least (drop_last=True of a "
            "DataLoader leaves out a last one that is not full)"
        )
    run.processes.level(run.model)
    return train


def log_row(
    run: Run, state: State, stage: str, epoch: int, train: Performance, *, judged: bool
) -> dict[str, Any]:
    """Return a row of the log.

    Parameters
    ----------
    run : Run
        The pruning.
    state : State
        Its iteration and masks.
    stage : str
        Name of the stage.
    epoch : int
        Number of the epoch.
    train : Performance
        On the training data.
    judged : bool
        Whether the network is evaluated on the other data.

    Returns
    -------
    dict
    """
    names = ("validation", "test")
    found = (judged_on(run, name) if judged else Performance() for name in names)
    return row_names(run, state, stage, epoch) | measured(train, *found)


def judged_on(run: Run, name: str) -> Performance:
    """Evaluate on one of the task's data sets, in an order that no earlier pass changes.

    Parameters
    ----------
    run : Run
        The pruning.
    name : str
        Train, validation or test.

    Returns
    -------
    Performance
    """
    data = getattr(run.task, name)
    run.seed_epoch("evaluation", 0, 0, data)
    return evaluate(run.model, run.task, data, run.processes)


def row_names(run: Run, state: State, stage: str, epoch: int) -> dict[str, Any]:
    """Return the columns of a row that say what it is of.

    Parameters
    ----------
    run : Run
        The pruning.
    state : State
        Its iteration and masks.
    stage : str
        Name of the stage.
    epoch : int
        Number of the epoch.

    Returns
    -------
    dict
    """
    sparsity = run.plan.parameter_masks(state.masks).sparsity
    return {"iteration": state.iteration, "stage": stage, "epoch": epoch, "sparsity": sparsity}


def new_optimizer(run: Run) -> torch.optim.Optimizer:
    """Return the optimiser of pre- and post-training, without a past.

    Parameters
    ----------
    run : Run
        The pruning.

    Returns
    -------
    Optimizer

    Raises
    ------
    ConfigurationError
        If the task's function makes none.
    """
    trained = trained_parameters(run.model)
    if run.task.optimizer is not None:
        made = run.task.optimizer(trained)
        if not isinstance(made, torch.optim.Optimizer):
            raise ConfigurationError(
                f"the function that makes the optimizer returned {type(made).__name__}; expected "
                "one of torch.optim"
            )
        return made
    return torch.optim.Adam(trained, lr=run.settings.learning_rate)


def trained_parameters(model: nn.Module) -> list[nn.Parameter]:
    """List the parameters that train.

    Parameters
    ----------
    model : Module
        The network.

    Returns
    -------
    list of Parameter
    """
    return [p for p in model.parameters() if p.requires_grad]
