"""The batch-size study's collecting command: what it refuses, and a whole small collection."""

import pytest

from case_studies.batch_size import collect
from causalhyper.frames import read_runs
from collectors.node_runs import NodeRun
from tests.collectors.graph_samples import small_graph, write_npz


@pytest.fixture
def data(tmp_path):
    """A folder with a small graph in Cora's place."""
    graph = small_graph()
    adjacency = [[0] * 60 for _ in range(60)]
    for a, b in graph.edges.T.tolist():
        adjacency[a][b] = 1
    folder = tmp_path / "data"
    folder.mkdir()
    write_npz(folder / "cora.npz", graph.features.numpy(), adjacency, graph.labels.numpy())
    return folder


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        collect.main([str(argument) for argument in arguments])
    return caught.value.code, capsys.readouterr().err


def small_design(seeds):
    return [
        NodeRun("equal_epochs", seed, batch, 64 // batch, n_train=32, n_validation=8)
        for seed in range(seeds)
        for batch in (8, 16)
    ]


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_below_1_is_refused(tmp_path, capsys, workers):
    code, errors = refused(capsys, "--data", tmp_path, "--out", "a", "--workers", workers)
    assert code == 2
    assert f"--workers: expected a whole number of at least 1; got {workers!r}" in errors


def test_a_missing_folder_is_named(tmp_path, capsys):
    missing = tmp_path / "nowhere"
    code, errors = refused(capsys, "--data", missing, "--out", tmp_path / "a.parquet")
    assert code == 2
    assert f"no folder {str(missing)!r}: make it" in errors
    assert "Traceback" not in errors


def test_a_frame_of_another_format_is_refused(data, tmp_path, capsys):
    code, errors = refused(capsys, "--data", data, "--out", tmp_path / "runs.csv")
    assert code == 2
    assert "expected a .parquet file" in errors


def test_a_run_that_fails_is_named_without_a_traceback(data, tmp_path, capsys):
    # the study's 1,024 training nodes are more than the small graph has
    code, errors = refused(capsys, "--data", data, "--out", tmp_path / "a.parquet", "--seeds", 1)
    assert code == 1
    assert "the run 'equal_epochs-b0016-s000' failed" in errors
    assert "leave none of 60 for testing" in errors
    assert "Traceback" not in errors


def test_an_interrupt_says_how_to_go_on(data, tmp_path, capsys, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(collect, "sweep", interrupt)
    code, errors = refused(capsys, "--data", data, "--out", tmp_path / "a.parquet")
    assert code == 130
    assert "the same command goes on" in errors


def test_one_process_and_two_collect_the_same_rows(data, tmp_path, monkeypatch):
    monkeypatch.setattr(collect, "design", small_design)
    frames = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.parquet"
        arguments = ["--data", data, "--out", out, "--seeds", 2, "--workers", workers]
        collect.main([str(argument) for argument in arguments])
        frames.append(read_runs(out).drop(columns=["train_seconds", "wall_seconds"]))
    assert frames[0]["run_id"].tolist() == [run.run_id for run in small_design(2)]
    assert frames[0].equals(frames[1])
