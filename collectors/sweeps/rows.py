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
        What the user's function returned.
    count : int
        Number of its runs.
    together : bool
        Whether it was called for several.

    Returns
    -------
    sequence
        Of length `count`; where the value is no sequence of that length, it stands for each.

    Examples
    --------
    >>> split_rows([{"a": 1}, {"a": 2}], 2, together=True)
    [{'a': 1}, {'a': 2}]
    """
    if together and isinstance(value, Sequence) and len(value) == count:
        return value
    return [value] * count


def finished_row(run: Run, values: object) -> dict[str, object]:
    """Return the row of a run, if it bears the run's name and contradicts nothing.

    Parameters
    ----------
    run : Run
        The configuration.
    values : object
        What the user's function returned for it.

    Returns
    -------
    dict
        The columns of a `Configuration`, and the measurements.

    Raises
    ------
    ValueError
        If the values are no mapping, bear another name, or differ from the configuration.
    """
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
    return row
