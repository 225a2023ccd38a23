"""What pruning saves: files of masks and weights, and the time of a forward pass.

    OMP_NUM_THREADS=1 python benchmarks/pruning_export.py [--batch 64] [--rounds 20]

Files: AlexNet (57 million parameters) with 5% of its weights kept at random; seconds and megabytes
of writing and reading, medians of three. Speed: LeNet and ResNet18 (without normalisation) with
95% of their weights at zero, and with half of their units removed (of ResNet18, those within
blocks), each in turns with the dense network; quartiles in brackets.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import nn

from causalhyper.granger.masks import Masks
from collectors.networks import AlexNet, LeNet, ResNet18
from collectors.pruning.costs import network_costs
from collectors.pruning.removal import remove_units
from collectors.pruning.safetensors_masks import load_masked, load_masks, save_masked, save_masks
from collectors.pruning.speed import measure_speed
from collectors.pruning.torch_masks import apply_masks, copy_masked, make_permanent


def kept_at_random(model: nn.Module, share: float) -> Masks:
    """Masks of all weights of a network that keep a share of each layer."""
    rng = np.random.default_rng(0)
    shapes = {n: tuple(p.shape) for n, p in model.named_parameters() if p.ndim > 1}
    return Masks({n: rng.random(shape, np.float32) < share for n, shape in shapes.items()})


def report_files() -> None:
    """Time and weigh the files of AlexNet."""
    model = AlexNet()
    masks = kept_at_random(model, 0.05)
    steps: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
        "masks, packed": (lambda p: save_masks(p, masks), load_masks),
        "masks, a byte each": (lambda p: save_masks(p, masks, packed=False), load_masks),
        "masks and kept weights": (lambda p: save_masked(p, model, masks), load_masked),
    }
    dense = sum(p.numel() * p.element_size() for p in model.parameters())
    print(f"AlexNet, 5% of weights kept; dense {dense / 1e6:.1f} MB")
    for what, (write, read) in steps.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "file.safetensors")
            written = median(timed(write, path) for _ in range(3))
            loaded = median(timed(read, path) for _ in range(3))
            size = path.stat().st_size / 1e6
        print(f"  {what}: {size:.1f} MB, written in {written:.2f} s, read in {loaded:.2f} s")


def timed(step: Callable[[Path], object], path: Path) -> float:
    """Seconds that a step takes."""
    start = time.perf_counter()
    step(path)
    return time.perf_counter() - start


def half_of_units(model: nn.Module, inner: Callable[[str], bool]) -> Masks:
    """Masks of units of the layers chosen that keep every second one."""
    layers = {n: m for n, m in model.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))}
    return Masks(
        {f"{n}.weight": np.arange(len(m.weight)) % 2 == 0 for n, m in layers.items() if inner(n)}
    )


def report_speed(name: str, model: nn.Module, units: Masks, batch: int, rounds: int) -> None:
    """Time a network dense, with weights at zero, and with units removed."""
    torch.manual_seed(0)
    x = torch.randn(batch, 3, 32, 32)
    sparse = copy_masked(model)
    apply_masks(sparse, kept_at_random(model, 0.05))
    make_permanent(sparse)
    networks = {"dense": model, "95% zeros": sparse, "removed": remove_units(model, units, x[:2])}
    speed = measure_speed(networks, x, rounds=rounds)
    print(f"{name}, batch {batch}")
    for row in speed.itertuples():
        flops = network_costs(networks[str(row.network)], x[:1])["flops"].sum() / 1e6
        print(
            f"  {row.network}: {row.parameters:,} parameters, {row.bytes / 1e6:.2f} MB, "
            f"{flops:.1f} MFLOP, {1e3 * row.seconds:.1f} ms; speed-up {row.speedup:.2f} "
            f"[{row.speedup_low:.2f}, {row.speedup_high:.2f}]"
        )


def main() -> None:
    """Report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    report_files()
    lenet, resnet = LeNet(), ResNet18()
    report_speed("LeNet", lenet, half_of_units(lenet, "fc2".__ne__), given.batch, given.rounds)
    inner = half_of_units(resnet, lambda name: name.startswith("layer") and "conv1" in name)
    report_speed("ResNet18", resnet, inner, given.batch, given.rounds)


if __name__ == "__main__":
    main()
