"""Runs and histories of any source to validated frames with known names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError, DataError, Problem
from causalhyper.frames.columns import KNOWN, Column
from causalhyper.frames.label_checks import check_identifiers, check_presence
from causalhyper.frames.logged.history import History
from causalhyper.frames.logged.logged import Logged, LoggedRun
from causalhyper.frames.logged.naming import MEASURES, PARAMETERS, STEPS, recognise
from causalhyper.frames.logged.values import make_column
from causalhyper.frames.measurements import read_measurement, show_value
from causalhyper.frames.step_columns import STEP_COLUMNS
from causalhyper.frames.steps import validate_steps

_ORIGINS = ("facts", "parameters", "tags", "metrics")
_PREFIX = {"parameters": "parameter", "tags": "tag", "metrics": "metric"}


@dataclass(frozen=True, slots=True)
class Content:
    """What a source holds, before names are settled.

    Parameters
    ----------
    kind, source : str
        See `Logged`.
    runs : sequence of LoggedRun
        In the order of the runs frame.
    history : History or None
        None where the source keeps none.
    notes : tuple of str
        See `Logged`; one that begins with "no NAME:" is of use only where there is no such column.
    mixed : bool
        Whether last metrics stand among the parameters, not told apart.
    """

    kind: str
    source: str
    runs: Sequence[LoggedRun]
    history: History | None = None
    notes: tuple[str, ...] = ()
    mixed: bool = False


def assemble(
    content: Content,
    *,
    columns: Mapping[str, str] | None = None,
    step_columns: Mapping[str, str] | None = None,
) -> Logged:
    """Make the frames of a source.

    Parameters
    ----------
    content : Content
        Runs and histories.
    columns, step_columns : mapping of str, optional
        From names in the log to columns of the runs and steps frame; they go before what is
        recognised by itself.

    Returns
    -------
    Logged
        Frames with unique columns and runs.

    Raises
    ------
    ConfigurationError
        If a name that is to be renamed is not there, or two columns would have one name.
    DataError
        If there are no runs, or two have the same name.

    Examples
    --------
    >>> run = LoggedRun("a", parameters={"lr": "0.1"}, metrics={"acc": 0.9})
    >>> content = Content("mlflow", "MLflow", [run])
    >>> assemble(content, columns={"acc": "test_accuracy"}).runs.to_dict("records")
    [{'run_id': 'a', 'learning_rate': 0.1, 'test_accuracy': 0.9}]
    """
    if not content.runs:
        raise DataError(f"{content.source} holds no runs; check the path, or what was selected")
    runs, origins = _run_columns(content)
    wanted = _check_renaming(columns or {}, runs, content.source, "columns")
    found = _recognise_runs(runs, origins, wanted, content.mixed)
    runs = _rename(runs, found | wanted, "columns")
    steps, notes = _step_columns(content)
    step_wanted = _check_renaming(step_columns or {}, steps, content.source, "step_columns")
    step_found = _recognise_steps(steps, step_wanted)
    steps = _valid_steps(_rename(steps, step_found | step_wanted, "step_columns"), content.source)
    problems = check_presence(runs, ["run_id"]) + check_identifiers(runs["run_id"])
    if problems:
        raise DataError(f"{content.source} cannot be read as a runs frame", problems)
    return Logged(
        content.kind,
        content.source,
        runs,
        _ordered(steps),
        found | wanted,
        step_found | step_wanted,
        (*_still_true(content.notes, runs), *notes),
    )


def _still_true(notes: Sequence[str], runs: pd.DataFrame) -> list[str]:
    """Leave out notes on a lack of columns that have come by renaming."""
    return [note for note in notes if not any(note.startswith(f"no {c}:") for c in runs)]


def _run_columns(content: Content) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the runs frame with the log's own names, and where each column comes from."""
    table: dict[str, pd.Series] = {}
    origins: dict[str, str] = {}
    ids = [run.run_id for run in content.runs]
    for origin in _ORIGINS:
        cells = [getattr(run, origin) for run in content.runs]
        for name in dict.fromkeys(name for cell in cells for name in cell):
            column = _free_name(name, origin, origins)
            table[column] = make_column([cell.get(name) for cell in cells])
            origins[column] = origin
    if content.history is not None:
        broken = content.history.broken()
        table[_free_name("nonfinite", "metrics", origins)] = pd.Series(
            [broken.get(i, 0) for i in ids], dtype="int64"
        )
    table = {name: _as_labels(name, column) for name, column in table.items()}
    return pd.DataFrame({"run_id": pd.Series(ids, dtype=object)} | table), origins


