"""What is asked of the runs of one network and data set: differences, cost, phase shift."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.granger.pruning import (
    PairedDifferences,
    PhaseShift,
    paired_differences,
    phase_shift,
)
from causalhyper.granger.pruning.runs import sparsity_levels
from causalhyper.report.blocks import PageSection, Prose
from causalhyper.report.pruning.differences import differences_section
from causalhyper.report.pruning.transitions import transition_section

DENSE = "dense"
TOLERANCE = 1e-3
"""By how much two shares pruned may differ and still count as equal."""
DRAWN = 6
"""Methods that one picture of curves can tell apart."""


@dataclass(frozen=True, slots=True)
class PruningQuestion:
    """What is asked of every cell.

    Attributes
    ----------
    baseline : str
        The method that the others are compared with.
    outcome : str
        Column.
    test_size : int or None
        Test examples, for the binomial noise of an accuracy.
    floor : float or None
        Accuracy of guessing, where no run reaches it.
    level : float
        Of the intervals.
    """

    baseline: str
    outcome: str
    test_size: int | None
    floor: float | None
    level: float

    def shift(self, runs: pd.DataFrame) -> PhaseShift:
        """Fit the fall of each method's outcome."""
        return phase_shift(
            runs,
            outcome=self.outcome,
            baseline=self.baseline,
            floor=self.floor,
            level=self.level,
        )

    def differences(self, runs: pd.DataFrame, baseline: str) -> PairedDifferences:
        """Compare the methods with a baseline."""
        return paired_differences(
            runs,
            baseline=baseline,
            outcome=self.outcome,
            tolerance=TOLERANCE,
            test_size=self.test_size,
            level=self.level,
        )


@dataclass(frozen=True, slots=True, eq=False)
class PruningCell:
    """Runs that are compared with one another.

    Attributes
    ----------
    name : str
        Such as "LeNet, CIFAR-10"; "" where there is one cell.
    key : str
        The name as part of a file's name or an id.
    runs : DataFrame
    """

    name: str
    key: str
    runs: pd.DataFrame

    def titled(self, words: str) -> str:
        """Words with the cell's name."""
        return f"{words}, {self.name}" if self.name else words


@dataclass(slots=True)
class CellParts:
    """Sections and tables of one cell."""

    sections: list[PageSection] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


def split_cells(runs: pd.DataFrame, by: Sequence[str]) -> Iterator[PruningCell]:
    """Part runs by the values of columns, in the order in which they come.

    Parameters
    ----------
    runs : DataFrame
    by : sequence of str

    Yields
    ------
    PruningCell

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> runs = pd.DataFrame({"dataset": ["Fashion MNIST", "CIFAR-10"], "seed": 0})
    >>> [(cell.name, cell.key) for cell in split_cells(runs, ["dataset"])]
    [('Fashion MNIST', '1-fashion-mnist'), ('CIFAR-10', '2-cifar-10')]
    """
    if missing := [name for name in by if name not in runs.columns]:
        raise DataError(
            f"cells cannot be told apart by {', '.join(missing)}: the runs have the columns "
            f"{', '.join(map(str, runs.columns))}"
        )
    if not by:
        yield PruningCell("", "all", runs)
        return
    for i, (values, own) in enumerate(runs.groupby(list(by), sort=False, dropna=False), start=1):
        name = ", ".join(map(str, values))
        key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
        yield PruningCell(name, f"{i}-{key}".strip("-"), own.reset_index(drop=True))


def cell_parts(cell: PruningCell, asked: PruningQuestion) -> CellParts:
    """Compare the methods of a cell with the baseline and with the dense network; fit the fall.

    Parameters
    ----------
    cell : PruningCell
    asked : PruningQuestion

    Returns
    -------
    CellParts
    """
    found, baseline = CellParts(), asked.baseline
    runs, alone = levels_with(cell.runs, baseline)
    against = [(baseline, runs, f"Against {baseline}", "differences")]
    if baseline != DENSE and ((cell.runs["method"] == DENSE) & (cell.runs["sparsity"] == 0)).any():
        words = "What pruning costs: against the dense network"
        against.append((DENSE, cell.runs, words, "costs"))
    for name, own, words, kind in against:
        compared = asked.differences(own, name)
        prefix = f"{kind}-{cell.key}-"
        section = differences_section(compared, title=cell.titled(words), prefix=prefix)
        if name == baseline and alone:
            section = PageSection(section.title, (*section.blocks, Prose(alone)))
        found.sections.append(section)
        found.tables[f"{kind}-{cell.key}"] = compared.to_frame()
    shift, key = asked.shift(cell.runs), f"transition-{cell.key}"
    drawn, title = _drawn(cell.runs, shift, asked), cell.titled("Phase shift")
    section = transition_section(shift, drawn=drawn, title=title, prefix=f"{key}-")
    found.sections.append(section)
    found.tables |= {key: shift.to_frame(), f"levels-{cell.key}": shift.levels_frame()}
    return found


def levels_with(runs: pd.DataFrame, baseline: str) -> tuple[pd.DataFrame, str]:
    """The runs at sparsities at which the baseline was run, and what that leaves out, in words.

    Parameters
    ----------
    runs : DataFrame
        Columns method, sparsity.
    baseline : str

    Returns
    -------
    runs : DataFrame
    left_out : str
        "" where nothing is.
    """
    if missing := [name for name in ("method", "seed", "sparsity") if name not in runs.columns]:
        raise DataError(
            f"runs of prunings lack the columns {', '.join(missing)}; they have "
            f"{', '.join(map(str, runs.columns))}"
        )
    runs = runs.reset_index(drop=True)
    dense = (runs["method"] == DENSE) & (runs["sparsity"] == 0)
    at = np.zeros(len(runs))
    at[~dense] = sparsity_levels(runs.loc[~dense, "sparsity"].to_numpy(dtype=float), TOLERANCE)
    own = at[(runs["method"] == baseline) & ~dense]
    lone = ~dense & ~np.isin(at, own)
    if not lone.any() or not len(own):
        return runs, ""
    said = "; ".join(
        f"{100 * share:.4g}%: {', '.join(runs.loc[lone & (at == share), 'method'].unique())}"
        for share in np.unique(at[lone])
    )
    return runs[~lone], f"Left out, where {baseline} has no run: {said}."


def _drawn(runs: pd.DataFrame, whole: PhaseShift, asked: PruningQuestion) -> PhaseShift | None:
    """The same fit for the methods that a picture can tell apart: the baseline and the best."""
    if len(whole.fits) <= DRAWN:
        return None
    means = whole.runs.groupby("method")["outcome"].mean().drop(asked.baseline, errors="ignore")
    best = means.sort_values(ascending=False, kind="stable").index[: DRAWN - 1]
    return asked.shift(runs[runs["method"].isin([asked.baseline, *best, DENSE])])
