"""Curvature of the entries that masks keep, against rows and columns of a dense Hessian."""

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.curvature import (
    curvature_of,
    curvature_trace,
    eigenvalues,
    sam_sharpness,
    sampled_curvature,
    sampled_trace,
    spectral_density,
)
from collectors.kept import kept_by_parameter
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
    spectrum,
)


def masks_of(model, seed=0, share=0.4):
    """Masks of the weights; biases have none, so that they are kept."""
    drawn = np.random.default_rng(seed)
    return Masks(
        {
            name: drawn.random(tuple(p.shape)) < share
            for name, p in model.named_parameters()
            if p.ndim > 1
        }
    )


def places(model, masks):
    flat = [
        np.asarray(masks.kept[name]).ravel() if name in masks.kept else np.ones(p.numel(), bool)
        for name, p in model.named_parameters()
    ]
    return np.flatnonzero(np.concatenate(flat))


def submatrix(matrix, kept):
    return matrix[kept][:, kept]


CASES = [(network, classified), (convolutional, images)]
TRUTH = {"hessian": dense_hessian, "gauss_newton": dense_gauss_newton}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", TRUTH)
def test_products_are_those_of_rows_and_columns_of_the_dense_matrix(case, kind):
    model, (x, y) = case[0](), case[1]()
    masks = masks_of(model)
    kept = places(model, masks)
    exact = submatrix(TRUTH[kind](model, entropy, x, y), kept)
    v = draw(3, len(kept), seed=4)
    for data in ((x, y), [(x[:13], y[:13]), (x[13:], y[13:])]):
        with curvature_of(model, entropy, data, kind=kind, masks=masks) as A:
            assert A.size == len(kept)
            assert torch.allclose(A(v), v @ exact, rtol=1e-9, atol=1e-12)
            assert torch.allclose(A(v[0]), exact @ v[0], rtol=1e-9, atol=1e-12)


def test_eigenvalues_and_vectors_are_those_of_the_submatrix():
    model, (x, y) = network(), classified()
    masks = masks_of(model)
    kept = places(model, masks)
    exact = spectrum(submatrix(dense_hessian(model, entropy, x, y), kept))
    options = {"k": 3, "which": "both", "tolerance": 1e-8, "masks": masks, "keep": True}
    found = eigenvalues(model, entropy, (x, y), **options)
    assert found.values == pytest.approx([*exact[:3], *exact[:-4:-1]], rel=1e-6)
    assert found.parameters == len(kept)
    assert found.vectors.shape == (len(kept), 6)
    whole = spectrum(dense_hessian(model, entropy, x, y))
    assert exact[0] < whole[0]  # interlacing


@pytest.mark.parametrize("products", [20, 99])
def test_the_trace_is_that_of_the_submatrix(products):
    model, (x, y) = convolutional(), images()
    masks = masks_of(model)
    kept = places(model, masks)
    H = dense_hessian(model, entropy, x, y)
    exact = submatrix(H, kept).trace().item()
    found = curvature_trace(model, entropy, (x, y), products=products, masks=masks)
    assert abs(found.value - exact) <= max(5 * found.se, 1e-9 * abs(exact))
    assert abs(exact - H.trace().item()) > 10 * found.se
    assert found.parameters == len(kept)


def test_the_density_is_that_of_the_submatrix():
    model, (x, y) = network(), classified()
    masks = masks_of(model)
    exact = spectrum(submatrix(dense_hessian(model, entropy, x, y), places(model, masks)))
    top = eigenvalues(model, entropy, (x, y), k=3, keep=True, masks=masks)
    found = spectral_density(
        model, entropy, (x, y), probes=30, masks=masks, reuse=top, generator=seeded(8)
    )
    for order in (1, 2):
        moment, se = found.moment(order)
        assert abs(moment - np.mean(exact**order)) < 4 * se


def test_a_density_of_which_every_eigenvalue_is_known_needs_no_probe():
    model = nn.Linear(2, 1, bias=False).double()
    x, y = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).double(), torch.zeros(2).double()

    def loss(outputs, targets):
        return (outputs[:, 0] - targets) ** 2

    top = eigenvalues(model, loss, (x, y), k=2, keep=True)
    found = spectral_density(model, loss, (x, y), probes=2, reuse=top, generator=seeded(8))
    assert found.moment(1) == pytest.approx((5.0, 0.0))
    assert np.isfinite(found.to_frame()["density"]).all()


def test_shares_of_examples_and_their_errors_are_those_of_the_submatrix():
    model, (x, y) = network(), classified()
    masks = masks_of(model)
    kept = places(model, masks)
    v = draw(len(kept), 1, seed=3)
    v = v / v.norm()
    each = []
    for i in range(len(x)):
        H = dense_hessian(model, entropy, x[i : i + 1], y[i : i + 1])
        each.append(float(v[:, 0] @ submatrix(H, kept) @ v[:, 0]))
    found = sampled_curvature(model, entropy, (x, y), v, masks=masks)
    assert found.values[0] == pytest.approx(np.mean(each), rel=1e-9)
    error = np.std(each, ddof=1) / np.sqrt(len(each))
    assert found.standard_errors[0] == pytest.approx(error, rel=1e-9)
    assert np.isfinite(sampled_trace(model, entropy, (x, y), masks=masks).values[0])


def test_the_rise_of_the_loss_moves_kept_entries_alone():
    model, data = network(), classified()
    masks = masks_of(model)
    options = {"radius": 0.5, "steps": 20, "starts": 3}
    inside = sam_sharpness(model, entropy, data, masks=masks, **options)
    whole = sam_sharpness(model, entropy, data, **options)
    assert 0 < inside.value < whole.value
    assert inside.parameters == len(places(model, masks))
    # one step is the gradient's kept part, of length rho
    model.zero_grad()
    entropy(model(data[0]), data[1]).mean().backward()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name in masks.kept:
                p.grad *= torch.from_numpy(masks.kept[name])
        size = torch.cat([p.grad.reshape(-1) for p in model.parameters()]).norm()
        before = entropy(model(data[0]), data[1]).mean()
        for p in model.parameters():
            p += 0.5 * p.grad / size
        rise = (entropy(model(data[0]), data[1]).mean() - before).item()
    assert inside.first_order == pytest.approx(rise, rel=1e-9)


def test_a_mapping_of_tensors_serves_as_masks_and_chosen_parameters_bound_them():
    model, data = network(), classified()
    masks = masks_of(model)
    tensors = {name: torch.from_numpy(np.asarray(m)) for name, m in masks.kept.items()}
    with (
        curvature_of(model, entropy, data, masks=tensors) as A,
        curvature_of(model, entropy, data, masks=masks, parameters=["2.weight"]) as B,
    ):
        assert A.sizes == (
            int(masks.kept["0.weight"].sum()),
            4,
            int(masks.kept["2.weight"].sum()),
            3,
        )
        assert B.size == int(masks.kept["2.weight"].sum())


def test_masks_that_fit_no_parameter_are_refused():
    named = dict(network().named_parameters())
    for masks, message in (
        ({"fc": np.ones((4, 3), dtype=bool)}, "named like"),
        ({"0.weight": np.ones((4, 3))}, "truth values"),
        ({"0.weight": np.ones((3, 4), dtype=bool)}, "shape"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            kept_by_parameter(named, masks)
    only = {"0.weight": named["0.weight"]}
    with pytest.raises(ConfigurationError, match="keep nothing"):
        kept_by_parameter(only, {"0.weight": np.zeros((4, 3), dtype=bool)})
