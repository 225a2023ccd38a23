"""The losses around a step: same batch, same mask, no trace; and steps that never came."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames import validate_steps
from collectors.recording import record
from collectors.recording.sinks import COLUMNS, Rows
from tests.collectors.recording.trainings import Memory, batches, network, train


def noisy():
    """A network with batch normalisation and dropout."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3)
    )


def cross_entropy(model, x, y):
    return nn.functional.cross_entropy(model(x), y)


def number(loss):
    return float(loss.detach())


def test_the_loss_after_is_that_of_the_same_batch_with_the_same_mask():
    model = noisy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for x, y in batches(4):
            optimizer.zero_grad()
            state = torch.get_rng_state()
            recorder.loss(lambda x=x, y=y: cross_entropy(model, x, y)).backward()
            next_state = torch.get_rng_state()
            optimizer.step()
            assert torch.equal(torch.get_rng_state(), next_state)
            torch.set_rng_state(state)
            expected = number(cross_entropy(model, x, y))
            assert sink.rows[-1]["loss_after"] == pytest.approx(expected, rel=1e-6)


def test_a_recorded_training_has_the_same_bytes_as_one_that_is_not_recorded():
    states = []
    for recorded in (False, True):
        model = noisy()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
        if recorded:
            with record(model, optimizer, Memory()) as recorder:
                train(model, optimizer, recorder)
        else:
            for x, y in batches(6):
                optimizer.zero_grad()
                cross_entropy(model, x, y).backward()
                optimizer.step()
        states.append({**model.state_dict(), "random": torch.get_rng_state()})
    assert states[0]["1.num_batches_tracked"] == 6
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_the_mode_of_the_first_pass_is_the_mode_of_the_second():
    model = noisy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    model[3].register_forward_hook(lambda module, *_: seen.append(module.training))
    with record(model, optimizer) as recorder:
        x, y = batches(1)[0]
        recorder.loss(lambda: cross_entropy(model, x, y)).backward()
        model.eval()
        optimizer.step()
    assert seen == [True, True]
    assert not model[3].training