def _free_name(name: str, origin: str, taken: Mapping[str, str]) -> str:
    """Return a column's name: the log's own, or one that says where it comes from.

    The last value of a metric is never read as a parameter, such as a decayed learning rate as
    the peak.
    """
    clash = name in taken or name == "run_id" or (origin == "metrics" and name in PARAMETERS)
    return f"{_PREFIX.get(origin, origin)}.{name}" if clash else name


def _as_labels(name: str, column: pd.Series) -> pd.Series:
    """Keep known labels as text, so that a data set named 10 stays a name."""
    known = KNOWN.get(name)
    if known is None or known.is_measured or column.dtype == object:
        return column
    return pd.Series([None if pd.isna(v) else show_value(v) for v in column], dtype=object)


def _recognise_runs(
    runs: pd.DataFrame, origins: Mapping[str, str], wanted: Mapping[str, str], mixed: bool
) -> dict[str, str]:
    """Find the columns of the runs frame that stand for known ones and hold their values."""
    free = {name: origin for name, origin in origins.items() if name not in wanted}
    taken = {*runs.columns, *wanted.values()}
    found: dict[str, str] = {}
    measures_in = "parameters" if mixed else "metrics"
    for origin, table in (("parameters", PARAMETERS), (measures_in, MEASURES)):
        names = [name for name, other in free.items() if other == origin]
        for name, column in recognise(names, table).items():
            if column not in taken and _fits(runs[name], KNOWN[column]):
                found[name] = column
    return found


def _recognise_steps(steps: pd.DataFrame, wanted: Mapping[str, str]) -> dict[str, str]:
    names = [name for name in steps.columns if name not in ("run_id", "step", *wanted)]
    taken = {*steps.columns, *wanted.values()}
    return {
        name: column
        for name, column in recognise(names, STEPS).items()
        if column not in taken and _fits(steps[name], STEP_COLUMNS[column])
    }


def _fits(values: pd.Series, column: Column) -> bool:
    """Tell whether the finite values lie in the range of a known column."""
    if not column.is_measured:
        return values.dtype == object
    measured = read_measurement(values.dropna(), lambda _, value: str(value))
    if measured.problem is not None or not len(measured.values):
        return False
    finite = measured.values[np.isfinite(measured.values)]
    whole = bool((finite == finite.round()).all())
    return not column.excludes(finite).any() and (column.kind != "count" or whole)


def _check_renaming(
    wanted: Mapping[str, str], frame: pd.DataFrame, source: str, option: str
) -> dict[str, str]:
    """Refuse names that the log does not have."""
    for name in wanted:
        if name not in frame.columns or name == "run_id":
            names = [str(c) for c in frame.columns if c != "run_id"]
            raise ConfigurationError(
                f"{option} renames {name!r}, which {source} does not have; {_hint(name, names)}"
            )
    return dict(wanted)


def _rename(frame: pd.DataFrame, names: Mapping[str, str], option: str) -> pd.DataFrame:
    renamed = frame.rename(columns=names)
    twice = renamed.columns[renamed.columns.duplicated()]
    if len(twice):
        raise ConfigurationError(
            f"{option} would make two columns {twice[0]!r}: rename the other one too"
        )
    return renamed


def _hint(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names) or 'none'}"


def _step_columns(content: Content) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the steps frame with the log's own names, and a note on what it cannot hold."""
    if content.history is None:
        empty = {"run_id": pd.Series(dtype=str), "step": pd.Series(dtype="int64")}
        return pd.DataFrame(empty), ()
    steps = content.history.frame()
    early = steps["step"] < 0
    if not early.any():
        return steps, ()
    rows = "1 row" if early.sum() == 1 else f"{early.sum()} rows"
    note = f"left out of the steps: {rows} with a step below 0"
    return steps[~early].reset_index(drop=True), (note,)


def _valid_steps(steps: pd.DataFrame, source: str) -> pd.DataFrame:
    """Validate a steps frame, run after run and in the order of steps as it is.

    The names of runs are valid by then: numbers in their place are checked in half the time. Only
    where something is wrong are they put back, for the message.
    """
    if steps.empty:
        return steps
    numbered = steps.assign(run_id=pd.factorize(steps["run_id"])[0])
    try:
        return validate_steps(numbered).assign(run_id=steps["run_id"])
    except DataError:
        problems = _step_problems(steps)
    raise DataError(
        f"{source} cannot be read as a steps frame; give a metric that means something else "
        "another name by step_columns",
        problems,
    )


def _step_problems(steps: pd.DataFrame) -> tuple[Problem, ...]:
    try:
        validate_steps(steps)
    except DataError as error:
        return error.problems
    return ()


def _ordered(steps: pd.DataFrame) -> pd.DataFrame:
    """Put the known columns of a steps frame first."""
    first = [name for name in ("run_id", "step", *STEPS) if name in steps.columns]
    return steps[first + [name for name in steps.columns if name not in first]]
