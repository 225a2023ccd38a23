"""The trace: unbiased by enumeration, with an honest error, far below Hutchinson's."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.curvature import curvature_of, curvature_trace, eigenvalues
from collectors.curvature.blocks import layers
from collectors.curvature.krylov import krylov_spaces
from collectors.curvature.trace import probe_values
from tests.collectors.curvature.samples import (
    classified,
    convolutional,
    dense_gauss_newton,
    dense_hessian,
    draw,
    entropy,
    images,
    network,
    seeded,
)


def tiny():
    """1-2-2 with tanh: ten parameters, 1024 sign vectors."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 2)).double()


def wide(activation, steps=60):
    """20-30-5, 785 parameters, after some steps of training."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(20, 30), activation(), nn.Linear(30, 5)).double()
    x, y = draw(64, 20, seed=4), torch.arange(64) % 5
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    for _ in range(steps):
        optimizer.zero_grad()
        entropy(model(x), y).mean().backward()
        optimizer.step()
    return model, (x, y)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_the_mean_over_all_sign_vectors_is_the_trace_whatever_the_space(kind):
    model, data = tiny(), (draw(9, 1, seed=2), torch.arange(9) % 2)
    dense = {"hessian": dense_hessian, "gauss_newton": dense_gauss_newton}[kind]
    matrix = dense(model, entropy, *data)
    true = float(matrix.trace())
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=10)), dtype=torch.float64)
    with curvature_of(model, entropy, data, kind=kind) as A:
        for space in krylov_spaces(A, draw(1, 10, seed=7), lambda: draw(1, 10, seed=8)):
            outside = probe_values(lambda rows: rows @ matrix, space, signs)
            estimate = np.trace(space.projected) + outside.mean()
            assert estimate == pytest.approx(true, rel=1e-10)
            if len(space.basis) == 1:
                assert outside.std() > 0.01 * abs(true)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_as_many_products_as_parameters_give_the_exact_trace(activation):
    model, data = network(activation), classified()
    true = float(dense_hessian(model, entropy, *data).trace())
    found = curvature_trace(model, entropy, data)
    assert found.value == pytest.approx(true, rel=1e-9)
    assert (found.se, found.probes, found.lower, found.upper) == (
        0,
        0,
        found.value,
        found.value,
    )


def test_layers_of_a_rectifier_network_have_gauss_newton_blocks_on_the_diagonal():
    for model, data in [(network(nn.ReLU), classified()), (convolutional(), images())]:
        H, G = (dense(model, entropy, *data) for dense in (dense_hessian, dense_gauss_newton))
        with curvature_of(model, entropy, data) as A:
            groups = layers(A)
        assert len(groups) == 2
        for group in groups:
            assert torch.allclose(H[group, group], G[group, group], atol=1e-12)
        assert not torch.allclose(H, G, atol=1e-3)


@pytest.mark.parametrize(
    ("activation", "steps", "probed", "ratio"),
    [(nn.ReLU, 5, "gauss_newton", 0.2), (nn.Tanh, 400, "hessian", 0.8)],
)
def test_at_99_products_the_error_is_far_below_hutchinsons(activation, steps, probed, ratio):
    model, data = wide(activation, steps)
    H = dense_hessian(model, entropy, *data)
    true = float(H.trace())
    hutchinson = math.sqrt(2 * float((H**2).sum() - (H.diagonal() ** 2).sum()) / 99)
    found = [curvature_trace(model, entropy, data, generator=seeded(s)) for s in range(8)]
    assert {(f.probed, f.products) for f in found} == {(probed, 99)}
    error = math.sqrt(np.mean([(f.value - true) ** 2 for f in found]))
    assert error < ratio * hutchinson
    assert np.mean([f.se for f in found]) < ratio * hutchinson


def test_shared_weights_and_penalties_are_told_from_a_rectifier_network():
    model, data = wide(nn.ReLU)

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(20, 20).double()

        def forward(self, x):
            return self.inner(torch.relu(self.inner(x)))

    def penalised(outputs, targets):
        return entropy(outputs, targets) + model[0].weight.square().sum()

    assert curvature_trace(Shared(), entropy, data).probed == "hessian"
    found = curvature_trace(model, penalised, data)
    plain = curvature_trace(model, entropy, data)
    assert (found.probed, plain.probed) == ("hessian", "gauss_newton")
    assert found.value - plain.value == pytest.approx(2 * 600, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
def test_the_interval_covers_the_trace_as_often_as_it_says(activation):
    model, data = wide(activation)
    true = float(dense_hessian(model, entropy, *data).trace())
    found = [
        curvature_trace(model, entropy, data, products=40, level=0.9, generator=seeded(s))
        for s in range(100)
    ]
    covered = sum(f.lower <= true <= f.upper for f in found)
    # binomial(100, 0.9): 90 with standard deviation 3
    assert 79 <= covered <= 99
    z = [(f.value - true) / f.se for f in found]
    assert abs(np.mean(z)) < 4 / math.sqrt(100)


def test_a_kept_space_costs_nothing_more_and_the_probes_are_new():
    model, data = wide(nn.Tanh)
    true = float(dense_hessian(model, entropy, *data).trace())
    top = eigenvalues(model, entropy, data, keep=True)
    found = curvature_trace(model, entropy, data, reuse=top, generator=seeded(1))
    assert found.products == 99
    assert found.probes == 99 - top.products
    assert found.deflated == top.products
    assert found.captured == pytest.approx(np.trace(top.krylov.projected))
    assert abs(found.value - true) < 4 * found.se


def test_a_space_that_does_not_fit_is_refused():
    model, data = wide(nn.Tanh)
    kept = eigenvalues(model, entropy, data, keep=True)
    cases = [
        (eigenvalues(model, entropy, data), data, {}, "keep=True"),
        (kept, (data[0][:60], data[1][:60]), {}, "another matrix"),
        (kept, data, {"kind": "gauss_newton"}, "another matrix"),
        (kept, data, {"mode": "train"}, "another matrix"),
        (kept, data, {"parameters": ["0"]}, "another matrix"),
        (kept, data, {"generator": seeded(0)}, "seed 0 drew the space"),
        (kept, data, {"products": kept.products + 1}, "expected at least"),
    ]
    for reuse, on, options, match in cases:
        options = {"generator": seeded(5)} | options
        with pytest.raises(ConfigurationError, match=match):
            curvature_trace(model, entropy, on, reuse=reuse, **options)
    with pytest.raises(ConfigurationError, match="level"):
        curvature_trace(model, entropy, data, level=1.0)


def test_a_matrix_that_is_not_finite_has_no_trace():
    model, (x, y) = wide(nn.ReLU)
    x = x.clone()
    x[0, 0] = math.nan
    with pytest.warns(RuntimeWarning, match="not finite"):
        found = curvature_trace(model, entropy, (x, y))
    assert math.isnan(found.value)
    assert math.isnan(found.se)


def test_several_batches_and_a_chosen_layer_have_their_trace():
    model, (x, y) = wide(nn.ReLU)
    H = dense_hessian(model, entropy, x, y)
    batches = [(x[:40], y[:40]), (x[40:], y[40:])]
    found = curvature_trace(model, entropy, batches, parameters=["2"], products=60)
    assert abs(found.value - float(H[630:, 630:].trace())) < 5 * found.se + 1e-9
    assert found.parameters == 155


def test_the_frame_has_one_row():
    model, data = wide(nn.ReLU)
    found = curvature_trace(model, entropy, data, products=20)
    frame = found.to_frame()
    assert list(frame.columns) == (
        "kind value se lower upper level captured deflated probes products probed".split()
    )
    assert frame["value"].item() == found.value
    assert f"{found.value:.6g}" in found.summary()
