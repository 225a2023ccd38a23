"""MLflow's SQLite database, its default store, by read-only SQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import numpy as np

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.assembly import Content
from causalhyper.frames.logged.history import History
from causalhyper.frames.logged.logged import LoggedRun
from causalhyper.frames.logged.mlflow_runs import (
    MlflowExperiment,
    describe_selection,
    facts_of,
    select_experiments,
    user_tags,
)

_LARGEST = 1.7976931348623157e308
"""What MLflow writes for an infinity, which its columns cannot hold."""

_NEEDED = {
    "experiments": {"experiment_id", "name", "lifecycle_stage"},
    "runs": {
        "run_uuid",
        "name",
        "status",
        "start_time",
        "end_time",
        "lifecycle_stage",
        "experiment_id",
    },
    "params": {"run_uuid", "key", "value"},
    "tags": {"run_uuid", "key", "value"},
    "metrics": {"run_uuid", "key", "value", "timestamp", "step", "is_nan"},
}
_ROW = np.dtype([("code", np.int64), ("step", np.int64), ("value", np.float64)])
_CHOSEN = "run_uuid IN (SELECT run_uuid FROM temp.chosen)"


def read_database(
    path: str | Path, *, experiment: str | Sequence[str] | None = None, deleted: bool = False
) -> Content:
    """Read an MLflow SQLite database without its client, and without writing to it.

    Parameters
    ----------
    path : str or Path
        The file, usually ``mlflow.db``.
    experiment : str or sequence of str, optional
        Names of experiments; all by default.
    deleted : bool
        Whether runs and experiments that were deleted are read too.

    Returns
    -------
    Content
        All from one snapshot of the database. Failed, killed and running runs are there with
        their ``status``. A metric's value at a step is the one with the latest timestamp.

    Raises
    ------
    ConfigurationError
        If an experiment is not there.
    DataError
        If the file is no MLflow database, or its tables are others.
    """
    with _opened(Path(path)) as database:
        schema = _check_schema(database, path)
        rows = database.execute("SELECT experiment_id, name, lifecycle_stage FROM experiments")
        experiments = [
            MlflowExperiment(str(i), name, stage == "deleted") for i, name, stage in rows
        ]
        chosen = select_experiments(experiments, experiment, deleted, str(path))
        left_out = _choose_runs(database, [e.key for e in chosen], deleted)
        history = _read_history(database)
        runs = _read_runs(database, {e.key: e.name for e in chosen}, history, deleted)
    source = f"MLflow database {str(path)!r} (schema {schema})"
    return Content("mlflow", source, runs, history, describe_selection(left_out))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading, in one transaction."""
    place = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        database = _connect(place)
    except sqlite3.Error:
        database = _immutable(path, place)
    try:
        yield database
    except sqlite3.Error as error:
        raise DataError(
            f"cannot read {str(path)!r} as an MLflow database: {error}; if a process was killed "
            "while writing it, open it once with MLflow, or read a copy"
        ) from error
    finally:
        database.close()


def _connect(place: str) -> sqlite3.Connection:
    database = sqlite3.connect(place, uri=True, isolation_level=None)
    try:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _immutable(path: Path, place: str) -> sqlite3.Connection:
    """Open a database on a medium that takes no locks: safe where no journal lies beside it."""
    beside = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    try:
        if any(p.exists() and p.stat().st_size for p in beside):
            return _connect(place)
        return _connect(place + "&immutable=1")
    except sqlite3.Error as error:
        raise DataError(
            f"cannot open {str(path)!r} as an SQLite database: {error}; check that it is the "
            "file that MLflow writes, and that it may be read"
        ) from error


def _check_schema(database: sqlite3.Connection, path: str | Path) -> str:
    """Return the schema's version; refuse tables that are not MLflow's, or too old."""
    columns = {
        table: {row[1] for row in database.execute(f"PRAGMA table_info({table})")}
        for table in (*_NEEDED, "alembic_version")
    }
    if not columns["runs"] or not columns["alembic_version"]:
        raise DataError(
            f"{str(path)!r} is an SQLite database but not MLflow's: it has no tables runs and "
            "alembic_version; name the file behind MLflow's tracking URI"
        )
    (version,) = database.execute("SELECT group_concat(version_num) FROM alembic_version")
    lacking = [
        f"{table}.{column}"
        for table, needed in _NEEDED.items()
        for column in sorted(needed - columns[table])
    ]
    if lacking:
        raise DataError(
            f"{str(path)!r} has MLflow's schema {version[0]}, which lacks {', '.join(lacking)}: "
            f"upgrade a copy of it with 'mlflow db upgrade sqlite:///{path}' and read that"
        )
    return str(version[0])