def test_mixed_precision_of_the_first_pass_is_that_of_the_second():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    kinds = []
    model.register_forward_hook(lambda module, inputs, output: kinds.append(output.dtype))
    with record(model, optimizer) as recorder:
        x, y = batches(1)[0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = recorder.loss(lambda: cross_entropy(model, x, y))
        loss.backward()
        optimizer.step()
    assert kinds == [torch.bfloat16, torch.bfloat16]


def test_the_loss_of_an_accumulated_step_is_the_weighted_mean_of_its_minibatches():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink, sizes = Memory(), (2, 8, 4)
    data = [batches(1, size, seed=size)[0] for size in sizes]
    before = [number(cross_entropy(model, x, y)) for x, y in data]
    with record(model, optimizer, sink) as recorder:
        for x, y in data:
            loss = recorder.loss(lambda x=x, y=y: cross_entropy(model, x, y), weight=len(x))
            (loss / 3).backward()
        gradient = model[0].weight.grad.clone()
        optimizer.step()
    after = [number(cross_entropy(model, x, y)) for x, y in data]
    assert sink.rows[0]["loss"] == pytest.approx(np.average(before, weights=sizes), rel=1e-6)
    assert sink.rows[0]["loss_after"] == pytest.approx(np.average(after, weights=sizes), rel=1e-6)
    assert len(sink.rows) == 1
    np.testing.assert_allclose(sink.changes[0]["0.weight"], -0.1 * gradient.numpy(), rtol=1e-6)


def test_one_loss_an_example_is_averaged_in_float64_and_weighs_by_examples():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink, seen = Memory(), []
    with record(model, optimizer, sink) as recorder:
        for size in (3, 50):
            x, y = batches(1, size, seed=size)[0]

            def each(x=x, y=y):
                return nn.functional.cross_entropy(model(x), y, reduction="none")

            seen.append(each().detach().double().numpy())
            loss = recorder.loss(each)
            assert loss.ndim == 0
            loss.backward()
        optimizer.step()
    assert sink.rows[0]["loss"] == pytest.approx(np.concatenate(seen).mean(), rel=1e-15)


def test_two_losses_in_one_backward_pass_belong_to_one_step():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    (x, y), (u, v) = batches(2)
    with record(model, optimizer, sink) as recorder:
        for _ in range(2):
            optimizer.zero_grad()
            one = recorder.loss(lambda: cross_entropy(model, x, y))
            other = recorder.loss(lambda: cross_entropy(model, u, v))
            expected = number(one + other) / 2
            (one + other).backward()
            optimizer.step()
            assert sink.rows[-1]["loss"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("clear_late", [False, True])
@pytest.mark.parametrize("to_none", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_a_step_that_the_gradient_scaler_skips_is_left_out_with_its_loss(
    fused, to_none, clear_late
):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    sink, expected, grads = Memory(), [], []
    with record(model, optimizer, sink) as recorder:
        for t, (x, y) in enumerate(batches(4)):
            if not clear_late:
                optimizer.zero_grad(set_to_none=to_none)
            loss = recorder.loss(lambda x=x, y=y: cross_entropy(model, x, y))
            if clear_late:
                optimizer.zero_grad(set_to_none=to_none)
            scale = scaler.get_scale()
            scaler.scale(loss).backward()
            if t == 1:
                model[0].weight.grad[0, 0] = math.inf
            else:
                expected.append(number(loss))
                norm = sum(float(p.grad.double().square().sum()) for p in model.parameters())
                grads.append(norm**0.5 / scale)
            scaler.step(optimizer)
            scaler.update()
    assert recorder.step == 3
    assert [row["step"] for row in sink.rows] == [1, 2, 3]
    assert [row["loss"] for row in sink.rows] == pytest.approx(expected, rel=1e-6)
    assert [row["grad_norm"] for row in sink.rows] == pytest.approx(grads, rel=1e-6)
    assert all(np.isfinite(array).all() for step in sink.changes for array in step.values())


def test_fused_descent_divides_the_change_by_the_scale_of_the_loss():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4096.0)
    start, sink = model[0].weight.detach().clone(), Memory()
    with record(model, optimizer, sink) as recorder:
        x, y = batches(1)[0]
        scaler.scale(recorder.loss(lambda: cross_entropy(model, x, y))).backward()
        scaler.step(optimizer)
    moved = (model[0].weight.detach() - start).numpy()
    np.testing.assert_allclose(sink.changes[0]["0.weight"], moved, atol=1e-7)
    assert np.abs(moved).max() > 1e-4


def test_a_batch_whose_backward_pass_was_left_out_is_left_out():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for t, (x, y) in enumerate(batches(3)):
            optimizer.zero_grad()
            loss = recorder.loss(lambda x=x, y=y: cross_entropy(model, x, y))
            if t == 0:
                continue
            loss.backward()
            optimizer.step()
            assert sink.rows[-1]["loss"] == pytest.approx(number(loss), rel=1e-6)
    assert len(sink.rows) == 2


def test_a_probe_is_evaluated_once_a_step_in_its_mode_and_leaves_no_trace():
    model = noisy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = batches(1, size=40, seed=9)[0]
    sink, calls, expected = Memory(), [], []

    def probe():
        calls.append(model.training)
        return nn.functional.cross_entropy(model(x), y, reduction="none")

    def eval_loss():
        model.eval()
        with torch.no_grad():
            loss = number(cross_entropy(model, x, y))
        model.train()
        return loss

    expected.append(eval_loss())
    with record(model, optimizer, sink, probe=probe) as recorder:
        for u, v in batches(3):
            optimizer.zero_grad()
            cross_entropy(model, u, v).backward()
            optimizer.step()
            expected.append(eval_loss())
    assert calls == [False] * 4
    assert model.training
    assert model[1].num_batches_tracked == 3
    assert [row["loss"] for row in sink.rows] == pytest.approx(expected[:-1], rel=1e-6)
    assert [row["loss_after"] for row in sink.rows] == pytest.approx(expected[1:], rel=1e-6)
    assert recorder.settings["loss"] == "probe, eval mode"


def test_a_probe_in_train_mode_has_the_same_mask_every_time():
    model = noisy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x, y = batches(1, size=40)[0]
    sink = Memory()
    options = {"probe": lambda: cross_entropy(model, x, y), "probe_mode": "train"}
    with record(model, optimizer, sink, **options):
        for u, v in batches(3):
            cross_entropy(model, u, v).backward()
            optimizer.step()
    assert len({row["loss_after"] for row in sink.rows} | {sink.rows[0]["loss"]}) == 1


def test_every_third_step_is_recorded_with_its_own_losses():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    every, all_of_them = Memory(), Memory()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    with record(model, optimizer, every, every=3) as recorder:
        train(model, optimizer, recorder, steps=7)
    assert len(calls) == 7 + 2
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, all_of_them) as recorder:
        train(model, optimizer, recorder, steps=7)
    assert every.rows == [all_of_them.rows[2], all_of_them.rows[5]]
    assert [row["step"] for row in every.rows] == [3, 6]


def test_a_probe_of_every_third_step_is_taken_right_before_the_step():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = batches(1, size=30)[0]
    kept, seen = Memory(), []
    with record(model, optimizer, kept, probe=lambda: cross_entropy(model, x, y), every=3):
        for u, v in batches(6):
            optimizer.zero_grad()
            cross_entropy(model, u, v).backward()
            seen.append(number(cross_entropy(model, x, y)))
            optimizer.step()
    assert [row["loss"] for row in kept.rows] == pytest.approx([seen[2], seen[5]], rel=1e-6)


def test_without_losses_the_changes_are_recorded_alone():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink, losses="none"):
        x, y = batches(1)[0]
        cross_entropy(model, x, y).backward()
        optimizer.step()
    assert math.isnan(sink.rows[0]["loss"])
    assert sink.changes[0]["0.weight"].any()


