"""Standard errors over examples against repeated subsampling and per-example dense Hessians."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.curvature import curvature_of, eigenvalues, sampled_curvature, sampled_trace
from collectors.curvature.shares import example_curvatures
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

DENSE = {"hessian": dense_hessian, "gauss_newton": dense_gauss_newton}


def matrices(model, data, kind="hessian"):
    """One dense matrix an example."""
    pairs = zip(*(part.split(1) for part in data), strict=True)
    return torch.stack([DENSE[kind](model, entropy, x, y) for x, y in pairs])


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize(
    ("model", "data"),
    [
        (network(), classified(12)),
        (convolutional(), images(6)),
        (convolutional(activation=nn.GELU), images(6)),
    ],
)
def test_an_examples_share_is_its_own_curvature(model, data, kind):
    x, y = data
    with curvature_of(model, entropy, [(x[:4], y[:4]), (x[4:], y[4:])], kind=kind) as A:
        V = draw(3, A.size, seed=4)
        found = example_curvatures(A, V)
    exact = torch.einsum("kp,ipq,kq->ki", V, matrices(model, data, kind), V)
    assert np.allclose(found, exact.numpy(), rtol=1e-9, atol=1e-12)


def population(n=400):
    """A trained network and its per-example Hessians."""
    model, (x, y) = network(), classified(n)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()
    for _ in range(40):
        optimizer.zero_grad()
        entropy(model(x), y).mean().backward()
        optimizer.step()
    return model, (x, y), matrices(model, (x, y)).numpy()


def test_the_standard_error_of_an_eigenvalue_is_its_spread_over_subsamples():
    model, (x, y), H = population()
    n, rng = 200, np.random.default_rng(0)
    picks = [rng.choice(400, n, replace=False) for _ in range(400)]
    tops = np.array([np.linalg.eigvalsh(H[i].mean(axis=0))[::-1][:2] for i in picks])
    spread = tops.std(axis=0, ddof=1)
    errors = []
    for pick in picks[:12]:
        data = (x[pick], y[pick])
        top = eigenvalues(model, entropy, data, k=2, tolerance=1e-8, keep=True)
        found = sampled_curvature(model, entropy, data, top.vectors, population=400)
        assert found.values == pytest.approx(top.values, rel=1e-9)
        errors.append(found.standard_errors)
    # a standard deviation over 400 draws is known to 4%, the mean of 12 errors to a few percent
    assert np.mean(errors, axis=0) == pytest.approx(spread, rel=0.15)
    # without the finite-population factor it would be too large by the root of two
    infinite = sampled_curvature(model, entropy, data, top.vectors)
    assert infinite.standard_errors == pytest.approx(
        [e * math.sqrt(2) for e in found.standard_errors]
    )


def test_the_whole_population_has_no_sampling_error():
    model, data = network(), classified(24)
    v = torch.nn.functional.normalize(draw(31, 1, seed=3), dim=0)
    found = sampled_curvature(model, entropy, data, v, population=24)
    assert found.standard_errors == (0.0,)
    H = dense_hessian(model, entropy, *data)
    assert found.values[0] == pytest.approx(float(v[:, 0] @ H @ v[:, 0]), rel=1e-10)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_the_traces_standard_error_is_the_spread_of_the_examples_traces(kind):
    model, data = network(), classified(60)
    traces = matrices(model, data, kind).diagonal(dim1=1, dim2=2).sum(dim=1)
    exact = float(traces.std()) / math.sqrt(60)
    found = [
        sampled_trace(model, entropy, data, kind=kind, probes=24, generator=seeded(s))
        for s in range(6)
    ]
    squares = [f.standard_errors[0] ** 2 for f in found]
    assert np.mean(squares) == pytest.approx(exact**2, rel=0.3)
    assert np.mean([f.values[0] for f in found]) == pytest.approx(float(traces.mean()), rel=0.25)
    half = sampled_trace(model, entropy, data, kind=kind, probes=24, population=120)
    assert half.standard_errors[0] == pytest.approx(math.sqrt(squares[0] / 2))


def test_probes_do_not_inflate_the_traces_error():
    # examples all alike: the forms differ between probes, and the error is zero all the same
    model, (x, y) = network(), classified()
    data = (x[:1].expand(20, 3), y[:1].expand(20))
    found = sampled_trace(model, entropy, data, probes=4)
    assert found.standard_errors[0] == pytest.approx(0.0, abs=1e-9)


def test_a_frame_has_one_row_a_direction():
    model, data = network(), classified()
    found = sampled_curvature(model, entropy, data, draw(31, 2), population=90)
    frame = found.to_frame()
    assert list(frame.columns) == ["kind", "name", "value", "se", "examples", "population"]
    assert list(frame["name"]) == ["direction 1", "direction 2"]
    assert "24 examples out of 90" in found.summary()
    assert "infinitely many" in sampled_trace(model, entropy, data, probes=2).summary()


def test_calls_that_cannot_be_answered_are_refused():
    model, (x, y) = network(), classified()
    v = draw(31, 1)
    for data, vectors, options, match in [
        ((x[:1], y[:1]), v, {}, "at least two"),
        ((x, y), v.T, {}, r"shape \(31, k\); got \(1, 31\)"),
        ((x, y), v, {"population": 20}, "smaller than the sample"),
    ]:
        with pytest.raises(ConfigurationError, match=match):
            sampled_curvature(model, entropy, data, vectors, **options)
    with pytest.raises(ConfigurationError, match="at least 2 probes"):
        sampled_trace(model, entropy, (x, y), probes=1)
