"""Flatness against dense matrices, and what is said of networks that collapsed."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.curvature.flat_minima import flatness, measure_fit, relative_curvature
from tests.collectors.curvature.samples import (
    classified,
    convolutional,
    dense_hessian,
    draw,
    entropy,
    images,
    network,
    seeded,
    spectrum,
    squares,
)
from tests.collectors.curvature.test_kept import masks_of, places, submatrix


def pruned(seed=0):
    model = network(seed=seed)
    masks = masks_of(model, seed, share=0.6)
    with torch.no_grad():
        for name, mask in masks.kept.items():
            model.get_parameter(name).mul_(torch.from_numpy(mask))
    return model, masks


def test_both_spaces_are_those_of_the_dense_hessian():
    model, masks = pruned()
    x, y = classified()
    H, kept = dense_hessian(model, entropy, x, y), places(model, masks)
    model.zero_grad()
    entropy(model(x), y).mean().backward()
    g = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    found = flatness(model, entropy, (x, y), masks=masks, tolerance=1e-7)
    cases = ((found.full, H, g), (found.kept, submatrix(H, kept), g[kept]))
    for space, matrix, gradient in cases:
        values = spectrum(matrix)
        assert space.top.values == pytest.approx(values[:5], rel=1e-5)
        assert space.smallest.values[0] == pytest.approx(values[-1], rel=0.005)
        assert space.trace.value == pytest.approx(values.sum(), rel=1e-6)
        assert space.gradient_norm == pytest.approx(gradient.norm().item(), rel=1e-12)
        size = max(abs(values[0]), abs(values[-1]))
        assert space.one_step == pytest.approx(gradient.norm().item() ** 2 / 2 / size, rel=1e-5)
        share, se = space.negative_share
        assert abs(share - np.mean(values < -1e-3 * values[0])) < max(5 * se, 0.15)
    assert found.kept.top.values[0] < found.full.top.values[0]
    assert (found.full.entries, found.kept.entries) == (31, len(kept))


def test_a_step_of_length_one_over_the_curvature_takes_off_what_one_step_says():
    # L = |theta - c|^2 / 2 with one curvature: the step ends at the minimum
    model = nn.Linear(1, 2, bias=False).double()
    target = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    found = flatness(model, squares, (torch.ones(1, 1).double(), target), top=1)
    assert found.full.one_step == pytest.approx(found.fit.loss, rel=1e-6)
    assert "not a minimum" in found.cautions("full")


def filter_scales(model):
    """Loop over filters: norm over the root of the count; 0 for biases."""
    parts = []
    for p in model.parameters():
        d = torch.zeros_like(p)
        if p.ndim > 1:
            for j in range(len(p)):
                d[j] = p[j].norm() / math.sqrt(p[j].numel())
        parts.append(d.detach().reshape(-1))
    return torch.cat(parts)


def test_relative_curvature_is_that_of_the_scaled_dense_hessian():
    model, (x, y) = convolutional(), images()
    D = torch.diag(filter_scales(model))
    values = spectrum(D @ dense_hessian(model, entropy, x, y) @ D)
    found = relative_curvature(model, entropy, (x, y), tolerance=1e-7)
    assert found.top.value == pytest.approx(values[0], rel=1e-6)
    assert abs(found.mean - values.sum()) <= max(5 * found.mean_se, 1e-9)


def test_relative_curvature_is_the_mean_over_filter_normalised_directions():
    model, (x, y) = network(), classified()
    H, drawn = dense_hessian(model, entropy, x, y), seeded(3)
    forms = []
    for _ in range(4000):
        parts = []
        for p in model.parameters():
            u = torch.zeros_like(p)
            if p.ndim > 1:
                u = torch.randn(p.shape, generator=drawn, dtype=p.dtype)
                u = u / u.norm(dim=1, keepdim=True) * p.norm(dim=1, keepdim=True)
            parts.append(u.detach().reshape(-1))
        u = torch.cat(parts)
        forms.append(float(u @ H @ u))
    found = relative_curvature(model, entropy, (x, y))
    error = math.hypot(found.mean_se, np.std(forms) / math.sqrt(len(forms)))
    assert abs(found.mean - np.mean(forms)) < 4 * error
    assert error < 0.1 * abs(found.mean)


def test_rescaling_layers_changes_eigenvalues_and_not_what_is_relative():
    model, data = network(nn.ReLU), classified()
    before = flatness(model, entropy, data, tolerance=1e-7, probes=0)
    with torch.no_grad():
        model[0].weight.mul_(5)
        model[0].bias.mul_(5)
        model[2].weight.div_(5)
    after = flatness(model, entropy, data, tolerance=1e-7, probes=0)
    assert after.fit.loss == pytest.approx(before.fit.loss, rel=1e-12)
    assert abs(after.full.top.values[0] / before.full.top.values[0] - 1) > 0.5
    assert abs(after.full.trace.value / before.full.trace.value - 1) > 0.5
    old, new = before.full, after.full
    assert new.relative.top.value == pytest.approx(old.relative.top.value, rel=1e-6)
    assert new.relative.mean == pytest.approx(old.relative.mean, rel=1e-6)
    assert new.adaptive.value == pytest.approx(old.adaptive.value, rel=1e-9)


def blobs(n=300):
    """Three classes of four numbers, well apart."""
    centres = 2.5 * draw(3, 4, seed=7)
    y = torch.arange(n) % 3
    return centres[y] + draw(n, 4, seed=8), y


def trained(masks=None, steps=400):
    """4-16-3, trained with masks held."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)).double()
    x, y = blobs()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=20, line_search_fn="strong_wolfe")

    def closure():
        hold()
        optimizer.zero_grad()
        value = entropy(model(x), y).mean() + 0.01 * sum(
            p.square().sum() for p in model.parameters()
        )
        value.backward()
        for name, mask in (masks or {}).items():
            model.get_parameter(name).grad *= torch.from_numpy(mask)
        return value

    def hold():
        with torch.no_grad():
            for name, mask in (masks or {}).items():
                model.get_parameter(name).mul_(torch.from_numpy(mask))

    for _ in range(steps // 20):
        optimizer.step(closure)
    hold()
    return model


def test_a_collapsed_network_is_flatter_than_a_trained_one_and_the_summary_warns():
    kept = {"0.weight": np.zeros((16, 4), bool), "2.weight": np.zeros((3, 16), bool)}
    kept["0.weight"][0, 0] = True
    good = flatness(trained(), entropy, blobs())
    bad = flatness(trained(kept), entropy, blobs(), masks=Masks(kept))
    assert good.fit.accuracy > 0.9
    assert bad.fit.skill < 0.1
    assert bad.kept.top.values[0] < good.full.top.values[0]
    assert bad.kept.trace.value < good.full.trace.value
    assert bad.kept.sam.value < good.full.sam.value
    assert "near chance" in bad.cautions()
    assert "CAUTION" in bad.summary()
    assert "do not read this as a flat minimum" in bad.summary()
    assert "near chance" not in good.summary()
    rows = bad.to_frame()
    assert rows["caution"].str.contains("near chance").all()


def test_a_network_on_its_way_is_called_no_minimum_and_one_that_arrived_is_not():
    model, data = network(), classified()
    early = flatness(model, entropy, data, probes=0)
    assert "not a minimum" in early.cautions("full")
    assert "not small" in early.summary()
    x = draw(30, 4, seed=1)
    y = torch.arange(30) % 3
    with torch.random.fork_rng():
        torch.manual_seed(0)
        there = nn.Linear(4, 3).double()
    optimizer = torch.optim.LBFGS(there.parameters(), max_iter=500, tolerance_grad=1e-12)

    def closure():
        optimizer.zero_grad()
        value = entropy(there(x), y).mean()
        value.backward()
        return value

    optimizer.step(closure)
    late = flatness(there, entropy, (x, y), probes=0)
    assert late.full.one_step < 1e-9
    assert "not a minimum" not in late.cautions("full")


def test_the_frame_is_tidy_with_labels_first_and_frames_of_networks_join():
    model, masks = pruned()
    found = flatness(model, entropy, classified(), masks=masks, top=2, population=1000)
    frame = found.to_frame(method="magnitude", seed=3)
    assert list(frame) == [
        "method", "seed", "quantity", "space", "rank", "value", "standard_error", "error_of",
        "bound", "certified", "caution",
    ]  # fmt: skip
    assert not frame.duplicated(["quantity", "space", "rank"]).any()
    assert set(frame["space"]) == {"network", "full", "kept"}
    for quantity in ("training_loss", "training_accuracy"):
        assert (frame["quantity"] == quantity).sum() == 1
    values = frame[frame["quantity"] == "eigenvalue"]
    assert values["rank"].tolist() == [1, 2, 1, 2]
    assert (values["standard_error"] > 0).all()
    assert set(values["error_of"]) == {"examples"}
    both = pd.concat([frame, found.to_frame(method="random", seed=3)])
    assert set(both["method"]) == {"magnitude", "random"}
    density = found.density_frame(method="magnitude")
    assert list(density) == ["method", "space", "value", "density", "se", "width"]
    assert set(density["space"]) == {"full", "kept"}


def test_losses_without_classes_have_no_accuracy_and_no_caution_of_chance():
    model = nn.Linear(4, 3).double()
    data = draw(20, 4, seed=1), draw(20, 3, seed=2)
    found = flatness(model, squares, data, probes=0)
    assert math.isnan(found.fit.accuracy)
    assert "near chance" not in found.cautions()
    assert "not measured" in found.summary()


def test_fit_counts_what_a_loop_counts():
    model, (x, y) = network(), classified(25)
    found = measure_fit(model, entropy, [(x[:9], y[:9]), (x[9:], y[9:])])
    predicted = [int(model(each[None])[0].argmax()) for each in x]
    assert found.accuracy == sum(p == t for p, t in zip(predicted, y.tolist(), strict=True)) / 25
    assert found.chance == 9 / 25
    assert found.commonest == max(predicted.count(c) for c in range(3)) / 25
    assert found.loss == pytest.approx(np.mean([entropy(model(x), y).tolist()]), rel=1e-12)


def test_measuring_leaves_the_network_and_repeats_to_the_bit():
    model, masks = pruned()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    first, second = (
        flatness(model, entropy, classified(), masks=masks, generator=seeded(5)).to_frame()
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_masks_and_options_that_do_not_fit_are_refused():
    model, masks = pruned()
    data = classified()
    with pytest.raises(ConfigurationError, match="not zero"):
        flatness(network(seed=9), entropy, data, masks=masks)
    with pytest.raises(ConfigurationError, match="population"):
        flatness(model, entropy, data, population=0)
    with pytest.raises(ConfigurationError, match="probes"):
        flatness(model, entropy, data, probes=-1)
    with pytest.raises(ConfigurationError, match="once"):
        flatness(model, entropy, iter([data]))
    with pytest.raises(ConfigurationError, match="must be a tuple"):
        flatness(model, entropy, None)
    with pytest.raises(ConfigurationError, match="masks are a Masks"):
        flatness(model, entropy, data, masks=[1])
    with pytest.raises(ConfigurationError, match="a torch Module; got 3"):
        flatness(3, entropy, data)


def test_a_place_with_a_gradient_is_not_called_a_saddle():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(0.1)
    data = torch.ones(4, 1), torch.ones(4)
    found = flatness(model, lambda out, y: (out[:, 0] - y) ** 2, data, top=1, probes=0)
    assert found.full.gradient_norm > 0
    said = found.cautions("full")["negative curvature"]
    assert "of the largest: the loss curves down along a direction" in said
