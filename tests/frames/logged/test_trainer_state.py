import json
import shutil

import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged import read_logged
from tests.tracking import foreign

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """A training folder with two checkpoints, as the real Trainer leaves it."""
    folder = tmp_path_factory.mktemp("trained") / "out"
    state = torch.random.get_rng_state()
    with foreign():
        from transformers import PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments

        class Config(PretrainedConfig):
            model_type = "line"

        class Line(PreTrainedModel):
            config_class = Config

            def __init__(self, config):
                super().__init__(config)
                self.line = torch.nn.Linear(3, 1)
                self.post_init()

            def forward(self, x=None, labels=None):
                out = self.line(x).squeeze(-1)
                return {"loss": ((out - labels) ** 2).mean(), "logits": out}

        rows = [{"x": torch.ones(3) * i, "labels": torch.tensor(1.0)} for i in range(16)]
        arguments = TrainingArguments(
            str(folder),
            num_train_epochs=2,
            per_device_train_batch_size=4,
            gradient_accumulation_steps=2,
            logging_steps=1,
            eval_strategy="epoch",
            save_strategy="epoch",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
            seed=7,
        )
        trainer = Trainer(Line(Config()), arguments, train_dataset=rows, eval_dataset=rows)
        trainer.train()
        trainer.save_state()
        (folder / "training_args.json").write_text(arguments.to_json_string())
    torch.random.set_rng_state(state)
    return folder


def history(folder):
    return json.loads((folder / "trainer_state.json").read_text())["log_history"]


def test_training_and_evaluation_rows_of_a_step_become_one_row(output):
    log = read_logged(output)
    assert log.kind == "huggingface"
    assert log.steps["step"].tolist() == [1, 2, 3, 4]
    records = history(output)
    for name in ("loss", "grad_norm", "learning_rate", "eval_loss"):
        logged = {r["step"]: r[name] for r in records if name in r}
        assert log.steps.set_index("step")[name].dropna().to_dict() == logged


def test_the_run_has_its_end_its_parameters_and_the_mean_loss_under_its_own_name(output):
    (row,) = read_logged(output).runs.to_dict("records")
    records = history(output)
    assert (row["run_id"], row["status"], row["updates"]) == ("out", "FINISHED", 4)
    assert (row["epochs"], row["seed"], row["train_batch_size"]) == (2, 7, 4)
    assert row["gradient_accumulation_steps"] == 2
    assert row["wall_seconds"] == records[-1]["train_runtime"]
    assert row["mean_train_loss"] == records[-1]["train_loss"]
    assert row["loss"] == [r["loss"] for r in records if "loss" in r][-1]
    assert "train_loss" not in row
    assert "batch_size" not in row
    assert row["learning_rate"] == 5e-5  # the peak, not the last, decayed value
    assert row["metric.learning_rate"] == 1.25e-5


def test_the_batch_size_is_taken_where_the_user_says_that_it_is_all(output):
    log = read_logged(output, columns={"train_batch_size": "batch_size"})
    assert log.runs["batch_size"].tolist() == [4]
    assert "no batch_size" not in log.summary()
    assert "no batch_size" in read_logged(output).summary()


def test_of_several_checkpoints_the_newest_counts(output, tmp_path):
    folder = shutil.copytree(output, tmp_path / "stopped")
    (folder / "trainer_state.json").unlink()
    assert read_logged(folder).runs["updates"].tolist() == [4]
    shutil.rmtree(folder / "checkpoint-4")
    (row,) = read_logged(folder).runs.to_dict("records")
    # half of training is done, whatever num_train_epochs had planned
    assert (row["epochs"], row["num_train_epochs"]) == (1, 2)
    assert (row["run_id"], row["status"], row["updates"]) == ("stopped", "UNFINISHED", 2)
    assert read_logged(folder / "checkpoint-2").runs["run_id"].tolist() == ["checkpoint-2"]


def test_a_state_that_is_older_than_a_checkpoint_gives_way_to_it(output, tmp_path):
    folder = shutil.copytree(output, tmp_path / "resumed")
    shutil.copy(folder / "checkpoint-2" / "trainer_state.json", folder)
    assert read_logged(folder).runs["updates"].tolist() == [4]


def test_folders_of_several_trainings_are_runs(output, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(output, tmp_path / "sweep" / name)
    assert read_logged(tmp_path).runs["run_id"].tolist() == ["sweep/a", "sweep/b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "no JSON object"),
        ("{}", "log_history"),
        ('{"log_history": [{"loss": 1}]}', "'step'"),
    ],
)
def test_a_wrong_state_gives_one_clear_error(tmp_path, text, words):
    (tmp_path / "trainer_state.json").write_text(text)
    with pytest.raises(DataError, match=words):
        read_logged(tmp_path)


def test_a_folder_without_a_state_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"trainer_state\.json"):
        read_logged(tmp_path, "huggingface")
