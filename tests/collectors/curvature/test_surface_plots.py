"""Results of curvature draw themselves through the figures of the core."""

import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn

from collectors.curvature import flatness, loss_surface, spectral_density

squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2  # noqa: E731
DATA = (torch.tensor([[1.0, 0.0], [0.0, 3.0], [1.0, 1.0]]), torch.tensor([0.0, 1.0, 2.0]))


@pytest.fixture
def model():
    torch.manual_seed(0)
    yield nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    plt.close("all")


def test_a_surface_draws_its_own_axes_or_those_given(model):
    surface = loss_surface(model, squares, DATA, points=5)
    _, ax = plt.subplots()
    assert surface.plot(ax=ax) is ax
    assert surface.plot().get_xlabel() == ax.get_xlabel() != ""
    line = loss_surface(model, squares, DATA, points=5, dimensions=1)
    assert line.plot().get_ylabel() == "log(1 + training loss)"


def test_a_density_and_a_flatness_draw_on_logarithmic_axes(model):
    density = spectral_density(model, squares, DATA, probes=2, steps=4)
    assert density.plot().get_yscale() == "log"
    found = flatness(model, squares, DATA, top=2, probes=0)
    assert found.plot().get_yscale() == "log"
