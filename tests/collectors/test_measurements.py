"""Rows of the runs frame: known columns, the measurements' own numbers, independent draws."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames import KNOWN, Roles, validate_runs
from collectors.complexity.norms import copy_parameters
from collectors.complexity.paths import path_norm
from collectors.measurements import MEASUREMENTS, Measurement, measure_run
from collectors.noise.per_example import per_example_noise
from tests.collectors.curvature.samples import (
    classified,
    dense_hessian,
    entropy,
    network,
    seeded,
    spectrum,
)

loss = nn.CrossEntropyLoss(reduction="none")


def run(seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)
    )
    x, y = torch.randn(60, 1, 6, 6), torch.randint(4, (60,))
    model.train()(x)
    start = copy_parameters(model)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    train = [(x[:20], y[:20]), (x[20:40], y[20:40])]
    return model, train, [(x[40:], y[40:])], start


def row_of(what, seed=0, **options):
    model, train, test, start = run()
    generator = torch.Generator().manual_seed(seed)
    return measure_run(
        model, loss, train, test, what=what, generator=generator, start=start, **options
    )


EVERYTHING = [name for name in MEASUREMENTS if name != "noise_pairs"]


def test_every_measurement_fills_the_columns_that_it_declares_with_finite_numbers():
    row = row_of(EVERYTHING, batch_size=8)
    assert list(row) == [c for name in EVERYTHING for c in MEASUREMENTS[name].columns]
    numbers = {k: v for k, v in row.items() if k != "noise_mode"}
    assert all(type(v) in (int, float) and math.isfinite(v) for v in numbers.values())
    for name, value in numbers.items():
        assert not KNOWN[name].excludes(np.array([float(value)])).any()


def test_rows_make_a_valid_runs_frame():
    rows = []
    for seed in (0, 1):
        row = {"run_id": f"r{seed}", "seed": seed, "batch_size": 8 * (seed + 1)}
        rows.append(row | row_of(EVERYTHING, batch_size=8 * (seed + 1)))
    roles = Roles.parse(["B=log2(batch_size)", "N=log10(grad_noise)", "G=test_accuracy"])
    clean = validate_runs(
        pd.DataFrame(rows),
        roles=roles,
        treatment="B",
        outcome="G",
        cluster=["seed"],
        context=["noise_mode"],
    )
    assert len(clean) == 2


def test_the_numbers_are_those_of_the_functions():
    model, train, _, _ = run()
    row = row_of(["noise", "path", "generalization"], batch_size=8)
    noise = per_example_noise(model, loss, train)
    assert row["example_noise"] == noise.covariance_trace
    assert row["grad_noise"] == noise.at(8)
    assert row["grad_norm_squared"] == noise.corrected_norm_squared
    assert row["path_norm"] == path_norm(model, train[0][0])
    assert (row["n_train"], row["n_test"]) == (40, 20)
    assert row["test_accuracy"] == row["n_correct"] / 20
    assert row["generalization_gap"] == row["n_train_correct"] / 40 - row["n_correct"] / 20


def measured_curvature(model, data):
    options = {"what": ["curvature"], "generator": seeded(0)}
    return measure_run(model, entropy, data, data, **options)


def test_curvature_is_that_of_the_dense_hessian():
    model, data = network(), classified(24)
    halves = [(x, y) for x, y in zip(*(part.split(12) for part in data), strict=True)]
    row, true = measured_curvature(model, halves), dense_hessian(model, entropy, *data)
    top = spectrum(true)[0]
    assert row["sharpness"] == pytest.approx(top, rel=1e-3)
    assert abs(row["sharpness"] - top) <= row["sharpness_residual"]
    # 31 parameters, fewer than the products: the trace is exact, and no probe is drawn
    assert row["hessian_trace"] == pytest.approx(float(true.trace()), rel=1e-9)
    assert row["hessian_trace_se"] == pytest.approx(0.0, abs=1e-12)


def test_the_trace_of_a_larger_network_is_right_within_its_standard_error():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(3, 40), nn.Tanh(), nn.Linear(40, 3)).double()
    data = classified(24)
    row = measured_curvature(model, data)
    miss = row["hessian_trace"] - float(dense_hessian(model, entropy, *data).trace())
    assert 0 < abs(miss) < 4 * row["hessian_trace_se"] < 0.25 * row["hessian_trace"]


def test_sam_sharpness_is_the_rise_after_one_step_along_the_gradient():
    model, (x, y) = network(), classified()
    row = measured_curvature(model, (x, y))
    parameters = list(model.parameters())
    before = entropy(model(x), y).mean()
    gradient = torch.autograd.grad(before, parameters)
    norm = torch.sqrt(sum(g.square().sum() for g in gradient))
    with torch.no_grad():
        for p, g in zip(parameters, gradient, strict=True):
            p += 0.05 * g / norm
        rise = entropy(model(x), y).mean() - before
    assert row["sam_sharpness"] == pytest.approx(float(rise), rel=1e-9)


def test_pairs_estimate_what_examples_give_exactly():
    pairs = row_of(["noise_pairs"], batch_size=8)
    assert list(pairs) == list(row_of(["noise"], batch_size=8))
    assert pairs["grad_noise"] == pytest.approx(pairs["example_noise"] / 8 * (1 - 8 / 40))
    # both scales are over the training set's squared gradient
    squared = pairs["grad_norm_squared"] + pairs["example_noise"] / 40
    assert pairs["noise_scale"] == pytest.approx(pairs["example_noise"] / squared)


def test_a_measurement_does_not_depend_on_what_else_is_measured():
    alone = row_of(["spectral", "normalized_margin"])
    among = row_of(EVERYTHING)
    assert alone == {k: among[k] for k in alone}
    assert row_of(EVERYTHING) == among


def test_the_network_is_left_as_found():
    model, train, test, start = run()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    measure_run(
        model, loss, train, test, what=EVERYTHING, generator=torch.Generator(), start=start
    )
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.equal(state, torch.get_rng_state())


def test_a_diverged_network_has_missing_values():
    model, train, test, start = run()
    with torch.no_grad():
        model[4].weight.fill_(math.inf)
    what = ["generalization", "calibration", "noise", "norms", "distance", "spectral", "margin"]
    what.append("curvature")
    generator = torch.Generator()
    row = measure_run(model, loss, train, test, what=what, generator=generator, start=start)
    for name in (
        "train_loss",
        "example_noise",
        "weight_norm",
        "margin",
        "spectral_sum",
        "sharpness",
    ):
        assert math.isnan(row[name])
    assert row["n_correct"] <= row["n_test"] == 20


def test_a_measurement_of_ones_own_is_added_by_its_declaration():
    top = Measurement("top", ("sharpness",), lambda run: {"sharpness": 2.0})
    assert row_of([top, "counts"])["sharpness"] == 2.0
    with pytest.raises(ConfigurationError, match="does not know: eigenvalue"):
        Measurement("top", ("eigenvalue",), lambda run: {})
    wrong = Measurement("top", ("sharpness",), lambda run: {"margin": 2.0})
    with pytest.raises(ConfigurationError, match=r"gave \['margin'\]; it declares"):
        row_of([wrong])


def test_calls_that_cannot_be_answered_are_refused():
    model, train, test, _ = run()
    with pytest.raises(ConfigurationError, match="unknown measurement 'sharp'"):
        row_of(["sharp"])
    with pytest.raises(ConfigurationError, match="'noise' and 'noise_pairs' both fill"):
        row_of(["noise", "noise_pairs"])
    with pytest.raises(ConfigurationError, match="train can be iterated only once"):
        measure_run(model, loss, iter(train), test, generator=torch.Generator())
    with pytest.raises(ConfigurationError, match="needs start"):
        measure_run(model, loss, train, test, what=["distance"], generator=torch.Generator())
    with pytest.raises(ConfigurationError, match="normalises by the batch"):
        row_of(["noise"], mode="train")
