import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged import read_logged
from tests.tracking import foreign

pytest.importorskip("lightning")
TRAINED = [1 / (s + 1) for s in range(40)]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Eleven versions, so that version_10 must come behind version_9."""
    folder = tmp_path_factory.mktemp("lightning")
    with foreign():
        from lightning.pytorch.loggers import CSVLogger

        for version in range(11):
            logger = CSVLogger(folder, name="exp", flush_logs_every_n_steps=15)
            logger.log_hyperparams(
                {
                    "batch_size": 16 * (version + 1),
                    "lr": "1e-3",
                    "opt": {"name": "sgd"},
                    "layers": [64, 32],
                    "long": "word " * 60,
                }
            )
            for step, loss in enumerate(TRAINED):
                logger.log_metrics({"train_loss": loss, "lr-SGD": 0.1}, step=step)
                if step % 10 == 9:
                    metrics = {"val_loss": 2 * loss, "epoch": step // 10}
                    logger.log_metrics(metrics, step=step)
            logger.log_metrics({"worst": float("nan"), "best": float("-inf")}, step=40)
            logger.finalize("success")
    return folder


def test_training_and_validation_rows_of_a_step_become_one_row(logs):
    log = read_logged(logs)
    assert log.kind == "lightning"
    part = log.steps[log.steps["run_id"] == "exp/version_3"].set_index("step")
    assert part.index.tolist() == list(range(41))
    assert part["loss"].tolist()[:40] == TRAINED
    assert part["val_loss"].dropna().to_dict() == {s: 2 * TRAINED[s] for s in (9, 19, 29, 39)}
    assert part["epoch"].dropna().tolist() == [0, 1, 2, 3]
    assert part["learning_rate"].tolist()[:40] == [0.1] * 40
    assert part.loc[40, "best"] == -np.inf


def test_versions_are_runs_in_their_order_with_their_parameters(logs):
    log = read_logged(logs)
    assert log.runs["run_id"].tolist() == [f"exp/version_{i}" for i in range(11)]
    assert log.runs["batch_size"].tolist() == [16 * (i + 1) for i in range(11)]
    row = log.runs.iloc[0]
    assert (row["learning_rate"], row["opt.name"], row["layers"]) == (0.001, "sgd", "[64, 32]")
    assert row["long"] == "word " * 60
    assert row["train_loss"] == TRAINED[-1]
    assert row["val_loss"] == 2 * TRAINED[39]
    assert (log.runs["nonfinite"] == 2).all()


def test_one_version_is_named_by_its_folder(logs):
    for place in (logs / "exp" / "version_2", logs / "exp" / "version_2" / "metrics.csv"):
        log = read_logged(place)
        assert log.runs["run_id"].tolist() == ["version_2"]
        assert log.runs["batch_size"].tolist() == [48]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch,loss\n0,1\n", "no column 'step'"),
        ("step,loss\n0,high\n", "text in the column 'loss'"),
        ("step,loss\n0.5,1\n", "no whole numbers"),
        ("step,loss\n,1\n", "'step'"),
        ("step,loss,loss\n0,1,2\n", "twice"),
        ("", "empty"),
    ],
)
def test_a_wrong_table_gives_one_clear_error(tmp_path, text, words):
    (tmp_path / "metrics.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        read_logged(tmp_path, "lightning")


def test_a_folder_without_metrics_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"metrics\.csv"):
        read_logged(tmp_path, "lightning")
