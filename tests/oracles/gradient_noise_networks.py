"""Networks with weights and data from numpy, for BackPACK and its test."""

import numpy as np
import torch
from torch import nn

SHAPES = {"dense": (5,), "image": (2, 8, 8), "series": (3, 12)}


def build(name):
    """One of the networks in float64 and eval mode, its inputs and labels."""
    layers = {
        "dense": [nn.Linear(5, 7), nn.Sigmoid(), nn.Linear(7, 4)],
        "image": [
            nn.Conv2d(2, 4, 3, padding=1, stride=2),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 3, 3, dilation=1, bias=False),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(3, 4),
        ],
        "series": [
            nn.Conv1d(3, 4, 3, padding=2, dilation=2),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(48, 4),
        ],
    }[name]
    model = nn.Sequential(*layers).double().eval()
    rng = np.random.default_rng(11)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.tensor(rng.normal(0, 0.7, size=tuple(p.shape))))
        for b in model.buffers():
            if b.is_floating_point():
                b.copy_(torch.tensor(rng.uniform(0.5, 2, size=tuple(b.shape))))
    x = torch.tensor(rng.normal(size=(9, *SHAPES[name])))
    return model, x, torch.tensor(rng.integers(4, size=9))
