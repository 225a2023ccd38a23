"""Path norms against the enumeration of all paths and against closed forms."""

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from causalhyper.errors import ConfigurationError
from collectors.complexity.paths import path_norm


def enumerate_paths(layers, inputs):
    """Sum over paths of squared products, one path at a time, of a dense chain with biases.

    A path begins at an input, or at the bias of one of the layers.
    """
    total = 0.0
    for first in range(-1, len(layers)):
        # -1: from an input through all layers; l: from the bias of layer l through the rest
        widths = [len(w) for w, _ in layers[max(first, 0) :]]
        starts = range(inputs) if first < 0 else [None]
        for start, units in product(starts, product(*map(range, widths))):
            value, here = 1.0, start
            for depth, unit in enumerate(units):
                w, b = layers[max(first, 0) + depth]
                value *= (b[unit] if here is None else w[unit][here]) ** 2
                here = unit
            total += value
    return math.sqrt(total)


def test_a_rectifier_network_has_the_norm_of_its_enumerated_paths():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3)
    )
    layers = [
        (m.weight.detach().double().numpy(), m.bias.detach().double().numpy())
        for m in model
        if isinstance(m, nn.Linear)
    ]
    assert path_norm(model, torch.randn(5, 3)) == pytest.approx(enumerate_paths(layers, 3))


def squared_dense(function, shape):
    """The squared matrix of a linear function of an image: every entry is one edge."""
    eye = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        return function(eye).flatten(1).T.numpy() ** 2


LINEAR = {
    "convolution": nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False),
    "circular": nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular", bias=False),
    "groups": nn.Conv2d(2, 4, 3, groups=2, dilation=2, bias=False),
    "transposed": nn.ConvTranspose2d(2, 3, 3, stride=2, bias=False),
    "average": nn.AvgPool2d(3, 2, 1),
    "average of what is there": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "adaptive": nn.AdaptiveAvgPool2d((2, 3)),
    "padding": nn.ZeroPad2d((1, 2, 0, 1)),
    "flatten": nn.Flatten(),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_linear_operation_squares_the_entries_of_its_matrix(name):
    torch.manual_seed(0)
    layer = LINEAR[name].double()
    exact = squared_dense(layer, (2, 6, 7)).sum()
    assert path_norm(layer, torch.randn(1, 2, 6, 7)) == pytest.approx(math.sqrt(exact))


@pytest.mark.parametrize(
    ("pool", "edges"),
    [
        (nn.MaxPool2d(2), 16),
        (nn.MaxPool2d(3, 1), 4 * 9),
        (nn.MaxPool2d(3, 2, 1), 2 * 2 + 2 * 3 + 3 * 2 + 3 * 3),
        (nn.AdaptiveMaxPool2d(1), 16),
    ],
)
def test_max_pooling_passes_on_every_input_of_its_window(pool, edges):
    assert path_norm(pool, torch.randn(1, 1, 4, 4)) == pytest.approx(math.sqrt(edges))


def test_batch_normalisation_is_folded_into_a_scale_and_a_bias():
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(2, eps=0.0).double()
    norm.running_mean.copy_(torch.tensor([1.0, -2.0]))
    norm.running_var.copy_(torch.tensor([4.0, 0.25]))
    norm.weight.detach().copy_(torch.tensor([3.0, 1.0]))
    norm.bias.detach().copy_(torch.tensor([0.5, 1.0]))
    # scales 1.5 and 2; shifts 0.5 - 1.5 = -1 and 1 + 4 = 5
    assert path_norm(norm, torch.ones(1, 2)) == pytest.approx(math.sqrt(2.25 + 1 + 4 + 25))
    linear = nn.Linear(3, 2).double()
    folded = nn.Linear(3, 2).double()
    scale = torch.tensor([1.5, 2.0], dtype=torch.float64)
    shift = torch.tensor([-1.0, 5.0], dtype=torch.float64)
    # the paths are those of the two layers, a bias of each, not of their fusion
    folded.weight.detach().copy_(linear.weight * scale[:, None])
    own = (folded.weight**2).sum() + ((linear.bias * scale) ** 2).sum() + (shift**2).sum()
    found = path_norm(nn.Sequential(linear, norm), torch.ones(1, 3))
    assert found == pytest.approx(math.sqrt(own.item()))


