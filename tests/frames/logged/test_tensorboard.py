import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames.logged import read_logged
from tests.tracking import foreign

torch = pytest.importorskip("torch")
pytest.importorskip("tensorboard")


def writer(folder, **options):
    with foreign():
        from torch.utils.tensorboard import SummaryWriter
    return SummaryWriter(folder, **options)


def accumulated(folder):
    """What TensorBoard itself reads: for each tag, steps and values."""
    with foreign():
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util import tensor_util

        found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0}).Reload()
        scalars = {
            tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]
        }
        tensors = {
            tag: [
                (e.step, float(tensor_util.make_ndarray(e.tensor_proto)))
                for e in found.Tensors(tag)
            ]
            for tag in found.Tags()["tensors"]
            if found.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
        }
    return scalars | tensors


def ours(steps, run):
    part = steps[steps["run_id"] == run]
    return {
        tag: [(s, v) for s, v in zip(part["step"], part[tag], strict=True) if not np.isnan(v)]
        for tag in part.columns.drop(["run_id", "step"])
        if part[tag].notna().any()
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    for run in ("a", "b"):
        with foreign(), writer(folder / run) as w:
            for step in range(0, 300, 7):
                w.add_scalar("raw/loss", 1 / (step + 1), step)
                w.add_scalar("raw/second", np.sin(step), step, new_style=True)
                w.add_scalar("double", np.pi * step, step, new_style=True, double_precision=True)
                w.add_scalar("late", float(step), step + 2**40)
            w.add_scalars("many", {"x": 1.0, "y": 2.0}, 5)
            w.add_text("note", "no scalar")
            w.add_histogram("weights", np.arange(1000.0), 3)
            w.add_image("picture", np.zeros((3, 40, 40)), 1)
            w.add_scalar("worst", float("nan"), 0)
            w.add_scalar("best", float("inf"), 0)
            w.add_scalar("negative", 1.5, -3)
            hparams = {"lr": 0.1, "bs": 32, "opt": "sgd", "nesterov": True}
            w.add_hparams(hparams, {"hparam/accuracy": 0.75})
    return folder


def test_scalars_are_those_that_tensorboard_reads(logs):
    log = read_logged(logs)
    assert log.kind == "tensorboard"
    for run in ("a", "b"):
        theirs = accumulated(logs / run)
        mine = ours(log.steps, run)
        assert {"raw/loss", "raw/second", "double", "late", "negative"} <= set(theirs)
        for tag in set(theirs) - {"worst"}:
            assert mine.get(tag, []) == sorted(p for p in theirs[tag] if p[0] >= 0), tag
    assert "2 rows with a step below 0" in log.summary()


def test_nan_and_infinity_are_counted_and_kept(logs):
    row = read_logged(logs).runs.set_index("run_id").loc["a"]
    assert np.isnan(row["worst"])
    assert row["best"] == np.inf
    assert row["nonfinite"] == 2


def test_hyperparameters_and_their_metrics_belong_to_the_run_above(logs):
    log = read_logged(logs)
    runs = log.runs.set_index("run_id")
    assert set(runs.index) == {"a", "b", "a/many_x", "a/many_y", "b/many_x", "b/many_y"}
    row = runs.loc["a"]
    assert (row["learning_rate"], row["batch_size"], row["opt"]) == (0.1, 32, "sgd")
    assert row["hparam/accuracy"] == 0.75
    assert log.renamed == {"lr": "learning_rate", "bs": "batch_size"}
    # the file's map has an order of its own in every process
    found = [c for c in runs.columns if c in {"batch_size", "learning_rate", "nesterov", "opt"}]
    assert found == ["batch_size", "learning_rate", "nesterov", "opt"]


def test_a_restart_with_purge_step_drops_what_came_after_as_tensorboard_does(tmp_path):
    for first, last, purge, value in ((0, 10, 0, 1.0), (4, 7, 4, 2.0)):
        suffix = f".{first}"
        with foreign(), writer(tmp_path, purge_step=purge, filename_suffix=suffix) as w:
            for step in range(first, last):
                w.add_scalar("loss", value, step)
    log = read_logged(tmp_path)
    assert ours(log.steps, tmp_path.name) == accumulated(tmp_path)
    assert log.steps["loss"].tolist() == [1.0] * 4 + [2.0] * 3
    assert "replaced 6 earlier values" in log.summary()


def test_a_later_file_replaces_what_it_overlaps_tag_by_tag(tmp_path):
    for first, last, value in ((0, 10, 1.0), (4, 7, 2.0)):
        with foreign(), writer(tmp_path, filename_suffix=f".{first}") as w:
            for step in range(first, last):
                w.add_scalar("loss", value, step)
            if first == 0:
                w.add_scalar("only_first", 5.0, 9)
    steps = read_logged(tmp_path).steps
    assert steps["loss"].tolist()[:7] == [1.0] * 4 + [2.0] * 3
    assert steps.loc[steps["step"] == 9, "only_first"].tolist() == [5.0]
    assert steps.loc[steps["step"] == 9, "loss"].isna().all()


def test_a_file_that_is_still_being_written_is_read_with_a_warning(tmp_path):
    with foreign(), writer(tmp_path / "run") as w:
        for step in range(5):
            w.add_scalar("loss", 1.0, step)
    (file,) = (tmp_path / "run").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.warns(UserWarning, match="incomplete"):
        log = read_logged(tmp_path)
    assert len(log.steps) == 4
    assert "incomplete" in log.summary()


def test_one_event_file_is_a_run_named_by_its_folder(logs):
    file = next((logs / "a").glob("*tfevents*"))
    assert read_logged(file).runs["run_id"].tolist() == ["a"]


def test_a_folder_without_event_files_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="tfevents"):
        read_logged(tmp_path, "tensorboard")
