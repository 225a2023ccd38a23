"""A Lightning training, recorded by the callback, against the same training in a plain loop."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import read_trajectory
from collectors.recording import StepAccumulators
from tests.collectors.recording.trainings import Memory

lightning = pytest.importorskip("lightning.pytorch")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def callback():
    from collectors.recording.lightning import LightningRecorder

    return LightningRecorder


def data():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(48, 5, generator=generator)
    return torch.utils.data.TensorDataset(x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long())


def module(rate=0.1, momentum=0.9, dropout=0.5):
    class Small(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(
                nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(dropout), nn.Linear(8, 3)
            )
            self.seen = []

        def training_step(self, batch, batch_idx):
            x, y = batch
            loss = nn.functional.cross_entropy(self.net(x), y)
            self.log("train_loss", loss)
            if torch.is_grad_enabled():
                self.seen.append(float(loss.detach()))
            return {"loss": loss}

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=rate, momentum=momentum)

    torch.manual_seed(0)
    return Small()


def fit(model, callbacks, tmp_path, epochs=2, **options):
    loader = torch.utils.data.DataLoader(data(), batch_size=8)
    trainer = lightning.Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, callbacks=callbacks,
        enable_progress_bar=False, enable_model_summary=False, default_root_dir=tmp_path,
        enable_checkpointing=False, **options,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer.fit(model, loader)
    return trainer


def test_losses_changes_and_frame_are_those_of_the_training(callback, tmp_path):
    sink, model = Memory(), module()
    start = {name: p.detach().double().clone() for name, p in model.named_parameters()}
    watcher = callback(sink, steps=tmp_path / "steps.parquet", run_id="small")
    trainer = fit(model, [watcher], tmp_path)
    frame = pd.read_parquet(tmp_path / "steps.parquet")
    assert frame["step"].tolist() == list(range(1, 13))
    assert frame["epoch"].tolist() == [0.0] * 6 + [1.0] * 6
    np.testing.assert_allclose(frame["loss"], model.seen, rtol=1e-7)
    for name, p in model.named_parameters():
        moved = sink.stacked(name).astype(float).sum(0)
        np.testing.assert_allclose(start[name].numpy() + moved, p.detach().numpy(), atol=1e-6)
    # what was logged is the loss before the step, not the second pass
    assert float(trainer.callback_metrics["train_loss"]) == pytest.approx(model.seen[-1])
    assert "training_step" not in vars(model)


def test_a_recorded_fit_ends_with_the_same_bytes(callback, tmp_path):
    plain, recorded = module(), module()
    torch.manual_seed(1)
    fit(plain, [], tmp_path)
    torch.manual_seed(1)
    fit(recorded, [callback(Memory())], tmp_path)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, recorded.state_dict()[name]), name


def test_the_loss_after_is_of_the_same_batch_with_the_same_mask(callback, tmp_path):
    sink, model = Memory(), module(rate=0.0)
    fit(model, [callback(sink)], tmp_path)
    for row in sink.rows:
        assert row["loss_after"] == row["loss"]
    sink, model = Memory(), module(rate=0.05, momentum=0.0)
    fit(model, [callback(sink)], tmp_path)
    assert np.mean([row["loss_after"] < row["loss"] for row in sink.rows]) == 1


def test_accumulated_batches_make_one_row_with_their_mean_loss(callback, tmp_path):
    sink, model = Memory(), module(momentum=0.0)
    fit(model, [callback(sink)], tmp_path, accumulate_grad_batches=3)
    assert len(sink.rows) == 4
    for t, row in enumerate(sink.rows):
        assert row["loss"] == pytest.approx(np.mean(model.seen[3 * t : 3 * t + 3]), rel=1e-7)
        assert row["update_norm"] == pytest.approx(0.1 * row["grad_norm"], rel=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradients_are_recorded_as_they_were_clipped(callback, tmp_path, momentum):
    sink = Memory()
    fit(module(momentum=momentum), [callback(sink)], tmp_path, gradient_clip_val=0.01)
    assert all(row["grad_norm"] == pytest.approx(0.01, rel=1e-3) for row in sink.rows)


def test_a_checkpoint_goes_on_with_store_and_sums(callback, tmp_path):
    whole, halves = StepAccumulators([1]), StepAccumulators([1])
    fit(module(), [callback([tmp_path / "whole", whole])], tmp_path, epochs=2)
    first = fit(module(), [callback([tmp_path / "halves", StepAccumulators([1])])], tmp_path, 1)
    first.save_checkpoint(tmp_path / "half.ckpt")
    loader = torch.utils.data.DataLoader(data(), batch_size=8)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False,
        callbacks=[callback([tmp_path / "halves", halves])], enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
    )  # fmt: skip
    trainer.fit(module(), loader, ckpt_path=tmp_path / "half.ckpt")
    one, other = (read_trajectory(tmp_path / name) for name in ("whole", "halves"))
    assert other.steps["step"].tolist() == one.steps["step"].tolist() == list(range(1, 13))
    np.testing.assert_array_equal(
        one.columns("net.0.weight", 0, 40)[:6], other.columns("net.0.weight", 0, 40)[:6]
    )
    assert len(halves.result().responses[0]) == len(whole.result().responses[0]) == 12


def test_an_error_in_training_leaves_the_store_to_be_resumed(callback, tmp_path):
    model = module()
    watcher = callback(tmp_path / "run")

    class Stop(lightning.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            if trainer.global_step == 4:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(model, [watcher, Stop()], tmp_path)
    assert "training_step" not in vars(model)
    assert read_trajectory(tmp_path / "run").steps["step"].tolist() == [1, 2, 3, 4]


def test_a_loss_of_ones_own_takes_the_place_of_the_training_step(callback, tmp_path):
    sink = Memory()
    watcher = callback(sink, loss=lambda module, batch: module.net(batch[0]).sum() * 0 + 7.0)
    fit(module(), [watcher], tmp_path, epochs=1)
    assert {row["loss_after"] for row in sink.rows} == {7.0}


def test_a_probe_takes_the_place_of_the_batch(callback, tmp_path):
    x, y = data()[:]
    sink = Memory()
    watcher = callback(sink, probe=lambda module: nn.functional.cross_entropy(module.net(x), y))
    fit(module(), [watcher], tmp_path, epochs=1)
    rows = sink.rows
    assert [row["loss"] for row in rows[1:]] == [row["loss_after"] for row in rows[:-1]]


def test_optimisation_by_hand_is_refused(callback, tmp_path):
    model = module()
    model.automatic_optimization = False
    with pytest.raises(ConfigurationError, match="optimises by hand"):
        fit(model, [callback(Memory())], tmp_path)


def test_a_batch_that_the_training_step_skips_leaves_no_row(callback, tmp_path):
    def skipping():
        model = module(dropout=0.0)
        step = model.training_step
        model.training_step = lambda batch, batch_idx: (
            None if batch_idx == 2 else step(batch, batch_idx)
        )
        return model

    plain, recorded, watcher = skipping(), skipping(), callback(Memory())
    fit(plain, [], tmp_path, epochs=1)
    fit(recorded, [watcher], tmp_path, epochs=1)
    assert len(watcher.recorder.to_frame()) == 5
    for one, other in zip(plain.parameters(), recorded.parameters(), strict=True):
        assert torch.equal(one, other)
