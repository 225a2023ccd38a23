"""Everything that the page says of the logged factorials, from three small frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.benchmarks import BENCHMARKS, HPOBENCH
from case_studies.batch_size.logged_grids.cells import (
    Cells,
    average_cells,
    read_best,
    read_cells,
    tune_everything,
)
from case_studies.batch_size.logged_grids.decisions import average_policies, judge_policies
from case_studies.batch_size.logged_grids.effects import estimate_by_rate, estimate_effects
from case_studies.batch_size.logged_grids.reading import Factorial, read_logged_runs, to_factorial
from case_studies.batch_size.logged_grids.surfaces import (
    departures,
    describe_surfaces,
    list_tuned_rates,
)
from case_studies.batch_size.logged_grids.sweep_study import judge_sweeps, study_sweeps
from case_studies.batch_size.logged_grids.variance import split_variance
from causalhyper.progress import Progress

SHIPPED = Path(__file__).parents[1] / "data"
NOISE = "noise of seeds"


@dataclass(frozen=True, slots=True)
class Frames:
    """What is kept of the factorials.

    Attributes
    ----------
    cells : DataFrame
        Means by benchmark, data set, batch size, learning rate and seed.
    shares : DataFrame
        benchmark, dataset, term (factors joined by " x "; "rest" for what three or more factors
        make together; `NOISE`, which is in all terms but mostly in the rest) and share.
    sweeps : DataFrame
        Answers to sweeps drawn from the factorials.
    best : DataFrame
        Outcomes with everything tuned, by benchmark, data set, batch size and seed.
    """

    cells: pd.DataFrame
    shares: pd.DataFrame
    sweeps: pd.DataFrame
    best: pd.DataFrame

    @property
    def files(self) -> dict[str, pd.DataFrame]:
        """The frames by the names of their files."""
        return {
            "logged_cells.parquet": self.cells,
            "logged_shares.parquet": self.shares,
            "logged_sweeps.parquet": self.sweeps,
            "logged_best.parquet": self.best,
        }


def read_shipped(folder: Path = SHIPPED) -> Frames:
    """Read the frames that the repository ships.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Frames
    """
    names = ("cells", "shares", "sweeps", "best")
    return Frames(*(pd.read_parquet(folder / f"logged_{name}.parquet") for name in names))


def make_frames(folder: str | Path, replicates: int, progress: Progress | None = None) -> Frames:
    """Make the frames anew from the files of the logs.

    Parameters
    ----------
    folder : str or Path
        Holds both files.
    replicates : int
        Sweeps of each kind.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Frames

    Raises
    ------
    ConfigurationError, DataError
        As `read_logged_runs` and `to_factorial` do.
    """
    cells, shares, sweeps, best = [], [], [], []
    for i, benchmark in enumerate(BENCHMARKS.values()):
        factorial = to_factorial(read_logged_runs(folder, benchmark), benchmark)
        cells.append(average_cells(factorial))
        shares.append(share_variance(factorial))
        best.append(tune_everything(factorial))
        sweeps.append(study_sweeps(factorial, replicates, _part(progress, i, len(BENCHMARKS))))
    made = (cells, shares, sweeps, best)
    return Frames(*(pd.concat(parts, ignore_index=True) for parts in made))


def _part(progress: Progress | None, i: int, count: int) -> Progress | None:
    return None if progress is None else lambda share: progress((i + share) / count)


def share_variance(factorial: Factorial) -> pd.DataFrame:
    """Share the variance over all configurations out to main effects and pairs of factors.

    Parameters
    ----------
    factorial : Factorial

    Returns
    -------
    pandas.DataFrame
        As `Frames.shares`.
    """
    rows = []
    seeds = factorial.outcome.shape[-1]
    for name, outcome in zip(factorial.levels["dataset"], factorial.outcome, strict=True):
        means = outcome.mean(axis=-1)
        noise = float(outcome.var(axis=-1, ddof=1).mean()) / seeds
        parts = split_variance(means, factorial.benchmark.factors, 2)
        named = {" x ".join(term) or "rest": value for term, value in parts.items()}
        named[NOISE] = noise
        for term, value in named.items():
            rows.append((factorial.benchmark.name, str(name), term, value / means.var()))
    frame = pd.DataFrame(rows, columns=["benchmark", "dataset", "term", "share"])
    return frame.astype({"share": np.float32})


def answer(frames: Frames) -> dict[str, pd.DataFrame]:
    """Answer every question of the page.

    Parameters
    ----------
    frames : Frames

    Returns
    -------
    dict of str to DataFrame
        effects, rate_effects, surfaces, tuned_rates, departures, policies, average_policies,
        sweeps, shares; each with benchmark as its first column.
    """
    grids = {name: read_cells(frames.cells, b) for name, b in BENCHMARKS.items()}
    asked: Mapping[str, Callable[[Cells], pd.DataFrame]] = {
        "effects": lambda cells: estimate_effects(cells, read_best(frames.best, cells.benchmark)),
        "rate_effects": estimate_by_rate,
        "surfaces": describe_surfaces,
        "tuned_rates": list_tuned_rates,
        "policies": judge_policies,
    }
    found = {
        name: _stack({b: ask(cells) for b, cells in grids.items()}) for name, ask in asked.items()
    }
    # four batch sizes leave nothing over beside a cubic
    found["departures"] = _stack({HPOBENCH.name: departures(grids[HPOBENCH.name])})
    judged = found["policies"].groupby("benchmark", sort=False)
    found["average_policies"] = _stack({str(b): average_policies(part) for b, part in judged})
    answers = frames.sweeps.groupby("benchmark", sort=False)
    found["sweeps"] = _stack(
        {str(b): judge_sweeps(part, true_contrast(grids[str(b)])) for b, part in answers}
    )
    return found | {"shares": frames.shares}


def true_contrast(cells: Cells) -> float:
    """Effect of the smallest sampled batch size against the largest, from the means of cells.

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    float
    """
    smallest, *_, largest = cells.benchmark.sampled
    means = cells.outcome.mean(axis=(0, 2, 3))
    small, large = (means[cells.batch == b].item() for b in (smallest, largest))
    return small - large


def _stack(parts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One frame, the benchmark first."""
    frame = pd.concat(parts, names=["benchmark"]).reset_index(level=0)
    return frame.reset_index(drop=True)
