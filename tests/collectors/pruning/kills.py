"""Prunings in processes of their own, killed at chosen moments: ``python -m`` this, a folder."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from causalhyper.granger.criteria import Needs
from collectors.pruning import PruningSettings, prune
from tests.collectors.pruning.problems import task

SETTINGS = PruningSettings(
    n_pre=2, n_iter=2, n_more=1, n_prune=2, n_post=7, checkpoint_every=2,
    excitation_noise=1.0, excitation_spread=3.0,
)  # fmt: skip
EXPECTED = {
    "run.json", "weights.safetensors", "masks.safetensors", "log.parquet", "layers.parquet",
    "seconds.json", "result.json", "dead_units.parquet", ".lock",
}  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """Ranks by all that a collecting stage records."""

    name: str = "own-whole"

    @property
    def needs(self):
        return Needs(sums=True, trajectory=True, attribution=("turned", "fresh"))

    def scores(self, evidence):
        sums, found = evidence.require_sums(self.name), {}
        for part in ("turned", "fresh"):
            shared = evidence.require_attribution(self.name, part)
        for layer in sums.layers:
            own = shared[layer.name]
            ranked = layer.movement * (1 + np.abs(own.curvature)) + np.abs(own.gain)
            found[layer.name] = ranked.reshape(layer.shape)
        return found


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def countdown(calls):
    """Return a function that kills the process at a call of it, the first being 1."""
    left = [calls]

    def tick():
        left[0] -= 1
        if not left[0]:
            die()

    return tick


def dropping():
    return nn.Sequential(nn.Linear(6, 12), nn.Dropout(0.2), nn.ReLU(), nn.Linear(12, 3))


def train(folder, *, batch=0, write=0, resume=False):
    """Prune, to be killed at the so manieth minibatch, or file that takes its place."""
    at_batch, at_write = countdown(batch), countdown(write)
    replaced = Path.replace

    def loss(outputs, targets):
        at_batch()
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    def place(self, target):
        at_write()
        return replaced(self, target)

    Path.replace = place
    given = task(model=dropping, loss=loss)
    prune(
        given, criterion=Whole(), sparsity=0.6, seed=1, settings=SETTINGS,
        out=folder, resume=resume, quiet=True,
    )  # fmt: skip


def in_child(function, *arguments, **options):
    """Do it in a forked process; return the signal that ended it, 0 for none."""
    pid = os.fork()
    if not pid:
        function(*arguments, **options)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the pruning failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "seconds.json"}


def check(root, moments):
    """Kill at one moment after another, resume, and compare every file with a whole run's."""
    torch.set_num_threads(1)
    warm_up = root / "warm up"
    train(warm_up)  # what is imported late, once for all children
    whole = root / "whole"
    assert in_child(train, whole) == 0
    assert {p.name for p in whole.iterdir()} == EXPECTED
    assert contents(whole) == contents(warm_up)
    killed = 0
    for number, moment in enumerate(moments):
        folder = root / str(number)
        if in_child(train, folder, **moment) == 0:
            continue
        killed += 1
        if moment.get("batch", 0) > 20:  # a second kill, of the run that was resumed
            in_child(train, folder, batch=9, resume=True)
        assert in_child(train, folder, resume=True) == 0, moment
        assert contents(folder) == contents(whole), moment
    sys.stdout.write(f"{killed} killed\n")


FEW = [{"batch": 11}, {"batch": 40}, {"write": 1}, {"write": 7}]
MANY = [{"batch": n} for n in range(1, 100, 7)] + [{"write": n} for n in range(1, 40)]

if __name__ == "__main__":
    check(Path(sys.argv[1]), FEW if sys.argv[2] == "few" else MANY)
