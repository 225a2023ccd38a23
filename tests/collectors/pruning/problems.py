"""Small tasks of pruning, and criteria whose scores are one line."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from causalhyper.granger.criteria import Needs, TotalMovement
from collectors.pruning import PruningSettings, PruningTask

SHORT = PruningSettings(n_pre=2, n_iter=2, n_prune=2, n_post=3)


@dataclass(frozen=True)
class Movement:
    name: str = "own-movement"
    needs: Needs = field(default_factory=lambda: Needs(sums=True))

    def scores(self, evidence):
        layers = evidence.require_sums(self.name).layers
        return {s.name: s.movement.reshape(s.shape) for s in layers}


@dataclass(frozen=True)
class Magnitude:
    name: str = "own-magnitude"
    needs: Needs = field(default_factory=lambda: Needs())

    def scores(self, evidence):
        found = {name: np.abs(w) for name, w in evidence.weights.items()}
        if evidence.share:
            return {n: w.reshape(len(w), -1).sum(1) for n, w in found.items()}
        return found


@dataclass(frozen=True)
class Draws:
    name: str = "own-random"
    needs: Needs = field(default_factory=lambda: Needs())

    def scores(self, evidence):
        return {n: evidence.rng.random(w.shape) for n, w in evidence.weights.items()}


@dataclass(frozen=True)
class Probe:
    """Movement; keeps what it was given, iteration by iteration."""

    parts: tuple = ("turned", "fresh")
    sums: bool = True
    name: str = "own-probe"
    given: list = field(default_factory=list)

    @property
    def needs(self):
        return Needs(sums=self.sums, attribution=self.parts)

    def scores(self, evidence):
        self.given.append(evidence)
        return TotalMovement().scores(evidence)


def examples(n=96, inputs=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, inputs, generator=generator)
    return x, (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()


def network():
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))


def fixed_network(seed=5):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network()


def batched(x, y, size=32):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


def shuffled(x, y, size=32, **options):
    return DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True, **options)


def task(**changes):
    x, y = examples()
    given = {
        "model": network,
        "train": shuffled(x, y),
        "validation": examples(60, seed=1),
        "test": examples(60, seed=2),
    }
    return PruningTask(**(given | changes))


def same(one, other):
    """Whether two state dicts are equal bit for bit."""
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) for name in one)
