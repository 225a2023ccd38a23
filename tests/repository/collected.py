"""One small result of every class of the collectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from causalhyper.granger.masks import Masks
from collectors.complexity.counts import count_parameters
from collectors.complexity.spectral import spectral_norms
from collectors.curvature import (
    curvature_trace,
    eigenvalues,
    flatness,
    loss_surface,
    sam_sharpness,
    sampled_curvature,
    spectral_density,
)
from collectors.generalization.scores import Scores
from collectors.noise.gradient_noise import GradientNoise, LayerNoise
from collectors.noise.noise_scale import NoiseScale
from collectors.pruning.dead_units import find_dead_units
from collectors.pruning.removal import Removal
from collectors.sweeps import equal_epochs, factorial, scaled_rate


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def examples() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.randn(40, 4, generator=g), torch.randint(3, (40,), generator=g)


def masks() -> Masks:
    rng = np.random.default_rng(0)
    return Masks({"0.weight": rng.random((6, 4)) < 0.3, "2.weight": rng.random((3, 6)) < 0.3})


def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="none")


def _measured(measure: Callable[..., Any], **asked: Any) -> Callable[[], Any]:
    return lambda: measure(network(), loss, examples(), **asked)


def _sampled() -> Any:
    found = eigenvalues(network(), loss, examples(), k=3, keep=True)
    return sampled_curvature(network(), loss, examples(), found.vectors)


def _noise() -> GradientNoise:
    layers = [("0.weight", 24, 4.0, 12.0), ("2.weight", 18, 1.0, 30.0)]
    return GradientNoise(tuple(LayerNoise(*x, "rule") for x in layers), 40, "eval")


COLLECTED: dict[str, Callable[[], Any]] = {
    "DeadUnits": lambda: find_dead_units(network(), masks(), examples()),
    "Design": lambda: factorial(
        batch_size=(16, 64), seed=range(3), n_train=256,
        protocol=equal_epochs(5), learning_rate=scaled_rate(0.1, "linear", at=16),
    ),
    "Eigenvalues": _measured(eigenvalues, k=3, which="both"),
    "Flatness": _measured(flatness),
    "GradientNoise": _noise,
    "LossSurface": _measured(loss_surface, points=9),
    "NoiseScale": lambda: NoiseScale(12.0, 1.0, 4.0, 0.5, 3.0, 0.4, 40, "examples", "eval"),
    "ParameterCounts": lambda: count_parameters(network()),
    "Removal": lambda: Removal(
        Masks({"0.weight": np.array([True, False, True])}), {"0.weight": {2: "coupled"}}
    ),
    "SamSharpness": _measured(sam_sharpness),
    "Sampled": _sampled,
    "Scores": lambda: Scores(
        ((9, 1, 0), (2, 7, 1), (0, 3, 8)), 0.5, 0.1, 0.5, 0.3, 0.1, 0.1, "eval"
    ),
    "SpectralDensity": _measured(spectral_density),
    "SpectralNorms": lambda: spectral_norms(
        network(), examples(), generator=torch.Generator().manual_seed(0)
    ),
    "Trace": _measured(curvature_trace),
}  # fmt: skip
"""By class, what makes one."""
