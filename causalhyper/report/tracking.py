"""Results logged to MLflow: reports as artifacts, estimates as metrics, questions as tags."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.results import Estimate, EstimateResult

FOLDER = "causalhyper"
"""Artifacts lie in this folder of a run, metrics and tags begin with it."""

_LONGEST_KEY, _LONGEST_TAG = 250, 5000
_DROPPED = str.maketrans("", "", "{}(),;")
_OUTSIDE = re.compile(r"[^\w\-. /]+", re.ASCII)


def log_report(
    result: EstimateResult,
    *,
    files: Mapping[str, bytes] | None = None,
    run_id: str | None = None,
    experiment: str | None = None,
    tracking_uri: str | None = None,
) -> str:
    """Log a result to MLflow: its report, estimates and the question that they answer.

    Parameters
    ----------
    result : EstimateResult
        Such as an `Analysis`. Its table is logged as ``causalhyper/estimates.csv`` and its
        summary as ``causalhyper/summary.txt``; each estimate as four metrics, the estimate
        under its own key and ``.se``, ``.lower`` and ``.upper``.
    files : mapping of bytes, optional
        More artifacts by name, such as ``{"index.html": render_report(studies, provenance)}``.
    run_id : str, optional
        A run to log to; its status stays as it is. By default a new run is made.
    experiment : str, optional
        Name of the new run's experiment, made where it is not there. By default "Default".
    tracking_uri : str, optional
        Of the store. By default MLflow's own choice.

    Returns
    -------
    str
        The run's id.

    Raises
    ------
    ConfigurationError
        If MLflow is not installed, both `run_id` and `experiment` are given, the run or
        experiment cannot be used, or a file's name leads out of the folder.
    DataError
        If two estimates cannot be told apart by a key that MLflow allows.

    Examples
    --------
    >>> log_report(None, run_id="a", experiment="sweep")
    Traceback (most recent call last):
    ...
    causalhyper.errors.ConfigurationError: log_report takes run_id or experiment, not both: a run \
has its experiment
    """
    if run_id is not None and experiment is not None:
        raise ConfigurationError(
            "log_report takes run_id or experiment, not both: a run has its experiment"
        )
    contents = _contents(result, files or {})
    metrics, tags = _metrics(result), _tags(result)
    mlflow = _load_mlflow()
    client = mlflow.MlflowClient(tracking_uri)
    try:
        found = _check_run(client, run_id) if run_id else _new_run(client, experiment)
        try:
            _log(client, found, contents, metrics, tags)
        except Exception:
            if run_id is None:
                client.set_terminated(found, "FAILED")
            raise
        if run_id is None:
            client.set_terminated(found)
    except mlflow.exceptions.MlflowException as error:
        raise ConfigurationError(f"MLflow refuses the report: {error}") from error
    return found


def metric_key(e: Estimate) -> str:
    """Return the key under which MLflow shows an estimate.

    Parameters
    ----------
    e : Estimate
        The estimate.

    Returns
    -------
    str
        Query, subject, treatment and its values, in the letters that MLflow allows.
    """
    against = "" if e.baseline is None else f" vs {e.baseline:g}"
    parts = (FOLDER, e.query, e.subject, f"{e.treatment} {e.value:g}{against}")
    return "/".join(_allowed(part) for part in parts if part)


def _allowed(text: str) -> str:
    words = text.replace("->", "to").replace("/", "_").translate(_DROPPED)
    return _OUTSIDE.sub("_", words).strip()


def _load_mlflow() -> Any:
    try:
        return import_module("mlflow")
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        raise ConfigurationError(
            "log_report needs mlflow, which is not installed: pip install 'causalhyper[mlflow]'"
        ) from None


def _contents(result: EstimateResult, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the artifacts by name, the caller's before the result's own."""
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
            raise ConfigurationError(
                f"the file name {name!r} leads out of the report's folder: name it such as "
                "'index.html'"
            )
    table = result.to_frame().to_csv(index=False, lineterminator="\n")
    own = {"estimates.csv": table.encode(), "summary.txt": f"{result.summary()}\n".encode()}
    return own | dict(files)


def _metrics(result: EstimateResult) -> dict[str, float]:
    """Return estimates, standard errors and intervals by key."""
    found: dict[str, float] = {}
    for e in result.estimates:
        key = metric_key(e)
        if key in found:
            raise DataError(
                f"two estimates would be the metric {key!r}: log the results one by one, to runs "
                "of their own"
            )
        if len(key) > _LONGEST_KEY - len(".lower"):
            raise DataError(f"the metric's name {key!r} is too long for MLflow: shorten names")
        found[key] = e.estimate
        found |= {f"{key}.se": e.se, f"{key}.lower": e.lower, f"{key}.upper": e.upper}
    return found


def _tags(result: EstimateResult) -> dict[str, str]:
    """Return what the numbers answer."""
    tags = {"version": version("causalhyper"), "result": type(result).__name__}
    model = getattr(result, "model", None)
    for name, holder in (
        ("protocol", model),
        ("graph", model),
        ("treatment", result),
        ("outcome", result),
        ("draws", result),
        ("seed", result),
    ):
        value = getattr(holder, name, None)
        if value is not None:
            tags[name] = str(value)
    curve = getattr(result, "curve", result)
    verdict = getattr(curve, "verdict", None)
    if isinstance(verdict, str):
        tags["verdict"] = verdict
    return {f"{FOLDER}.{name}": value[:_LONGEST_TAG] for name, value in tags.items()}


def _check_run(client: Any, run_id: str) -> str:
    return str(client.get_run(run_id).info.run_id)


def _new_run(client: Any, experiment: str | None) -> str:
    """Make a run in an experiment, which is made too where it is not there."""
    if experiment is None:
        key = "0"
    else:
        known = client.get_experiment_by_name(experiment)
        if known is not None and known.lifecycle_stage == "deleted":
            raise ConfigurationError(
                f"the experiment {experiment!r} was deleted: restore it, or name another"
            )
        key = known.experiment_id if known else client.create_experiment(experiment)
    return str(client.create_run(key, run_name="causalhyper report").info.run_id)


def _log(
    client: Any,
    run_id: str,
    contents: Mapping[str, bytes],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
) -> None:
    """Write artifacts first, so that a run with the metrics has its report too."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in contents.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(run_id, folder, FOLDER)
    entities = import_module("mlflow.entities")
    now = time.time_ns() // 1_000_000
    logged = [entities.Metric(key, value, now, 0) for key, value in metrics.items()]
    client.log_batch(run_id, tags=[entities.RunTag(k, v) for k, v in tags.items()])
    for first in range(0, len(logged), 1000):
        client.log_batch(run_id, metrics=logged[first : first + 1000])
