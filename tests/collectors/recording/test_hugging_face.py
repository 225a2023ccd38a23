"""A training of the Hugging Face Trainer, recorded by the callback."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import read_trajectory
from collectors.recording import StepAccumulators, record
from tests.collectors.recording.trainings import Memory

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def callback():
    from collectors.recording.hugging_face import TrainerRecorder

    return TrainerRecorder


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.5), nn.Linear(8, 3))

    def forward(self, x, labels):
        logits = self.net(x)
        loss = nn.functional.cross_entropy(logits, labels)
        return transformers.modeling_outputs.SequenceClassifierOutput(loss=loss, logits=logits)


def examples(number=48):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(number, 5, generator=generator)
    return [{"x": row, "labels": (row[0] > 0).long()} for row in x]


def probe():
    rows = examples(20)
    return {name: torch.stack([row[name] for row in rows]) for name in ("x", "labels")}


def train(model, callbacks, folder, resume=None, **options):
    arguments = {
        "per_device_train_batch_size": 8, "num_train_epochs": 2, "report_to": [],
        "save_strategy": "no", "use_cpu": True, "disable_tqdm": True, "seed": 0,
    }  # fmt: skip
    trainer = transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(str(folder), **arguments | options),
        train_dataset=examples(),
        callbacks=callbacks,
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer


@pytest.mark.parametrize("optim", ["adamw_torch", "adamw_torch_fused", "sgd"])
def test_changes_add_up_to_the_way_and_losses_are_the_probes(callback, tmp_path, optim):
    model, sink = Small(), Memory()
    start = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    watcher = callback(sink, probe=probe(), steps=tmp_path / "steps.csv", run_id="hf")
    options = {"optim": optim, "learning_rate": 0.01, "weight_decay": 0.1}
    train(model, [watcher], tmp_path / "out", **options)
    frame = pd.read_csv(tmp_path / "steps.csv")
    assert frame["step"].tolist() == list(range(1, 13))
    assert frame["loss"].tolist()[1:] == frame["loss_after"].tolist()[:-1]
    with torch.no_grad():
        last = float(model.eval()(**probe()).loss)
    assert frame["loss_after"].iloc[-1] == pytest.approx(last, rel=1e-6)
    for name, p in model.named_parameters():
        moved = sink.stacked(name).astype(float).sum(0)
        np.testing.assert_allclose(start[name].numpy() + moved, p.detach().numpy(), atol=1e-6)
    assert watcher.recorder.settings["loss"] == "probe, eval mode"
    assert frame["epoch"].between(0, 2).all()


def test_a_recorded_training_ends_with_the_same_bytes(callback, tmp_path):
    plain, recorded = Small(), Small()
    train(plain, [], tmp_path / "a")
    train(recorded, [callback(Memory(), probe=probe())], tmp_path / "b")
    for name, value in plain.state_dict().items():
        assert torch.equal(value, recorded.state_dict()[name]), name


def test_accumulated_and_clipped_gradients_are_those_of_the_update(callback, tmp_path):
    sink = Memory()
    options = {"gradient_accumulation_steps": 3, "max_grad_norm": 0.01, "optim": "sgd"}
    train(
        Small(), [callback(sink, probe=probe())], tmp_path, lr_scheduler_type="constant", **options
    )
    assert len(sink.rows) == 4
    for row in sink.rows:
        assert row["grad_norm"] == pytest.approx(0.01, rel=1e-3)
        assert row["update_norm"] == pytest.approx(row["learning_rate"] * 0.01, rel=1e-3)


def test_a_probe_may_be_a_function_of_the_model(callback, tmp_path):
    sink = Memory()
    batch = probe()
    train(Small(), [callback(sink, probe=lambda model: model(**batch).loss * 2)], tmp_path / "a")
    other = Memory()
    train(Small(), [callback(other, probe=batch)], tmp_path / "b")
    assert sink.rows[3]["loss"] == pytest.approx(2 * other.rows[3]["loss"], rel=1e-6)


def test_a_checkpoint_of_the_trainer_goes_on_with_store_and_sums(callback, tmp_path):
    whole, halves = StepAccumulators([1]), StepAccumulators([1])
    train(Small(), [callback([tmp_path / "whole", whole], probe=probe())], tmp_path / "a")
    saving = {"save_strategy": "steps", "save_steps": 5}
    first = callback([tmp_path / "halves", StepAccumulators([1])], probe=probe())
    train(Small(), [first], tmp_path / "b", **saving)
    # the store holds 12 steps; the checkpoint was made after 5 of them
    second = callback([tmp_path / "halves", halves], probe=probe())
    train(Small(), [second], tmp_path / "b", resume=str(tmp_path / "b" / "checkpoint-5"))
    one, other = (read_trajectory(tmp_path / name) for name in ("whole", "halves"))
    assert other.steps["step"].tolist() == list(range(1, 13))
    np.testing.assert_allclose(
        one.columns("net.0.weight", 0, 40), other.columns("net.0.weight", 0, 40), rtol=1e-5,
        atol=1e-9,
    )  # fmt: skip
    for name in ("x", "xy"):
        np.testing.assert_allclose(
            getattr(whole.result()["net.2.bias"], name),
            getattr(halves.result()["net.2.bias"], name), rtol=1e-4,
        )  # fmt: skip


def test_a_checkpoint_without_the_recorders_state_is_refused(callback, tmp_path):
    saving = {"save_strategy": "steps", "save_steps": 5}
    train(Small(), [], tmp_path, **saving)
    with pytest.raises(ConfigurationError, match=r"recorder\.pt' is missing"):
        train(Small(), [callback(Memory())], tmp_path, resume=str(tmp_path / "checkpoint-5"))


def test_a_checkpoint_that_is_cut_short_leaves_no_half_file(callback, tmp_path, monkeypatch):
    def cut_short(state, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    watcher = callback(Memory())
    monkeypatch.setattr("collectors.recording.hugging_face.torch.save", cut_short)
    folder = tmp_path / "checkpoint-0"
    folder.mkdir()
    watcher.recorder = record(model := Small(), torch.optim.SGD(model.parameters(), lr=0.1))
    arguments = transformers.TrainingArguments(str(tmp_path), use_cpu=True, report_to=[])
    with pytest.raises(OSError, match="No space"):
        watcher.on_save(arguments, transformers.TrainerState(), transformers.TrainerControl())
    assert not (folder / "recorder.pt").exists()


@pytest.mark.parametrize("form", [dict, tuple])
def test_the_probes_loss_is_found_where_the_trainer_finds_it(callback, tmp_path, form):
    class Plain(Small):
        def forward(self, x, labels):
            found = super().forward(x, labels)
            return dict(found) if form is dict else found.to_tuple()

    sink, other = Memory(), Memory()
    train(Plain(), [callback(sink, probe=probe())], tmp_path / "a", max_steps=3)
    train(Small(), [callback(other, probe=probe())], tmp_path / "b", max_steps=3)
    assert [row["loss_after"] for row in sink.rows] == [row["loss_after"] for row in other.rows]


def test_a_probe_without_a_loss_is_refused_before_training(callback, tmp_path):
    class Silent(Small):
        def forward(self, x, labels):
            return {"logits": self.net(x)}

    with pytest.raises(ConfigurationError, match="the model returned no loss for the probe"):
        train(Silent(), [callback(tmp_path / "store", probe=probe())], tmp_path / "a")
    assert not (tmp_path / "store").exists()
