"""Traces of per-example gradient covariances are BackPACK's, stored beside what made them."""

import json
from collections import defaultdict
from pathlib import Path

import pytest
from torch import nn

from collectors.noise.per_example import per_example_noise

from .gradient_noise_networks import build

STORED = json.loads((Path(__file__).parent / "backpack_noise.json").read_text("utf-8"))


@pytest.mark.parametrize("way", ["auto", "vmap"])
@pytest.mark.parametrize("name", STORED["networks"])
def test_the_trace_of_every_layer_is_that_of_backpack(name, way):
    model, x, y = build(name)
    found = per_example_noise(model, nn.CrossEntropyLoss(reduction="none"), [(x, y)], way=way)
    n = len(x)
    variance, squares = defaultdict(float), defaultdict(float)
    for parameter, stored in STORED["networks"][name].items():
        # BackPACK's variance is the sum over examples of (g_i - g)^2 / n^2 of scaled gradients
        variance[parameter.rpartition(".")[0]] += stored["variance"]
        squares[parameter.rpartition(".")[0]] += stored["squares"]
    assert {layer.way for layer in found.layers} == {"rule" if way == "auto" else way}
    for layer in found.layers:
        total = (n - 1) * layer.covariance_trace + n * layer.mean_norm_squared
        assert total == pytest.approx(squares[layer.layer], rel=1e-9)
        assert layer.covariance_trace * (n - 1) / n == pytest.approx(
            variance[layer.layer], rel=1e-9
        )
