"""Causal pruning of a network: algorithm 1, for any criterion."""

from __future__ import annotations

from pathlib import Path

import torch

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion
from collectors.pruning.bars import epoch_bar
from collectors.pruning.folders import Folder
from collectors.pruning.pruned import Pruned
from collectors.pruning.requests import Sparsity
from collectors.pruning.results import read_pruned, write_pruned
from collectors.pruning.runs import Run, make_run
from collectors.pruning.seeding import random_state_kept
from collectors.pruning.settings import PruningSettings
from collectors.pruning.stages import first_state, next_state
from collectors.pruning.states import State, state_of
from collectors.pruning.tasks import PruningTask


def prune(
    task: PruningTask,
    *,
    criterion: str | Criterion = "causal",
    sparsity: Sparsity,
    seed: int,
    settings: PruningSettings | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    run_id: str | None = None,
    pretrained: State | None = None,
    quiet: bool = False,
) -> Pruned:
    """Train a network, prune it in several iterations, and train what is left.

    Parameters
    ----------
    task : PruningTask
        The network, its data and its loss.
    criterion : str or Criterion
        What ranks the parameters: a name of `causalhyper.granger.criteria`, or one of your own;
        "dense" prunes nothing, and goes from pre-training to post-training.
    sparsity : float, sequence of float or of mappings, or None
        Share pruned in the end, to which the schedule of the settings leads; the share pruned
        after each iteration; how many are kept of each layer after each, such as
        `Pruned.layer_counts` of another criterion, whose layers it is to be compared within; or
        None, which prunes what has the score 0, as the paper does.
    seed : int
        From 0. Of initial weights, order of the minibatches, dropout and the criterion's draws:
        the same for all criteria until they prune.
    settings : PruningSettings, optional
        Lengths of the stages and rules; the paper's unless given.
    out : str or Path, optional
        Folder for a checkpoint after every stage, and for the result.
    resume : bool
        Go on with what the folder holds, from its last checkpoint; a finished one is read. The
        task and the settings must be the same, as far as that is known without iterating the data.
    run_id : str, optional
        Name of the run in the frames.
    pretrained : State, optional
        From `pretrain`, with the same task, settings and seed: is not trained again.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    Pruned
        The network with the weights of the best epoch, masks and log.

    Raises
    ------
    ConfigurationError
        If the call cannot end well, or the folder holds something else; before training, where
        that can be known.
    DataError
        If training diverges while its steps are recorded, or a checkpoint is damaged.

    Notes
    -----
    Source: Shah et al., "A Granger-causal perspective on gradient descent with application to
    pruning", algorithm 1. Deviations that are defaults here: the sparsity is asked for, and the
    optimiser's state begins anew after each rewinding. Test data choose nothing.

    Every epoch has its own seed, and random state of torch, numpy and Python is put back in the
    end. A process that is killed resumes to the same bytes, on the same machine with the same
    number of threads and deterministic kernels; durations alone differ.

    Examples
    --------
    >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    >>> y = (x[:, 0] > 0).long()
    >>> task = PruningTask(lambda: torch.nn.Linear(4, 2), train=(x, y), validation=(x, y))
    >>> short = PruningSettings(n_pre=2, n_iter=2, n_prune=2, n_post=3)
    >>> pruned = prune(
    ...     task, criterion="magnitude", sparsity=0.5, seed=1, settings=short, quiet=True
    ... )
    >>> pruned.sparsity, pruned.masks.layer_counts()
    (0.5, {'weight': 4})
    """
    settings = settings or PruningSettings()
    with random_state_kept((task.train, task.validation, task.test), devices_of(task)):
        run = make_run(task, criterion, sparsity, seed, settings, run_id)
        folder, finished = _opened(run, out, resume=resume)
        try:
            if finished:
                return read_pruned(Path(finished), task)
            state = _start(run, folder, pretrained)
            with epoch_bar(
                run.epochs, run.epochs_done(state), quiet=quiet or not run.first
            ) as told:
                while state.stage != "posttrained":
                    state = next_state(run, state, folder, told)
            result = run.result(state)
            run.processes.share(lambda: _written(folder, result))
            return result
        except BaseException:
            if folder is not None:
                folder.abandon()
            raise
        finally:
            if folder is not None:
                folder.close()


def pretrain(
    task: PruningTask,
    *,
    seed: int,
    settings: PruningSettings | None = None,
    quiet: bool = False,
) -> State:
    """Train a network before it is pruned, once for several criteria.

    Parameters
    ----------
    task : PruningTask
        The network, its data and its loss.
    seed : int
        From 0.
    settings : PruningSettings, optional
        Their `n_pre`, `learning_rate`, `rewind`, `structured` and `keep_zeros` matter.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    State
        For ``prune(..., pretrained=)``.

    Examples
    --------
    >>> x, y = torch.ones(8, 4), torch.zeros(8).long()
    >>> task = PruningTask(lambda: torch.nn.Linear(4, 2), train=(x, y))
    >>> pretrain(task, seed=1, settings=PruningSettings(n_pre=1), quiet=True).stage
    'pretrained'
    """
    settings = settings or PruningSettings()
    with random_state_kept((task.train, task.validation, task.test), devices_of(task)):
        run = make_run(task, "dense", 0.0, seed, settings, None)
        with epoch_bar(settings.n_pre, 0, quiet=quiet or not run.first) as told:
            return next_state(run, first_state(run), None, told)


def _opened(run: Run, out: str | Path | None, *, resume: bool) -> tuple[Folder | None, str]:
    """Open the folder in the process that writes; its name too, where the result is there."""
    if out is None:
        if resume:
            raise ConfigurationError("resume=True goes on in a folder: give it (out=)")
        return None, ""
    opened = []

    def begin() -> bytes:
        folder = Folder(Path(out))
        try:
            folder.begin(run.describe(), resume=resume)
        except BaseException:
            folder.close()
            raise
        opened.append(folder)
        return str(folder.path).encode() if folder.finished else b""

    finished = run.processes.share(begin).decode()
    return (opened[0] if opened else None), finished


def _written(folder: Folder | None, result: Pruned) -> bytes:
    if folder is not None:
        write_pruned(folder.path, result)
        folder.end()
    return b""


def _start(run: Run, folder: Folder | None, pretrained: State | None) -> State:
    """Return the last checkpoint, in every process; else the beginning."""
    data = run.processes.share(lambda: b"" if folder is None else folder.read())
    if data:
        return state_of(data, "the checkpoint")
    if pretrained is None:
        return first_state(run)
    if pretrained.stage != "pretrained" or pretrained.key != run.key:
        raise ConfigurationError(
            "pretrained must be what pretrain() returned for the same task, seed and settings; "
            f"got a state after stage {pretrained.stage!r} of another: train it anew"
        )
    return pretrained


def devices_of(task: PruningTask) -> list[int]:
    """Return the CUDA devices whose random state is kept.

    Parameters
    ----------
    task : PruningTask
        What is pruned.

    Returns
    -------
    list of int
        All that there are; none without CUDA.
    """
    return list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
