"""What a run returned, as rows of the runs frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collectors.sweeps.configuration import Configuration
from collectors.sweeps.durability import Run


def split_rows(value: object, count: int, *, together: bool) -> Sequence[object]:
    """Return one value a run.

    Parameters
    ----------
    value : object
        What the user's function returned; None where it failed.
    count : int
        Number of its runs.
    together : bool
        Whether it was called for several: it then returns a sequence of one value a run, in
        their order. A single dict is not repeated: rows of one measurement are no replicates.

    Returns
    -------
    sequence
        Of length `count`; for each run the `ValueError` that says why, where there are none.

    Examples
    --------
    >>> split_rows([{"a": 1}, {"a": 2}], 2, together=True)
    [{'a': 1}, {'a': 2}]
    >>> split_rows({"a": 1}, 2, together=True)[0]
    ValueError('expected a list of 2 dicts, one a configuration and in their order; got a dict')
    """
    if not together:
        return [value] * count
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == count:
        return value
    got = f"a {type(value).__name__}"
    if isinstance(value, Sequence):
        got += f" of {len(value)}"
    fault = ValueError(
        f"expected a list of {count} dicts, one a configuration and in their order; got {got}"
    )
    return [fault] * count


def finished_row(run: Run, values: object) -> dict[str, object]:
    """Return the row of a run, if it bears the run's name and contradicts nothing.

    Parameters
    ----------
    run : Run
        The configuration.
    values : object
        What the user's function returned for it; an error is raised.

    Returns
    -------
    dict
        The columns of a `Configuration`, and the measurements.

    Raises
    ------
    ValueError
        If the values are no mapping, bear another name, differ from the configuration, or are
        not one number or text a column.
    """
    if isinstance(values, ValueError):
        raise values
    if not isinstance(values, Mapping):
        raise ValueError(
            f"expected a dict of measurements a configuration; got {type(values).__name__}"
        )
    columns = run.columns() if isinstance(run, Configuration) else {}
    row = columns | dict(values)
    if row.get("run_id") != run.run_id:
        raise ValueError(
            f"the row has run_id {row.get('run_id')!r}: let the run return the configuration's own"
        )
    if changed := [name for name, value in columns.items() if row[name] != value]:
        raise ValueError(
            f"the row has {changed[0]} {row[changed[0]]!r}, the configuration "
            f"{columns[changed[0]]!r}: measure under a name of its own"
        )
    if nested := [k for k, v in row.items() if isinstance(v, Mapping | list | tuple | set)]:
        raise ValueError(
            f"the row has {nested[0]} {row[nested[0]]!r}: give one number, text or boolean a "
            "column, or None"
        )
    return row
