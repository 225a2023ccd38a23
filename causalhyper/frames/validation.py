"""Validation of a runs frame: every problem at once, or a clean copy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from numbers import Real

import pandas as pd

from causalhyper.errors import ConfigurationError, DataError, Problem
from causalhyper.frames.columns import KNOWN, Column, Kind
from causalhyper.frames.foreign import as_pandas
from causalhyper.frames.label_checks import check_identifiers, check_labels, check_presence
from causalhyper.frames.measurement_checks import (
    check_finite,
    check_logarithm,
    check_range,
    check_variation,
)
from causalhyper.frames.measurements import Measurement, Show, read_measurement, show_value
from causalhyper.frames.repeats import describe_repeats
from causalhyper.frames.role import Role
from causalhyper.frames.roles import Roles


def validate_runs(
    frame: pd.DataFrame,
    *,
    roles: Roles,
    treatment: str,
    outcome: str,
    cluster: Sequence[str] = (),
    context: Sequence[str] = (),
    outcome_range: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Check a runs frame and return a clean copy of it.

    Parameters
    ----------
    frame : pandas.DataFrame, shape (runs, columns)
        Or a frame of another library with a method ``to_pandas``, such as polars; any index.
        One row a run, with a column ``run_id``. It is not changed.
    roles : Roles
        Which column plays which node.
    treatment, outcome : str
        Two different nodes with a role.
    cluster, context : sequence of str
        Columns that label what is resampled together, and what an effect is conditioned on.
    outcome_range : (float, float), optional
        Ends of the outcome's range in the column's own unit, in place of the known one.

    Returns
    -------
    pandas.DataFrame
        All rows and columns, index from 0; the columns with a role are float64 in their own
        unit (`Role.apply` transforms them), all others are as they were.

    Raises
    ------
    ConfigurationError
        If the call is wrong: treatment or outcome without a role, names in a bare text.
    DataError
        If the frame is wrong; its `problems` are all that were found, in the order frame,
        missing columns, ``run_id``, roles, cluster, context.

    Warns
    -----
    UserWarning
        If rows are copies of others under new names, which would count as independent runs.

    Examples
    --------
    >>> frame = pd.DataFrame({"run_id": ["a", "b"], "batch_size": [16, 32], "acc": [0.9, 0.8]})
    >>> roles = Roles.parse(["B=log2(batch_size)", "G=acc"])
    >>> clean = validate_runs(frame, roles=roles, treatment="B", outcome="G")
    >>> clean["batch_size"].tolist()
    [16.0, 32.0]
    """
    frame = as_pandas(frame)
    _check_call(frame, roles, treatment, outcome, outcome_range)
    labels = _labels(cluster, "cluster")
    labels |= {
        name: use for name, use in _labels(context, "context").items() if name not in labels
    }
    problems = check_presence(frame, ("run_id", *roles.columns, *labels))
    present = _single_columns(frame)
    show = _shower(frame, present)
    if "run_id" in present:
        problems += check_identifiers(frame["run_id"])
    end = roles[outcome].column
    measured = {
        c: read_measurement(frame[c], show, choice=c != end) for c in roles.columns if c in present
    }
    for role in roles.values():
        if role.column in measured:
            limits = outcome_range if role.node == outcome else None
            problems += _role_problems(role, measured[role.column], limits, show)
        if role.node == treatment and role.column in measured:
            problems += check_variation(role.column, measured[role.column].values, show)
    for name, use in labels.items():
        if name in present:
            problems += check_labels(frame[name], use)
    _raise_if_any(problems)
    clean = frame.reset_index(drop=True)
    clean = clean.assign(**{name: found.values for name, found in measured.items()})
    if caution := describe_repeats(clean, roles[treatment].column, roles.columns):
        warnings.warn(caution, UserWarning, stacklevel=2)
    return clean


def _check_call(
    frame: pd.DataFrame,
    roles: Roles,
    treatment: str,
    outcome: str,
    outcome_range: tuple[float, float] | None,
) -> None:
    """Refuse a call that no data could satisfy."""
    if not isinstance(frame, pd.DataFrame):
        raise ConfigurationError(f"expected a pandas DataFrame; got {type(frame).__name__}")
    if frame.columns.nlevels > 1:
        raise ConfigurationError("the frame has columns of several levels: flatten them first")
    if not isinstance(roles, Roles):
        raise ConfigurationError(f"expected Roles; got {roles!r}: use Roles.parse")
    _ = roles[treatment], roles[outcome]
    if treatment == outcome:
        raise ConfigurationError(f"treatment and outcome are both {treatment!r}: name two nodes")
    if outcome_range is not None and not _is_range(outcome_range):
        raise ConfigurationError(
            f"the outcome's range is {outcome_range!r}; expected (low, high) with low below high, "
            "such as (0, 1)"
        )


def _is_range(given: object) -> bool:
    """Whether two numbers are given, the lower first."""
    ends = tuple(given) if isinstance(given, Iterable) else ()
    return len(ends) == 2 and all(isinstance(x, Real) for x in ends) and bool(ends[0] < ends[1])


def _labels(names: Sequence[str], use: str) -> dict[str, str]:
    """Map each column to its use; a bare text is refused, as its letters would be taken."""
    if isinstance(names, str):
        raise ConfigurationError(f"expected {use} as a list of columns; got the text {names!r}")
    if not isinstance(names, Iterable) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(
            f"expected {use} as a list of columns, such as ['seed']; got {names!r}"
        )
    return dict.fromkeys(names, use)


def _single_columns(frame: pd.DataFrame) -> set[str]:
    """Return the columns that occur once: only they can be checked further."""
    names = list(frame.columns)
    return {name for name in names if isinstance(name, str) and names.count(name) == 1}


def _shower(frame: pd.DataFrame, present: set[str]) -> Show:
    """Return the function that shows a value in a message, with the run it comes from."""

    def show(row: int, value: object) -> str:
        if "run_id" not in present:
            return show_value(value)
        return f"{show_value(value)} (run {show_value(frame['run_id'].iloc[row])})"

    return show


def _role_problems(
    role: Role,
    measured: Measurement,
    limits: tuple[float, float] | None,
    show: Show,
) -> list[Problem]:
    """Check the column of one role."""
    if measured.problem is not None:
        return [measured.problem]
    values = measured.values
    column = KNOWN.get(role.column)
    source = ""
    if limits is not None:
        kind: Kind = "count" if column is not None and column.kind == "count" else "number"
        column = Column(role.column, kind, float(limits[0]), float(limits[1]), "", "outcome")
        source = ", the outcome's range"
    if column is None:
        column = Column(role.column, "number", -math.inf, math.inf, "", "")
    problems = check_finite(role.column, values, show)
    problems += check_range(column, values, show, source=source)
    return problems + check_logarithm(role, values, show)


def _raise_if_any(problems: list[Problem]) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise DataError(f"the runs frame has {count}", problems)
