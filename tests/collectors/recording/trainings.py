"""Small trainings to be recorded, and a sink that keeps everything."""

import numpy as np
import torch
from torch import nn


class Memory:
    """A sink: every step with copies of its changes."""

    def __init__(self):
        self.changes = []
        self.rows = []

    def append(self, changes, **row):
        self.changes.append({name: array.copy() for name, array in changes.items()})
        self.rows.append(row)

    def stacked(self, name):
        return np.stack([step[name] for step in self.changes])


def network(seed=0, dtype=torch.float32):
    """A small rectifier network."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3)).to(dtype)


def batches(number, size=8, seed=1, features=5):
    """Inputs and labels."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(size, features, generator=generator),
            torch.randint(3, (size,), generator=generator),
        )
        for _ in range(number)
    ]


def train(model, optimizer, recorder, steps=6, size=8, **options):
    """The plain loop; yields after the gradient and after the step."""
    for inputs, targets in batches(steps, size):
        optimizer.zero_grad()
        loss = recorder.loss(
            lambda x=inputs, y=targets: nn.functional.cross_entropy(model(x), y), **options
        )
        loss.backward()
        optimizer.step()


def state_of(model):
    return {name: p.detach().clone() for name, p in model.named_parameters()}
