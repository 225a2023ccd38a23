"""Margins against closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.complexity.margins import (
    input_margins,
    input_size,
    margin_quantiles,
    margins,
)
from collectors.complexity.norms import copy_parameters
from collectors.complexity.spectral_complexity import spectral_complexity


def test_a_margin_is_the_true_logit_minus_the_best_other():
    logits = torch.tensor([[3.0, 1.0, 2.5], [3.0, 1.0, 2.5], [0.0, 0.0, -1.0]])
    before = logits.clone()
    assert margins(logits, torch.tensor([0, 1, 0])).tolist() == [0.5, -2.0, 0.0]
    assert torch.equal(logits, before)


def test_margins_are_positive_exactly_where_the_prediction_is_right():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 4, generator=generator)
    labels = torch.randint(4, (200,), generator=generator)
    assert torch.equal(margins(logits, labels) > 0, logits.argmax(1) == labels)


def test_margins_of_logits_that_are_not_a_number_are_not_a_number():
    assert margins(torch.tensor([[math.nan, 1.0]]), torch.tensor([1])).isnan().all()


def test_margins_of_shapes_that_do_not_fit_are_refused():
    for logits, labels in ((torch.ones(3, 1), 3), (torch.ones(3), 3), (torch.ones(3, 2), 2)):
        with pytest.raises(ConfigurationError, match="classes >= 2"):
            margins(logits, torch.zeros(labels, dtype=torch.int64))


def linear_classifier(seed=0):
    torch.manual_seed(seed)
    model = nn.Linear(4, 3).double()
    return model, torch.randn(20, 4, dtype=torch.float64), torch.randint(3, (20,))


@pytest.mark.parametrize(("norm", "dual"), [("l2", 2), ("linf", 1), ("l1", np.inf)])
def test_the_input_margin_of_a_linear_classifier_is_the_distance_to_its_boundary(norm, dual):
    model, x, y = linear_classifier()
    W, f = model.weight.detach().numpy(), model(x).detach().numpy()
    for i, found in enumerate(input_margins(model, x, y, norm=norm).tolist()):
        t = int(y[i])
        distances = [
            (f[i, t] - f[i, c]) / np.linalg.norm(W[t] - W[c], dual) for c in range(3) if c != t
        ]
        assert found == pytest.approx(min(distances))


def test_the_runner_up_is_one_class_and_never_nearer_than_the_nearest():
    model, x, y = linear_classifier()
    W, f = model.weight.detach().numpy(), model(x).detach().numpy()
    found = input_margins(model, x, y, classes="runner_up")
    for i, value in enumerate(found.tolist()):
        t = int(y[i])
        c = max((c for c in range(3) if c != t), key=lambda c: f[i, c])
        assert value == pytest.approx((f[i, t] - f[i, c]) / np.linalg.norm(W[t] - W[c]))
    nearest = input_margins(model, x, y)
    assert bool((nearest <= found + 1e-12).all())
    assert bool((nearest < found - 1e-6).any())


def test_moving_an_example_by_its_input_margin_reaches_the_boundary_of_a_rectifier_network():
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)).double()
    x = torch.randn(500, 2, dtype=torch.float64)
    y = model(x).argmax(1)
    d = input_margins(model, x, y)
    moving = x.clone().requires_grad_()
    gap = margins(model(moving), y)
    slope = torch.autograd.grad(gap.sum(), moving)[0]
    step = x - d[:, None] * slope / slope.norm(dim=1, keepdim=True)
    patterns = [(model[0](p) > 0) for p in (x, step)]
    linear = (patterns[0] == patterns[1]).all(1)  # the same linear piece
    assert int(linear.sum()) > 5
    assert margins(model(step), y)[linear].abs().max().item() < 1e-10


def test_input_margins_join_all_inputs_and_leave_the_network_as_found():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3).double()

        def forward(self, left, right):
            return self.layer(torch.cat([left, right], 1))

    torch.manual_seed(0)
    model = Two().train()
    x, y = torch.randn(5, 4, dtype=torch.float64), torch.randint(3, (5,))
    joint = input_margins(model.layer, x, y)
    split = input_margins(model, (x[:, :1], x[:, 1:]), y)
    assert split.tolist() == pytest.approx(joint.tolist())
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert not x.requires_grad


def test_a_flat_network_has_no_boundary_and_nan_no_margin():
    model = nn.Linear(2, 2)
    nn.init.zeros_(model.weight)
    x = torch.tensor([[1.0, 2.0], [math.nan, 0.0]])
    found = input_margins(model, x, torch.tensor([0, 0]))
    assert found[0] == math.inf
    assert math.isnan(found[1])


def test_input_margins_that_cannot_be_taken_are_refused():
    model, x, y = linear_classifier()
    with pytest.raises(ConfigurationError, match="'l3' and 'all'"):
        input_margins(model, x, y, norm="l3")
    with pytest.raises(ConfigurationError, match="floating point"):
        input_margins(nn.Sequential(nn.Embedding(3, 2)), torch.tensor([1]), torch.tensor([0]))


def test_quantiles_are_numpys():
    values = torch.randn(31, generator=torch.Generator().manual_seed(0))
    found = margin_quantiles(values)
    levels = list(found)
    assert levels == [0.05, 0.25, 0.5, 0.75, 0.95]
    assert list(found.values()) == pytest.approx(
        list(np.quantile(values.double().numpy(), levels))
    )
    with pytest.raises(ConfigurationError, match="levels from 0 to 1"):
        margin_quantiles(values, [2.0])
    with pytest.raises(ConfigurationError, match=r"shape \(0,\)"):
        margin_quantiles(values[:0])


def bartlett(layers, references):
    """The spectral complexity of dense matrices, as equation 1.2 has it."""
    sigmas = [np.linalg.norm(A, 2) for A in layers]
    terms = [
        (np.linalg.norm(A - M, axis=1).sum() / s) ** (2 / 3)
        for A, M, s in zip(layers, references, sigmas, strict=True)
    ]
    return np.prod(sigmas), sum(terms) ** 1.5


def dense(layer, shape):
    zero = torch.zeros(1, *shape, dtype=torch.float64)
    eye = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        return (layer(eye) - layer(zero)).flatten(1).T.numpy()


def test_the_spectral_complexity_is_that_of_the_dense_matrices():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3)
    ).double()
    x = torch.randn(2, 1, 4, 4, dtype=torch.float64)

    def matrices():
        return [dense(model[0], (1, 4, 4)), dense(model[3], (32,))]

    before, start = matrices(), copy_parameters(model)
    with torch.no_grad():
        for p in model.parameters():
            p += 0.1 * torch.randn_like(p)
    zeros = [0 * A for A in before]
    for references, options in ((zeros, {}), (before, {"start": start})):
        generator = torch.Generator().manual_seed(0)
        found = spectral_complexity(model, x, generator=generator, tolerance=1e-9, **options)
        product, correction = bartlett(matrices(), references)
        assert found.product == pytest.approx(product, rel=1e-8)
        assert found.correction == pytest.approx(correction, rel=1e-8)
    size = input_size(x)
    assert size == pytest.approx(np.linalg.norm(x.numpy()) / math.sqrt(2))
    values = found.normalize(torch.tensor([2.0]), size)
    assert values.item() == pytest.approx(2 / (product * correction * size))


def test_the_normalised_margin_does_not_change_when_a_layer_is_rescaled():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU(), nn.Linear(5, 3, bias=False))
    x, y = torch.randn(9, 4), torch.randint(3, (9,))

    def normalised():
        found = spectral_complexity(model, x, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            return found.normalize(margins(model(x), y), input_size(x))

    before = normalised()
    with torch.no_grad():
        model[0].weight *= 10
    assert normalised().tolist() == pytest.approx(before.tolist(), rel=1e-5)


def test_spectral_complexity_of_what_is_not_a_chain_of_linear_maps_is_refused():
    generator = torch.Generator()
    model = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    with pytest.raises(ConfigurationError, match="linear layers alone; 1 is none"):
        spectral_complexity(model, torch.ones(1, 2), generator=generator)
    with pytest.raises(ConfigurationError, match=r"does not hold '0\.weight'"):
        spectral_complexity(model[:1], torch.ones(1, 2), generator=generator, start={})
