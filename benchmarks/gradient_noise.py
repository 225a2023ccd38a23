"""Gradient noise of LeNet-5 and a small residual network: cost in gradients of the same examples.

    OMP_NUM_THREADS=1 python benchmarks/gradient_noise.py [--turns 7] [--no-loop]

What is compared: the layers' rules (with their check), ``torch.func.vmap`` in chunks and whole, a
loop over examples, halves of minibatches, the noise scale with its jackknife errors, and
BackPACK's extensions where it is installed (``pip install --no-deps backpack-for-pytorch einops
unfoldNd``). Every figure is a median, over turns in one process, of CPU time relative to one
gradient of the mean loss in the same turn. Memory is the growth of the peak resident size over
what was resident before, in a process of its own (Linux).
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from collectors.noise.minibatch_pairs import paired_noise
from collectors.noise.noise_scale import noise_scale
from collectors.noise.per_example import MEMORY, per_example_noise

LOSS = nn.CrossEntropyLoss(reduction="none")


def lenet() -> nn.Module:
    """LeNet-5 with rectifiers, 61,706 parameters."""
    return nn.Sequential(
        *[nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)],
        *[nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()],
        *[nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)],
    )


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(out), nn.BatchNorm2d(out)])
        same = width == out
        self.skip = nn.Identity() if same else nn.Conv2d(width, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Two convolutions and a skip connection."""
        h = functional.relu(self.norms[0](self.first(x)))
        return functional.relu(self.norms[1](self.second(h)) + self.skip(x))


def resnet() -> nn.Module:
    """Three residual blocks of 16, 32 and 64 channels, batch normalisation in eval mode."""
    return nn.Sequential(
        *[nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()],
        *[Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)],
        *[nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)],
    )


NETWORKS = {"LeNet-5": (lenet, (1, 28, 28), 256), "residual": (resnet, (3, 32, 32), 128)}


def works(name: str, *, peer: bool = True) -> dict[str, Callable[[], Any]]:
    """Everything that is compared on one network."""
    make, shape, n = NETWORKS[name]
    torch.manual_seed(0)
    model = make().eval()
    x, y = torch.randn(n, *shape), torch.randint(10, (n,))
    data = [(x, y)]

    def gradient() -> Any:
        return torch.autograd.grad(LOSS(model(x), y).mean(), list(model.parameters()))

    def noise(**options: Any) -> Callable[[], Any]:
        return lambda: per_example_noise(model, LOSS, data, **options).covariance_trace

    found = {
        "gradient": gradient,
        "rules": noise(),
        "rules, 8 MiB": noise(memory=MEMORY // 8),
        "vmap, 8 MiB": noise(way="vmap", memory=MEMORY // 8),
        "vmap, 64 MiB": noise(way="vmap"),
        "vmap, whole": noise(way="vmap", memory=2**40),
        "halves": lambda: paired_noise(model, LOSS, data).covariance_trace,
        "eight parts": lambda: paired_noise(model, LOSS, data, parts=8).covariance_trace,
        "noise scale": lambda: noise_scale(model, LOSS, data).covariance_trace,
        "loop": noise(way="loop"),
    }
    extended = backpack(model, x, y) if peer else None
    return found | ({"BackPACK": extended} if extended else {})


def backpack(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], float] | None:
    """``BatchL2Grad`` and the gradient; None where it is not installed or fails on the network."""
    try:
        from backpack import backpack as extended
        from backpack import extend
        from backpack.extensions import BatchL2Grad
    except ImportError:
        return None
    model = extend(copy.deepcopy(model))  # it leaves hooks
    mean = extend(nn.CrossEntropyLoss())

    def work() -> float:
        model.zero_grad()
        with extended(BatchL2Grad()):
            mean(model(x), y).backward()
        n, parameters = len(x), list(model.parameters())
        squares = n**2 * sum(float(p.batch_l2.double().sum()) for p in parameters)
        whole = sum(float(p.grad.double().square().sum()) for p in parameters)
        return (squares - n * whole) / (n - 1)

    try:
        work()
    except Exception as error:
        print(f"BackPACK: {type(error).__name__}")
        return None
    return work


def memory(name: str, work: str) -> float:
    """Growth of the peak resident size in MiB, in a process that has done nothing else."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_grow, (name, work))


def _grow(name: str, work: str) -> float:
    torch.set_num_threads(1)
    found = works(name, peer=work == "BackPACK")[work]
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    found()
    return (_resident("VmHWM") - before) / 1024


def _resident(field: str) -> int:
    """KiB of the process, by Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main() -> None:
    """Time all in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--no-loop", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in NETWORKS:
        todo = works(name)
        if options.no_loop:
            del todo["loop"]
        traces = {k: float(w()) for k, w in todo.items() if k != "gradient"}
        seconds: dict[str, list[float]] = {k: [] for k in todo}
        for _ in range(options.turns):
            for k, work in todo.items():
                began = time.process_time()
                work()
                seconds[k].append(time.process_time() - began)
        print(f"\n{name}, {NETWORKS[name][2]} examples")
        print(f"{'':>14} {'gradients':>10} {'range':>13} {'MiB':>6} {'tr S':>9}")
        for k in todo:
            cost = [s / g for s, g in zip(seconds[k], seconds["gradient"], strict=True)]
            trace = f"{traces[k]:9.4f}" if k in traces else ""
            print(
                f"{k:>14} {statistics.median(cost):10.2f} {min(cost):6.2f}-{max(cost):6.2f} "
                f"{memory(name, k):6.0f} {trace}"
            )


if __name__ == "__main__":
    main()
