"""SAM sharpness against the closed form of quadratics, by the trust region's secular equation."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.curvature import sam_sharpness
from tests.collectors.curvature.samples import classified, draw, entropy, matrix, network, seeded


class Quadratic(nn.Module):
    """Per-example losses c_i (theta' A theta / 2 + b' theta), whose mean weight is one."""

    def __init__(self, A, b, theta):
        super().__init__()
        self.A, self.b, self.theta = A, b, nn.Parameter(theta.clone())

    def forward(self, weights):
        return weights * (self.theta @ self.A @ self.theta / 2 + self.b @ self.theta)


def itself(outputs, targets):
    return outputs


WEIGHTS = torch.tensor([0.5, 1.5, 1.0], dtype=torch.float64)


def highest(A, g, radius):
    """Max of g'u + u'Au/2 over the ball: u = (mu - A)^-1 g with |u| = radius, mu >= top."""
    values, vectors = np.linalg.eigh(A)
    g = vectors.T @ g

    def length(mu):
        return np.linalg.norm(g / (mu - values)) - radius

    if values[-1] < 0 and length(0.0) < 0:
        u = g / -values
    else:
        low = max(values[-1], 0.0)
        u = g / (brentq(length, low + 1e-13, low + 1e6, xtol=1e-15) - values)
    return float(g @ u + (values * u) @ u / 2)


CASES = {
    "convex": [5.0, 3.0, 1.0, 0.5, 0.1, 0.0],
    "indefinite": [3.0, 1.0, 0.2, -0.5, -2.0, -6.0],
    "concave": [-0.5, -1.0, -1.5, -2.0, -3.0, -6.0],
}


@pytest.mark.parametrize("radius", [0.05, 0.5, 5.0])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("adaptive", [False, True])
def test_the_ascent_reaches_the_closed_form_of_a_quadratic(case, radius, adaptive):
    A, b, theta = matrix(CASES[case]), draw(6, seed=1), draw(6, seed=2)
    D = torch.diag(theta.abs()) if adaptive else torch.eye(6, dtype=torch.float64)
    g = D @ (A @ theta + b)
    exact = highest((D @ A @ D).numpy(), g.numpy(), radius)
    model = Quadratic(A, b, theta)
    found = sam_sharpness(
        model, itself, (WEIGHTS, WEIGHTS), radius=radius, steps=100, starts=2, adaptive=adaptive
    )
    assert found.value == pytest.approx(exact, rel=1e-3)
    assert found.value <= exact * (1 + 1e-12)
    assert found.distance <= radius * (1 + 1e-12)
    assert torch.equal(model.theta.detach(), theta)


def test_one_step_is_the_step_of_sam():
    A, b, theta = matrix(CASES["convex"]), draw(6, seed=1), draw(6, seed=2)
    g = A @ theta + b
    u = 0.1 * g / g.norm()
    rise = float(g @ u + u @ A @ u / 2)
    found = sam_sharpness(Quadratic(A, b, theta), itself, (WEIGHTS, WEIGHTS), radius=0.1)
    assert found.first_order == pytest.approx(rise, rel=1e-12)
    assert found.value == found.first_order
    assert found.distance == pytest.approx(0.1)
    assert found.gradients == 2


def test_one_step_of_asam_is_weighted_by_the_square_of_the_parameters():
    # Kwon et al. 2021, equation 8: e = rho T^2 g / |T g|
    A, b, theta = matrix(CASES["convex"]), draw(6, seed=1), draw(6, seed=2)
    g, T = A @ theta + b, theta.abs()
    e = 0.1 * T**2 * g / (T * g).norm()
    rise = float(g @ e + e @ A @ e / 2)
    options = {"radius": 0.1, "adaptive": True}
    found = sam_sharpness(Quadratic(A, b, theta), itself, (WEIGHTS, WEIGHTS), **options)
    assert found.first_order == pytest.approx(rise, rel=1e-12)


def test_adaptive_sharpness_does_not_change_when_layers_are_rescaled():
    model, data = network(nn.ReLU), classified()

    def measure(adaptive):
        return sam_sharpness(model, entropy, data, adaptive=adaptive, radius=0.3, steps=5).value

    plain, adaptive = measure(False), measure(True)
    with torch.no_grad():
        model[0].weight.mul_(10)
        model[0].bias.mul_(10)
        model[2].weight.div_(10)
    assert measure(True) == pytest.approx(adaptive, rel=1e-10)
    assert measure(False) != pytest.approx(plain, rel=0.1)


def test_at_a_stationary_point_random_starts_find_the_rise_that_one_step_misses():
    A, zero = matrix(CASES["convex"]), torch.zeros(6, dtype=torch.float64)
    model, data = Quadratic(A, zero, zero), (WEIGHTS, WEIGHTS)
    assert sam_sharpness(model, itself, data, radius=1.0).value == 0
    found = sam_sharpness(model, itself, data, radius=1.0, steps=100, starts=2)
    assert found.value == pytest.approx(5.0 / 2, rel=1e-4)
    assert found.distance == pytest.approx(1.0)


def test_a_longer_ascent_never_finds_less():
    model, data = network(seed=5), classified()
    values = [
        sam_sharpness(model, entropy, data, radius=1.0, steps=steps).value
        for steps in (1, 2, 4, 8, 16)
    ]
    assert values == sorted(values)
    assert values[-1] > values[0]


def test_batches_weigh_by_their_examples_and_a_layer_can_be_chosen():
    model, (x, y) = network(), classified(24)
    split = [(x[:20], y[:20]), (x[20:], y[20:])]
    options = {"radius": 0.5, "steps": 3, "parameters": ["2"]}
    one, two = (sam_sharpness(model, entropy, d, **options) for d in ((x, y), split))
    assert two.value == pytest.approx(one.value, rel=1e-10)
    assert two.loss == pytest.approx(entropy(model(x), y).mean().item())
    assert (one.parameters, two.examples) == (15, 24)
    assert one.value < sam_sharpness(model, entropy, (x, y), radius=0.5, steps=3).value


def test_a_loss_that_is_not_finite_has_no_sharpness():
    model, (x, y) = network(), classified()
    x[0, 0] = math.nan
    assert math.isnan(sam_sharpness(model, entropy, (x, y)).value)


def test_random_starts_come_from_the_generator():
    model, data = network(), classified()
    a, b, c = (
        sam_sharpness(model, entropy, data, starts=3, radius=2.0, generator=seeded(s))
        for s in (1, 1, 2)
    )
    assert a == b
    assert (a.seed, c.seed) == (1, 2)
    assert list(a.to_frame()["starts"]) == [3]


def test_calls_that_cannot_be_answered_are_refused():
    for options, match in [
        ({"radius": 0.0}, "radius"),
        ({"steps": 0}, "steps"),
        ({"starts": 0}, "starts"),
    ]:
        with pytest.raises(ConfigurationError, match=match):
            sam_sharpness(network(), entropy, classified(), **options)
    with pytest.raises(ConfigurationError, match="hold no batch"):
        sam_sharpness(network(), entropy, [])
