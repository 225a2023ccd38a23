"""Many prunings of one task: every criterion at every sparsity, with seeds in pairs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.frames import write_atomic
from causalhyper.granger.criteria import Criterion
from causalhyper.parallel import Engine
from collectors.pruning.folders import RESULT, check_same
from collectors.pruning.procedure import devices_of, pretrain, prune
from collectors.pruning.requests import DENSE, checked_seed, checked_share, chosen_criterion
from collectors.pruning.results import read_log
from collectors.pruning.runs import make_run
from collectors.pruning.seeding import random_state_kept
from collectors.pruning.settings import PruningSettings
from collectors.pruning.states import State, state_bytes, state_of
from collectors.pruning.tasks import PruningTask
from collectors.sweeps.running import sweep


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One pruning among many.

    Attributes
    ----------
    run_id, method : str
        Its name, and its criterion's.
    seed : int
        From 0.
    target : float or None
        Sparsity asked for; None leaves it to the criterion.
    """

    run_id: str
    method: str
    seed: int
    target: float | None


@dataclass(frozen=True, slots=True, eq=False)
class PrunedRuns:
    """Prunes one planned run after another, each in its folder.

    Attributes
    ----------
    task : PruningTask
        The network, its data and its loss.
    criteria : mapping of str to str or Criterion
        By method.
    settings : PruningSettings
        Of all runs.
    out : Path
        Folder of the folders.
    """

    task: PruningTask
    criteria: Mapping[str, str | Criterion]
    settings: PruningSettings
    out: Path

    def __call__(self, run: PlannedRun) -> dict[str, object]:
        """Return the run's row: the network as it is in the end."""
        found = prune(
            self.task,
            criterion=self.criteria[run.method],
            sparsity=run.target,
            seed=run.seed,
            settings=self.settings,
            out=self.out / run.run_id,
            resume=True,
            run_id=run.run_id,
            pretrained=self._pretrained(run.seed),
            quiet=True,
        )
        row = found.to_frame().drop(columns="seconds").iloc[0].to_dict()
        plain = {str(k): v.item() if hasattr(v, "item") else v for k, v in row.items()}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}

    def check(self, run: PlannedRun) -> None:
        """Refuse a finished run of another task or of other settings."""
        folder = self.out / run.run_id
        if (folder / RESULT).exists():
            own = self.task, self.criteria[run.method], run.target, run.seed, self.settings
            check_same(folder, make_run(*own, run.run_id).describe())

    def _pretrained(self, seed: int) -> State:
        """Read the network of a seed before pruning, or train it."""
        file = self.out / f"pretrained-seed{seed}.safetensors"
        if not file.exists():
            state = pretrain(self.task, seed=seed, settings=self.settings, quiet=True)
            write_atomic(file, state_bytes(state))
        return state_of(file.read_bytes(), str(file))


def prune_many(
    task: PruningTask,
    *,
    criteria: Sequence[str | Criterion],
    seeds: Sequence[int],
    sparsities: Sequence[float | None],
    out: str | Path,
    settings: PruningSettings | None = None,
    workers: int | None = None,
    engine: Engine | None = None,
    quiet: bool = False,
) -> pd.DataFrame:
    """Prune a task by every criterion, at every sparsity, from every seed.

    Pre-training of a seed is done once and shared by all its runs, so that methods differ, within
    a seed, by what they prune alone. A call that is stopped goes on where it was.

    Parameters
    ----------
    task : PruningTask
        The network, its data and its loss; picklable where there are several workers.
    criteria : sequence of str or Criterion
        With different names; "dense" is trained once a seed.
    seeds : sequence of int
        From 0.
    sparsities : sequence of float or None
        Shares pruned in the end; None leaves it to the criterion.
    out : str or Path
        Folder of the runs' folders, of the shared networks, and of ``runs.parquet``, a row a run.
    settings : PruningSettings, optional
        Of all runs; the paper's unless given.
    workers : int, optional
        Runs at once, see `collectors.sweeps.sweep`.
    engine : {"processes", "loky", "joblib", "dask", "ray"}, optional
        See `collectors.sweeps.sweep`.
    quiet : bool
        Show no progress bar.

    Returns
    -------
    pandas.DataFrame
        The logs of all runs, one after another; the rows of stage "final" are the outcomes.

    Raises
    ------
    ConfigurationError
        If a criterion, seed or sparsity is none, two criteria share a name, something is empty,
        or the folder holds other runs: of another network, data, loss, optimiser or settings, as
        far as that is known without iterating the data.
    RunFailedError
        If a run fails.

    Examples
    --------
    >>> import tempfile
    >>> import torch
    >>> x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    >>> y = (x[:, 0] > 0).long()
    >>> task = PruningTask(lambda: torch.nn.Linear(4, 2), train=(x, y), test=(x, y))
    >>> short = PruningSettings(n_pre=1, n_iter=1, n_prune=1, n_post=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = prune_many(
    ...         task, criteria=["magnitude", "random"], seeds=[0, 1], sparsities=[0.5],
    ...         out=folder, settings=short, quiet=True,
    ...     )
    >>> log[log["stage"] == "final"]["run_id"].tolist()
    ['magnitude-0.5-seed0', 'magnitude-0.5-seed1', 'random-0.5-seed0', 'random-0.5-seed1']
    """
    listed = {"criteria": criteria, "seeds": seeds, "sparsities": sparsities}
    for name, given in listed.items():
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise ConfigurationError(f"{name} must be a list; got {given!r}: write [{given!r}]")
    seeds = [checked_seed(seed) for seed in seeds]
    sparsities = [None if each is None else checked_share(each) for each in sparsities]
    for each in criteria:
        chosen_criterion(each)
    named = {each if isinstance(each, str) else each.name: each for each in criteria}
    if len(named) < len(criteria) or not named or not seeds or not sparsities:
        raise ConfigurationError(
            "give criteria with different names, seeds and sparsities, one each at least; got "
            f"{len(criteria)} criteria with {len(named)} names, {len(seeds)} seeds and "
            f"{len(sparsities)} sparsities"
        )
    out = Path(out)
    runs = _planned(list(named), seeds, sparsities)
    work = PrunedRuns(task, named, settings or PruningSettings(), out)
    with random_state_kept((task.train, task.validation, task.test), devices_of(task)):
        for run in runs:
            work.check(run)
    sweep(runs, work, out / "runs.parquet", workers=workers, engine=engine, quiet=quiet)
    return pd.concat([read_log(out / run.run_id) for run in runs], ignore_index=True)


def _planned(
    methods: Sequence[str], seeds: Sequence[int], sparsities: Sequence[float | None]
) -> list[PlannedRun]:
    """List the runs, seeds innermost: workers then begin with different ones."""
    runs = []
    for method in methods:
        levels = [0.0] if method == DENSE else sparsities
        for level in levels:
            shown = "auto" if level is None else level
            runs += [PlannedRun(f"{method}-{shown}-seed{s}", method, s, level) for s in seeds]
    return runs
