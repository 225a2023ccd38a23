"""Reports logged to a real local MLflow store."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from causalhyper import Analysis
from causalhyper.errors import ConfigurationError
from causalhyper.frames.logged import read_logged
from causalhyper.report import Study, log_report, record_provenance, render_report
from causalhyper.report.tracking import metric_key
from tests.tracking import foreign, new_client

pytest.importorskip("mlflow")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A client and its tracking URI."""
    client = new_client(tmp_path)
    monkeypatch.chdir(tmp_path)
    return client, f"sqlite:///{tmp_path / 'mlflow.db'}"


def logged(client, run_id: str, name: str) -> bytes:
    with foreign():
        return Path(client.download_artifacts(run_id, f"causalhyper/{name}")).read_bytes()


def test_a_report_in_a_new_run_holds_page_table_metrics_and_tags(
    store, analysis: Analysis, runs: pd.DataFrame
) -> None:
    client, uri = store
    page = render_report([Study(analysis, runs)], record_provenance("c", "runs.csv", "0" * 64))
    with foreign():
        run_id = log_report(
            analysis, files={"index.html": page}, experiment="causal", tracking_uri=uri
        )
        run = client.get_run(run_id)
        assert client.get_experiment_by_name("causal").experiment_id == run.info.experiment_id
    assert run.info.status == "FINISHED"
    assert logged(client, run_id, "index.html") == page
    assert logged(client, run_id, "summary.txt").decode() == analysis.summary() + "\n"
    table = logged(client, run_id, "estimates.csv").decode()
    assert len(table.splitlines()) == len(analysis.estimates) + 1
    assert len(run.data.metrics) == 4 * len(analysis.estimates)
    for e in analysis.estimates:
        key = metric_key(e)
        assert run.data.metrics[key] == e.estimate
        assert run.data.metrics[f"{key}.se"] == e.se
        assert run.data.metrics[f"{key}.lower"] == e.lower
        assert run.data.metrics[f"{key}.upper"] == e.upper
    tags = run.data.tags
    assert tags["causalhyper.protocol"] == "equal updates"
    assert tags["causalhyper.graph"] == str(analysis.model.graph)
    assert tags["causalhyper.verdict"] == analysis.curve.verdict
    assert (tags["causalhyper.treatment"], tags["causalhyper.seed"]) == ("B", "3")


def test_a_report_in_a_run_that_is_there_leaves_its_state_and_metrics(
    store, analysis: Analysis
) -> None:
    client, uri = store
    with foreign():
        run_id = client.create_run("0").info.run_id
        client.log_metric(run_id, "loss", 0.5)
        assert log_report(analysis.curve, run_id=run_id, tracking_uri=uri) == run_id
        run = client.get_run(run_id)
    assert run.info.status == "RUNNING"
    assert run.data.metrics["loss"] == 0.5
    assert run.data.tags["causalhyper.result"] == "EffectCurve"
    first = analysis.curve.design[0]
    frame = read_logged(uri.removeprefix("sqlite:///")).runs
    assert frame[metric_key(first)].tolist() == [first.estimate]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run_id": "a", "experiment": "b"}, "not both"),
        ({"run_id": "0" * 32}, "MLflow refuses"),
        ({"files": {"../index.html": b""}}, "leads out"),
        ({"files": {"/index.html": b""}}, "leads out"),
    ],
)
def test_a_wrong_call_is_refused_and_leaves_no_run(
    store, analysis: Analysis, options: dict[str, object], words: str
) -> None:
    client, uri = store
    with foreign(), pytest.raises(ConfigurationError, match=words):
        log_report(analysis.curve, tracking_uri=uri, **options)
    with foreign():
        assert client.search_runs(["0"]) == []


def test_without_mlflow_the_error_says_what_to_install(
    analysis: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'causalhyper\[mlflow\]'"):
        log_report(analysis.curve)
