"""Prunings with a planted truth, as the data folder of the pruning study holds them."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from causalhyper.granger.masks import Masks, compare_masks

METHODS = {
    "magnitude": 0.0,
    "lamp": 0.02,
    "movement": -0.02,
    "random": -0.05,
    "causal-published": -0.03,
    "causal-good": 0.05,
    "causal-good-shifted": 0.0,
    "causal-empty": -0.02,
    "causal-empty-shifted": -0.02,
    "random at causal-good": 0.01,
}
"""Accuracy of each method less that of magnitude at every sparsity."""
SPARSITIES = (0.9, 0.95, 0.98, 0.99, 0.998)
DENSE = 0.7


def make_runs(
    cells: dict[tuple[str, str], tuple[str, ...]], seeds: int = 6, noise: float = 0.002
) -> pd.DataFrame:
    """Runs of cells, network and data set with their protocols; in two, a row an evaluation."""
    rng = np.random.default_rng(0)
    rows = []
    for (network, dataset), protocols in cells.items():
        for protocol in protocols:
            for seed in range(seeds):
                own = rng.normal(scale=0.01)
                for method, gap in {"dense": 0.0, **METHODS}.items():
                    levels = (0.0,) if method == "dense" else SPARSITIES
                    for share in levels:
                        fall = 1 / (1 + (0.004 / (1 - share)) ** 3)
                        top = 0.1 + (DENSE - 0.1) * fall + (gap - 0.01) * (share > 0)
                        accuracy = top + own + rng.normal(scale=noise)
                        rows.append((network, dataset, protocol, method, seed, share, accuracy))
    names = ["network", "dataset", "protocol", "method", "seed", "sparsity", "test_accuracy"]
    runs = pd.DataFrame(rows, columns=names)
    named = runs["method"] + "-" + runs["sparsity"].astype(str) + "-" + runs["seed"].astype(str)
    shaken = runs["test_accuracy"] + rng.normal(scale=noise, size=len(runs))
    runs = runs.assign(run_id=named, validation_accuracy=shaken, stage="final", seconds=1.0)
    early = runs.assign(stage="pretraining", test_accuracy=np.nan, seconds=9.0)
    return pd.concat([early, runs], ignore_index=True)


CELLS = {
    ("LeNet", "FashionMNIST"): ("paper", "tuned"),
    ("LeNet", "CIFAR-10"): ("paper", "tuned"),
    ("ResNet18", "CIFAR-10"): ("paper",),
}


def write_world(folder: Path, cells: dict[tuple[str, str], tuple[str, ...]] = CELLS) -> None:
    """Write every kind of frame that the study reads."""
    make_runs(cells).to_parquet(folder / "runs.parquet")
    place = {"network": "LeNet", "dataset": "CIFAR-10", "protocol": "paper"}
    layer_rows = [
        (method, seed, layer, entries, int(entries * share))
        for method, factor in (("magnitude", 1.0), ("causal-good", 2.0))
        for seed in range(2)
        for layer, entries, share in (("conv", 1000, 0.2), ("fc", 50_000, 0.01))
        for share in (share * factor,)
    ]
    layers = pd.DataFrame(layer_rows, columns=["method", "seed", "layer", "entries", "kept"])
    layers.assign(**place, target=0.98).to_parquet(folder / "layers.parquet")
    rng = np.random.default_rng(3)
    masks = {
        name: [Masks({"fc": rng.random((40, 50)) < 0.1}) for _ in range(2)]
        for name in ("magnitude", "causal-good")
    }
    overlap = compare_masks(masks).to_frame().assign(**place, pruned=0.9)
    overlap.to_parquet(folder / "overlap.parquet")
    flat = [
        (method, seed, quantity, space, rank, value * np.exp(rng.normal(scale=0.05)), "")
        for method, top, loss in (("magnitude", 100.0, 0.1), ("causal-good", 300.0, 0.05))
        for seed in range(5)
        for quantity, space, rank, value in (
            ("eigenvalue", "full", 1, top),
            ("training_loss", "network", 0, loss),
            ("training_accuracy", "network", 0, 0.9),
        )
    ]
    names = ["method", "seed", "quantity", "space", "rank", "value", "caution"]
    flatness = pd.DataFrame(flat, columns=names).assign(**place, pruned=0.98)
    flatness.to_parquet(folder / "flatness.parquet")


def write_stacked(folder: Path) -> dict[str, list[Masks]]:
    """Write frames as stacked runs have them, and return the masks that they are of.

    A criterion chooses its own sparsity, another one at each seed; runs that tuned a rate are
    there; overlaps are counts by layer.
    """
    rng = np.random.default_rng(5)
    place = {"network": "LeNet", "dataset": "cifar10"}
    runs = make_runs({("LeNet", "cifar10"): ("paper", "strong")}, seeds=5)
    runs["target"] = runs["sparsity"]
    own = [
        (method, seed, 0.9 + 0.01 * seed, 0.5 + gap + 0.01 * seed + rng.normal(scale=0.001))
        for seed in range(5)
        for method, gap in (
            ("causal-published-1e-14", 0.0),
            ("random at causal-published-1e-14", 0.03),
            ("magnitude at causal-published-1e-14", 0.05),
        )
    ]
    free = pd.DataFrame(own, columns=["method", "seed", "sparsity", "test_accuracy"])
    free = free.assign(**place, protocol="paper", stage="final", target=np.nan, seconds=1.0)
    free = free.assign(validation_accuracy=free["test_accuracy"], run_id=free["method"])
    tuning = runs[runs["stage"] == "final"].assign(protocol="tuning")
    whole = pd.concat([runs, free, tuning, tuning.assign(rate=2.0)], ignore_index=True)
    whole.to_parquet(folder / "lenet_stacked_runs.parquet")
    masks = {
        name: [
            Masks({"conv": rng.random((20, 9)) < 0.3, "fc": rng.random((40, 50)) < 0.1})
            for _ in range(5)
        ]
        for name in ("magnitude", "causal-good", "movement", "lamp")
    }
    counts = [
        {**place, "seed": seed, "target": 0.98, "method": one, "other": two, "layer": layer,
         "entries": a.kept[layer].size, "kept": a.kept[layer].sum(),
         "kept_other": b.kept[layer].sum(), "both": (a.kept[layer] & b.kept[layer]).sum()}
        for one, two in combinations(masks, 2)
        for seed, (a, b) in enumerate(zip(masks[one], masks[two], strict=True))
        for layer in a.kept
    ]  # fmt: skip
    pd.DataFrame(counts).to_parquet(folder / "lenet_stacked_overlaps.parquet")
    stages = [
        {**place, "seed": seed, "stage": stage, "networks": 10, "seconds": seconds,
         "gigabytes": 3.0, "device": "gpu"}
        for seed in range(5)
        for stage, seconds in (("main: pruning", 40.0), ("main: post-training", 80.0))
    ]  # fmt: skip
    pd.DataFrame(stages).to_parquet(folder / "lenet_stacked_seconds.parquet")
    return masks