def _choose_runs(database: sqlite3.Connection, keys: Sequence[str], deleted: bool) -> int:
    """Note the runs to read in a temporary table; return how many deleted ones are not."""
    marks = ", ".join("?" * len(keys))
    among = f"FROM runs WHERE experiment_id IN ({marks})"
    stage = "" if deleted else " AND lifecycle_stage = 'active'"
    numbers = [int(key) for key in keys]
    database.execute("CREATE TEMP TABLE chosen (code INTEGER PRIMARY KEY, run_uuid TEXT UNIQUE)")
    database.execute(
        f"INSERT INTO chosen (run_uuid) SELECT run_uuid {among}{stage} "
        "ORDER BY start_time, run_uuid",
        numbers,
    )
    (found,), (chosen,) = (
        *database.execute(f"SELECT count(*) {among}", numbers),
        *database.execute("SELECT count(*) FROM chosen"),
    )
    return int(found - chosen)


def _read_history(database: sqlite3.Connection) -> History:
    """Read every value of every metric, so that of several at one step the latest counts."""
    database.execute("CREATE TEMP TABLE names (code INTEGER PRIMARY KEY, key TEXT UNIQUE)")
    database.execute(
        f"INSERT INTO names (key) SELECT DISTINCT key FROM metrics WHERE {_CHOSEN} ORDER BY key"
    )
    runs = tuple(name for (name,) in database.execute("SELECT run_uuid FROM chosen ORDER BY code"))
    metrics = tuple(key for (key,) in database.execute("SELECT key FROM names ORDER BY code"))
    history = _history(database, runs, metrics, order="")
    if history.repeats():
        return _history(database, runs, metrics, order=" ORDER BY timestamp, value")
    return history


def _history(
    database: sqlite3.Connection, runs: tuple[str, ...], metrics: tuple[str, ...], *, order: str
) -> History:
    """Read the values; run, metric and the mark of a NaN come as one integer, to be fast."""
    width = len(metrics) + 1
    rows = database.execute(
        f"SELECT (chosen.code * {width} + names.code) * 2 + is_nan, step, value FROM metrics "
        "JOIN temp.chosen USING (run_uuid) JOIN temp.names USING (key)" + order
    )
    table = np.fromiter(rows, dtype=_ROW)
    code, value = table["code"] // 2, table["value"].copy()
    value[np.abs(value) >= _LARGEST] *= np.inf
    value[table["code"] % 2 == 1] = np.nan
    return History(runs, metrics, code // width - 1, code % width - 1, table["step"].copy(), value)


def _read_runs(
    database: sqlite3.Connection, experiments: dict[str, str], history: History, deleted: bool
) -> list[LoggedRun]:
    """Read what is known of each run beside its histories."""
    texts: dict[str, dict[str, dict[str, str]]] = {}
    for table in ("params", "tags"):
        texts[table] = {name: {} for name in history.runs}
        query = f"SELECT run_uuid, key, value FROM {table} WHERE {_CHOSEN} ORDER BY key"
        for name, key, value in database.execute(query):
            texts[table][name][key] = value
    rows = database.execute(
        "SELECT run_uuid, name, status, start_time, end_time, lifecycle_stage, experiment_id "
        "FROM runs JOIN temp.chosen USING (run_uuid) ORDER BY code"
    )
    last = history.last()
    return [
        LoggedRun(
            name,
            facts_of(label, experiments[str(key)], status, start, end, texts["tags"][name])
            | ({"deleted": stage == "deleted"} if deleted else {}),
            texts["params"][name],
            user_tags(texts["tags"][name]),
            last[name],
        )
        for name, label, status, start, end, stage, key in rows
    ]


def check_database(path: Path) -> bool:
    """Tell whether a file begins as SQLite databases do.

    Parameters
    ----------
    path : Path
        A file.

    Returns
    -------
    bool
        True for an SQLite database of any content.
    """
    try:
        with path.open("rb") as stream:
            return stream.read(16) == b"SQLite format 3\0"
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