def test_a_step_whose_loss_nobody_showed_is_refused_before_the_update():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    start = model[0].weight.detach().clone()
    with record(model, optimizer):
        x, y = batches(1)[0]
        cross_entropy(model, x, y).backward()
        with pytest.raises(ConfigurationError, match=r"step 1 has no loss.*recorder\.loss"):
            optimizer.step()
    assert torch.equal(model[0].weight, start)


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda: torch.ones(()), "no gradient"),
        (lambda: torch.ones(2, 2, requires_grad=True), r"got \(2, 2\)"),
        (lambda: 1.0, "got float"),
    ],
)
def test_what_is_no_training_loss_is_refused(loss, words):
    model = network()
    with (
        record(model, torch.optim.SGD(model.parameters(), lr=0.1)) as recorder,
        pytest.raises(ConfigurationError, match=words),
    ):
        recorder.loss(loss)


def test_after_the_recording_the_optimiser_is_as_it_was():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as recorder:
        train(model, optimizer, recorder, steps=1)
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks
    optimizer.step()
    assert len(recorder.to_frame()) == 1


def test_the_steps_frame_has_a_typed_row_a_step():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, run_id="a") as recorder:
        for epoch in range(2):
            recorder.epoch = epoch
            train(model, optimizer, recorder, steps=2)
    frame = recorder.to_frame()
    assert list(frame.columns) == [
        "run_id", "step", "epoch", "loss", "loss_after", "grad_norm", "update_norm",
        "learning_rate",
    ]  # fmt: skip
    assert frame["step"].tolist() == [1, 2, 3, 4]
    assert frame["epoch"].tolist() == [0.0, 0.0, 1.0, 1.0]
    np.testing.assert_allclose(frame["update_norm"], 0.1 * frame["grad_norm"], rtol=1e-6)
    assert record(model, optimizer).to_frame().dtypes.equals(frame.dtypes)


def test_the_steps_frame_is_valid():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, run_id="a") as recorder:
        train(model, optimizer, recorder, steps=3)
    assert len(validate_steps(recorder.to_frame())) == 3


def test_a_step_within_mixed_precision_does_not_see_the_casts_of_the_weights_before_it():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    x, y = batches(1)[0]
    with record(model, optimizer) as recorder, torch.autocast("cpu", dtype=torch.bfloat16):
        recorder.loss(lambda: cross_entropy(model, x, y)).backward()
        optimizer.step()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        expected = number(cross_entropy(model, x, y))
    row = recorder.to_frame().iloc[0]
    assert row["loss_after"] == expected != row["loss"]


@pytest.mark.parametrize(
    "normalised", [nn.utils.spectral_norm, nn.utils.parametrizations.spectral_norm]
)
def test_a_step_that_moves_nothing_changes_no_loss_where_the_forward_pass_changes_buffers(
    normalised,
):
    model = network()
    model[0] = normalised(model[0])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    x, y = batches(1)[0]
    with record(model, optimizer) as recorder:
        recorder.loss(lambda: cross_entropy(model, x, y)).backward()
        kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
        optimizer.step()
    row = recorder.to_frame().iloc[0]
    assert row["loss_after"] == row["loss"]
    assert all(torch.equal(buffer, kept[name]) for name, buffer in model.named_buffers())


def test_a_buffer_that_is_expanded_does_not_stop_the_recording():
    model = network()
    model.register_buffer("ones", torch.ones(1).expand(4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = batches(1)[0]
    with record(model, optimizer) as recorder:
        recorder.loss(lambda: cross_entropy(model, x, y) * model.ones.mean()).backward()
        optimizer.step()
    assert len(recorder.to_frame()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"closure": torch.tensor(1.0)}, "takes a function"),
        ({"closure": lambda: torch.tensor(1.0), "weight": 0.0}, "above 0"),
        ({"closure": lambda: torch.tensor(1.0), "weight": -2.0}, "above 0"),
        ({"closure": lambda: torch.tensor(1.0), "weight": float("nan")}, "above 0"),
    ],
)
def test_a_loss_that_is_shown_wrongly_is_refused_in_words(arguments, words):
    model = network()
    with (
        record(model, torch.optim.SGD(model.parameters(), lr=0.1)) as recorder,
        pytest.raises(ConfigurationError, match=words),
    ):
        recorder.loss(**arguments)


def test_rows_that_wait_are_few_and_survive_a_checkpoint_exactly():
    rows, again = Rows("run"), Rows("run")
    values = torch.rand(9000, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for step, measured in enumerate(values):
        rows.append(step, step / 3, measured)
    assert len(rows._waiting) < 4096
    again.load_state_dict(rows.state_dict())
    again.append(9000, 1.0, values[0])
    frame = again.to_frame()
    np.testing.assert_array_equal(frame[list(COLUMNS)].to_numpy()[:-1], values.numpy())
    assert frame["step"].tolist() == list(range(9001))
    assert frame["epoch"].iloc[7] == 7 / 3


def test_a_checkpoint_before_the_first_step_can_be_gone_on_from():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as recorder:
        state = recorder.state_dict()
    with record(model, optimizer, resume=state) as recorder:
        train(model, optimizer, recorder, steps=2)
    assert recorder.to_frame()["step"].tolist() == [1, 2]
