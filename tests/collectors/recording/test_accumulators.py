"""Sums on the device, against loops over the stored steps in float64."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import merge_sums, read_sums, write_sums
from collectors.recording import StepAccumulators, record
from tests.collectors.recording.trainings import Memory, network, train


def recorded(*sums, steps=21, lr=0.05, seed=0, momentum=0.0):
    """Train once; return the stored steps beside the sums."""
    model = network(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=momentum)
    sink = Memory()
    with record(model, optimizer, [sink, *sums]) as recorder:
        train(model, optimizer, recorder, steps=steps)
    return sink


def brute_force(sink, name, lag, *, momentum=False, response="same"):
    """Sums by a loop over pairs of steps; steps are counted from 0."""
    changes = sink.stacked(name).astype(np.float64).reshape(len(sink.rows), -1)
    loss = [row["loss"] for row in sink.rows]
    after = [row["loss_after"] for row in sink.rows]
    if response == "same":
        y = [b - a for a, b in zip(loss, after, strict=True)]
    else:
        y = [b - a for a, b in pairwise(loss)]
    x = xx = xy = 0.0
    n = 0
    for t in range(len(y)):
        if t - lag < 0 or (momentum and t == 0):
            continue
        now, last = changes[t], changes[t - 1]
        f = np.stack([now**2, last**2, now * last] if momentum else [now**2])
        x, xy, n = x + f, xy + f * y[t - lag], n + 1
        upper = [(i, j) for i in range(len(f)) for j in range(i, len(f))]
        xx = xx + np.stack([f[i] * f[j] for i, j in upper])
    paired = [y[t - lag] for t in range(len(y)) if t - lag >= 0 and not (momentum and t == 0)]
    return x, xx, xy, n, paired


@pytest.mark.parametrize("block", [1, 4, 8, 50])
@pytest.mark.parametrize("response", ["same", "next"])
@pytest.mark.parametrize("momentum", [False, True])
def test_sums_equal_a_loop_over_the_stored_steps(momentum, response, block):
    sums = StepAccumulators([1, 3, 10], response=response, momentum=momentum, block_steps=block)
    sink = recorded(sums)
    found = sums.result()
    for layer in found.layers:
        for k, lag in enumerate(found.lags):
            x, xx, xy, n, paired = brute_force(
                sink, layer.name, lag, momentum=momentum, response=response
            )
            # sums of pairs are differences of longer sums: exact to the longer ones' size
            room = 1e-13 * np.abs(layer.xx[0]).max()
            np.testing.assert_allclose(layer.x[k], x, rtol=1e-9, atol=0)
            np.testing.assert_allclose(layer.xx[k], xx, rtol=1e-9, atol=room)
            np.testing.assert_allclose(layer.xy[k], xy, rtol=1e-9, atol=1e-15 * np.abs(xy).max())
            np.testing.assert_allclose(found.paired_responses(lag), paired, rtol=1e-12)
            assert len(paired) == n == sums.pairs(len(found.responses[0]))[k]
        stored = sink.stacked(layer.name).astype(np.float64).reshape(21, -1)
        np.testing.assert_allclose(layer.movement, (stored**2).sum(0), rtol=1e-12)
        np.testing.assert_allclose(layer.displacement, stored.sum(0), atol=1e-15)


@pytest.mark.parametrize("scale", [1e-12, 1e-9, 1.0])
@pytest.mark.parametrize("momentum", [False, True])
def test_compensated_float32_keeps_squares_of_squares_that_float32_cannot_hold(momentum, scale):
    sums = StepAccumulators([2], momentum=momentum, precision="float32x2", block_steps=4)
    rng = np.random.default_rng(0)
    sink = Memory()
    places = {"w": (0, 6, torch.Size([6]))}
    flat = torch.zeros(6)
    sums.open(flat, places, {"loss": "minibatch"})
    spread = scale * 10.0 ** np.array([0, -1, -2, -3, -4, -5])
    for t in range(300):
        change = (rng.normal(size=6) * spread).astype(np.float32)
        losses = torch.tensor([1.0, 1.0 + rng.normal() * 1e-4], dtype=torch.float64)
        sink.changes.append({"w": change})
        sink.rows.append({"loss": losses[0].item(), "loss_after": losses[1].item(), "step": t})
        sums.accumulate(torch.from_numpy(change), losses)
    found = sums.result()["w"]
    for k, lag in enumerate((0, 2)):
        x, xx, xy, _, paired = brute_force(sink, "w", lag, momentum=momentum)
        np.testing.assert_allclose(found.x[k][0], x[0], rtol=3e-7)
        np.testing.assert_allclose(found.xx[k][0], xx[0], rtol=3e-7)
        size = x * np.abs(paired).max()
        assert (np.abs(found.xy[k][:2] - xy[:2]) <= 3e-7 * size[:2]).all()


def test_the_covariance_and_correlation_equal_numpys():
    sums = StepAccumulators([2])
    sink = recorded(sums)
    found = sums.result()
    frame = found.to_frame(lag=2).set_index("layer")
    x = np.square(sink.stacked("2.weight").astype(np.float64).reshape(21, -1))[2:]
    y = np.array([row["loss_after"] - row["loss"] for row in sink.rows])[:-2]
    for k in range(x.shape[1]):
        row = frame.loc["2.weight"].iloc[k]
        assert row["n"] == 19
        expected = np.cov(x[:, k], y, bias=True)
        assert row["variance"] == pytest.approx(expected[0, 0], rel=1e-8)
        assert row["covariance"] == pytest.approx(expected[0, 1], rel=1e-8)
        assert row["correlation"] == pytest.approx(np.corrcoef(x[:, k], y)[0, 1], rel=1e-8)


def test_results_in_between_change_nothing():
    one, other = StepAccumulators([1], response="next"), StepAccumulators([1], response="next")
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer, [one, other]) as recorder:
        for _ in range(5):
            train(model, optimizer, recorder, steps=3)
            one.result()
    for a, b in zip(one.result().layers, other.result().layers, strict=True):
        for name, array in a.arrays().items():
            np.testing.assert_allclose(array, b.arrays()[name], rtol=1e-12, atol=1e-30)


def test_a_file_of_sums_is_read_as_it_was_written(tmp_path):
    sums = StepAccumulators([1, 2], momentum=True)
    recorded(sums)
    written = sums.result()
    write_sums(tmp_path / "sums.npz", written)
    read = read_sums(tmp_path / "sums.npz")
    assert read.lags == written.lags
    assert dict(read.settings) == dict(written.settings)
    np.testing.assert_array_equal(read.responses[0], written.responses[0])
    for a, b in zip(read.layers, written.layers, strict=True):
        assert (a.name, a.shape) == (b.name, b.shape)
        assert all((a.arrays()[k] == b.arrays()[k]).all() for k in b.arrays())
    assert [file.name for file in tmp_path.iterdir()] == ["sums.npz"]


def test_merged_sums_are_those_of_both_trainings_without_pairs_across():
    one, other = StepAccumulators([3]), StepAccumulators([3])
    sinks = [recorded(one, steps=9), recorded(other, steps=14, seed=5)]
    merged = merge_sums([one.result(), other.result()])
    for k, lag in enumerate((0, 3)):
        parts = [brute_force(sink, "0.bias", lag) for sink in sinks]
        np.testing.assert_allclose(merged["0.bias"].xy[k], parts[0][2] + parts[1][2], rtol=1e-9)
        np.testing.assert_allclose(
            merged.paired_responses(lag), parts[0][4] + parts[1][4], rtol=1e-12
        )
    assert merged.summary().startswith("23 responses of 2 trainings, 4 layers, 66 parameters")


def test_sums_of_another_kind_do_not_add():
    one, other = StepAccumulators([3]), StepAccumulators([2])
    recorded(one, steps=9)
    recorded(other, steps=9)
    with pytest.raises(ConfigurationError, match="different lags"):
        merge_sums([one.result(), other.result()])


def test_a_loss_that_is_not_finite_is_named_by_its_step():
    sums = StepAccumulators()
    with np.errstate(all="ignore"):
        recorded(sums, steps=40, lr=1e30)
    with pytest.raises(DataError, match=r"recorded step \d+ is not finite"):
        sums.result()


def test_no_step_gives_one_clear_error():
    with pytest.raises(DataError, match="no step was recorded"):
        StepAccumulators().result()


def test_sums_without_losses_are_refused():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ConfigurationError, match="sums with the loss need one"):
        record(model, optimizer, StepAccumulators(), losses="none")


@pytest.mark.parametrize(
    "options",
    [
        {"lags": [0]},
        {"lags": [1, 1]},
        {"lags": 3},
        {"lags": [1.5]},
        {"lags": ["1"]},
        {"lags": [True]},
        {"response": "last"},
        {"precision": "float16"},
        {"block_steps": 0},
    ],
)
def test_a_wrong_option_is_refused(options):
    with pytest.raises(ConfigurationError):
        StepAccumulators(**options)


def test_two_trainings_into_the_same_sums_are_one_series():
    sums = StepAccumulators()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        with record(model, optimizer, sums) as recorder:
            train(model, optimizer, recorder, steps=3)
    assert len(sums.result().responses[0]) == 6