def test_layers_and_functions_give_the_same():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(12, 2)

        def forward(self, x):
            x = functional.max_pool2d(torch.relu(self.first(x)), 2)
            return functional.linear(x.reshape(len(x), -1), self.second.weight, self.second.bias)

    torch.manual_seed(0)
    model = Functional()
    layers = nn.Sequential(model.first, nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(), model.second)
    x = torch.randn(1, 1, 4, 4)
    assert path_norm(model, x) == path_norm(layers, x) > 0


def test_skip_connections_add_paths_and_writing_in_place_changes_nothing():
    class Skip(nn.Module):
        def __init__(self, in_place):
            super().__init__()
            self.layer, self.in_place = nn.Linear(2, 2, bias=False), in_place

        def forward(self, x):
            h = functional.relu(x)
            y = self.layer(h)
            if self.in_place:
                y += h
                y.mul_(3.0)
                return y - 2.0
            return (y + h) * 3.0 - 2.0

    model = Skip(False)
    model.layer.weight.detach().copy_(torch.tensor([[1.0, 2.0], [0.0, 3.0]]))
    # the layer's squares 14 and the two skips, times 9, and two biases of 2
    assert path_norm(model, torch.ones(1, 2)) == pytest.approx(math.sqrt(16 * 9 + 2 * 4))
    other = Skip(True)
    other.load_state_dict(model.state_dict())
    assert path_norm(other, torch.ones(1, 2)) == path_norm(model, torch.ones(1, 2))


def test_means_products_with_weights_and_sums_of_a_network():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor([2.0, 3.0]))
            self.matrix = nn.Parameter(torch.tensor([[1.0], [4.0]]))

        def forward(self, x):
            return (x.mean(2) * self.scale) @ self.matrix / 2

    # a mean of four has four edges of 1/4, so 1/4 in all
    expected = (4 * 0.25 * 1 + 9 * 0.25 * 16) / 4
    assert path_norm(Net(), torch.randn(3, 2, 4)) == pytest.approx(math.sqrt(expected))


def test_rescaling_a_rectifier_network_leaves_its_path_norm():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    before = path_norm(model, torch.ones(1, 3))
    with torch.no_grad():
        model[0].weight *= 7
        model[0].bias *= 7
        model[2].weight /= 7
    assert path_norm(model, torch.ones(1, 3)) == pytest.approx(before, rel=1e-6)


def test_a_convolutional_network_equals_its_dense_matrices():
    torch.manual_seed(0)
    first = nn.Conv2d(1, 2, 3, padding=1, bias=False).double()
    second = nn.Conv2d(2, 2, 3, stride=2, bias=False).double()
    A, B = squared_dense(first, (1, 5, 5)), squared_dense(second, (2, 5, 5))
    found = path_norm(nn.Sequential(first, nn.LeakyReLU(), second), torch.randn(4, 1, 5, 5))
    assert found == pytest.approx(math.sqrt((B @ A).sum()))


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        (nn.Tanh(), "tanh"),
        (nn.GELU(), "gelu"),
        (nn.Softmax(-1), "softmax"),
        (nn.LayerNorm(3), "layer_norm"),
        (nn.ReLU6(), "hardtanh"),
        (nn.PReLU(), "prelu"),
        (nn.MaxPool1d(2, ceil_mode=True), "ceil_mode"),
        (nn.ConstantPad1d(1, 2.0), "other than zero"),
    ],
)
def test_an_operation_without_paths_is_refused_by_name(layer, word):
    with pytest.raises(ConfigurationError, match=f"not defined for .*{word}"):
        path_norm(layer, torch.ones(1, 3, 3))


def test_products_of_activations_and_indices_are_refused():
    class Gate(nn.Module):
        def forward(self, x):
            return x * functional.relu(x)

    with pytest.raises(ConfigurationError, match="product of two activations"):
        path_norm(Gate(), torch.ones(1, 3))
    with pytest.raises(ConfigurationError, match="int64, which are indices"):
        path_norm(nn.Embedding(3, 2), torch.tensor([[1]]))


def test_the_network_is_left_as_found():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True)).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    path_norm(model, torch.randn(2, 1, 5, 5))
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert np.all([p.grad is None for p in model.parameters()])
