"""Flatness against the stored numbers of curvlinops and loss-landscapes (see make_flatness)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from collectors.curvature.directions import filter_normalised
from collectors.curvature.flat_minima import flatness

STORED = json.loads(Path(__file__).with_name("flatness.json").read_text("utf-8"))


def problem():
    """The network, data and masks of make_flatness."""
    rng = np.random.default_rng(17)
    layers = [nn.Linear(6, 8, bias=False), nn.Tanh(), nn.Linear(8, 4, bias=False)]
    model = nn.Sequential(*layers).double()
    masks = {}
    with torch.no_grad():
        for name, p in model.named_parameters():
            masks[name] = rng.random(tuple(p.shape)) < 0.3
            p.copy_(torch.from_numpy(rng.normal(size=tuple(p.shape)) * masks[name]))
    inputs = torch.from_numpy(rng.normal(size=(40, 6)))
    return model, (inputs, torch.from_numpy(rng.integers(0, 4, size=40))), masks


def losses(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


def test_both_spaces_have_the_spectrum_of_the_matrix_of_curvlinops():
    model, data, masks = problem()
    found = flatness(model, losses, data, masks=masks, tolerance=1e-8, probes=0)
    for space in found.spaces:
        stored = STORED[space.space]
        assert space.entries == stored["entries"]
        assert space.top.values == pytest.approx(stored["largest"], rel=1e-7)
        assert space.smallest.values[0] == pytest.approx(stored["smallest"], rel=0.005)
        assert space.trace.value == pytest.approx(stored["trace"], rel=1e-9)


def test_filters_are_normalised_as_loss_landscapes_does():
    model = problem()[0]
    named = dict(model.named_parameters())
    rng = np.random.default_rng(18)
    u = {
        "0.weight": torch.from_numpy(rng.normal(size=(8, 6))),
        "2.weight": torch.from_numpy(rng.normal(size=(4, 8))),
    }
    whole = {name: torch.ones_like(p, dtype=torch.bool) for name, p in named.items()}
    found = filter_normalised(named, u, whole)
    for stored, each in zip(STORED["filters"], found.values(), strict=True):
        assert each.flatten().tolist() == pytest.approx(stored, rel=1e-12, abs=1e-15)
