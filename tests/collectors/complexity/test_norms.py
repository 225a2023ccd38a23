"""Norms and counts of parameters against closed forms."""

import math

import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.complexity.counts import count_parameters
from collectors.complexity.norms import copy_parameters, distance, frobenius_norms, weight_norm


def test_the_weight_norm_joins_all_parameters():
    parts = [torch.tensor([[1.0, 2.0]]), torch.tensor(4.0), torch.tensor([2.0])]
    assert weight_norm(iter(parts)) == 5.0
    assert weight_norm([]) == 0.0


def test_the_weight_norm_does_not_overflow_float32():
    assert weight_norm([torch.full((4,), 1e30)]) == pytest.approx(2e30, rel=1e-6)


def test_the_weight_norm_of_a_network_that_is_not_finite_is_not_finite():
    assert math.isnan(weight_norm([torch.tensor([1.0, math.nan])]))


def tied():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
    model[1].weight = model[0].weight
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        model[0].bias.copy_(torch.tensor([0.0, 12.0]))
    return model


def test_a_shared_parameter_counts_once_in_norms_and_counts():
    model = tied()
    model[0].bias.requires_grad_(False)
    assert frobenius_norms(model) == {"0": 13.0}
    counts = count_parameters(model)
    assert (counts.total, counts.trainable, counts.nonzero) == (6, 4, 3)
    assert counts.to_frame().to_dict("records") == [
        {"layer": "0", "total": 6, "trainable": 4, "nonzero": 3}
    ]


def test_counts_are_those_of_each_layer_and_buffers_are_none():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Linear(4, 2))
    counts = count_parameters(model)
    assert [(x.layer, x.total) for x in counts.layers] == [("0", 112), ("1", 8), ("3", 10)]
    assert counts.nonzero == 130 - 4  # batch normalisation starts with zero shifts


def test_the_squares_of_the_layers_norms_sum_to_the_square_of_the_whole():
    model = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4))
    whole = sum(x**2 for x in frobenius_norms(model).values())
    assert whole == pytest.approx(weight_norm(model.parameters()) ** 2)


def test_the_distance_is_from_the_parameters_as_they_were():
    model = tied()
    start = copy_parameters(model)
    with torch.no_grad():
        model[0].weight += torch.tensor([[1.0, 2.0], [0.0, 0.0]])
        model[0].bias += torch.tensor([2.0, 0.0])
    assert distance(model, start) == pytest.approx(3.0)
    assert distance(model, model.state_dict()) == 0.0


def test_a_start_that_does_not_fit_is_refused():
    model = tied()
    with pytest.raises(ConfigurationError, match=r"'0.bias' of shape \(2,\); got nothing"):
        distance(model, {"0.weight": model[0].weight})
    with pytest.raises(ConfigurationError, match=r"got \(3,\)"):
        distance(model, {"0.weight": torch.ones(3), "0.bias": torch.ones(2)})
