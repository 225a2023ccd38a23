"""Fresh MLflow stores for tests: the tables are made once, then copied."""

from __future__ import annotations

import logging
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import chdir, closing, contextmanager
from functools import cache
from pathlib import Path

import pytest


@contextmanager
def foreign() -> Iterator[None]:
    """Let a foreign library warn as it likes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def empty_database() -> bytes:
    """The bytes of an MLflow database without runs, with the tables of the installed release."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    mlflow = pytest.importorskip("mlflow")
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder, chdir(folder), foreign():
        path = Path(folder, "mlflow.db")
        mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
        return path.read_bytes()


def new_client(folder: Path):
    """A client of a new database in a folder, ``mlflow.db``; artifacts lie beside it."""
    path = folder / "mlflow.db"
    path.write_bytes(empty_database())
    with closing(sqlite3.connect(path)) as database, database:
        place = (str(folder / "artifacts"),)
        database.execute("UPDATE experiments SET artifact_location = ?", place)
    with foreign(), chdir(folder):
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{path}")
        client.search_experiments()  # the store makes its folder for artifacts here
        return client
