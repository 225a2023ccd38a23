"""Flatness, surfaces and hyper-parameters with a planted truth, as the data folder holds them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tests.case_studies.pruning_world import make_runs

LOGS = {
    "magnitude": 1.0,
    "lamp": 0.9,
    "movement": 0.6,
    "random": -0.5,
    "causal-good": 0.3,
    "causal-published": 1.0,
    "causal-empty": 1.0,
}
"""Log of each method's eigenvalues less those of the network without pruning."""
CELLS = {("LeNet", "CIFAR-10"): ("paper",)}
COLUMNS = ["method", "seed", "pruned", "quantity", "space", "rank", "value"]
LEVELS = (0.95, 0.98)


def make_flatness(
    logs: Mapping[str, float] = LOGS,
    *,
    seeds: int = 6,
    noise: float = 0.05,
    levels: tuple[float, ...] = LEVELS,
    rng: np.random.Generator | None = None,
) -> pd.DataFrame:
    """Rows of one cell; networks of a seed share an effect, all fit alike but for noise."""
    rng = rng or np.random.default_rng(1)
    rows: list[tuple[object, ...]] = []
    for seed in range(seeds):
        own = rng.normal(scale=0.5)
        for method, share in [("dense", 0.0), *((m, s) for m in logs for s in levels)]:
            key = (method, seed, share)
            loss = 0.1 * np.exp(rng.normal(scale=noise))
            rows += [(*key, "training_loss", "network", 0, loss)]
            rows += [(*key, "training_accuracy", "network", 0, 0.9)]
            for space in ("full",) if method == "dense" else ("full", "kept"):
                log = logs.get(method, 0.0) + own - (space == "kept")
                for rank in range(1, 6):
                    value = np.exp(3 + log - 0.2 * rank + rng.normal(scale=noise))
                    rows.append((*key, "eigenvalue", space, rank, value))
                for quantity in ("trace", "filter_relative_eigenvalue", "adaptive_sam_sharpness"):
                    value = np.exp(log + rng.normal(scale=noise))
                    rows.append((*key, quantity, space, 0, value))
    place = {"network": "LeNet", "dataset": "CIFAR-10", "protocol": "paper", "caution": ""}
    return pd.DataFrame(rows, columns=COLUMNS).assign(**place)


def make_surfaces(steepness: Mapping[str, float], points: int = 21) -> pd.DataFrame:
    """Bowls of 0.1 + steepness times the squared distance."""
    grid = np.linspace(-1, 1, points)
    alpha, beta = (a.ravel() for a in np.meshgrid(grid, grid))
    parts = []
    for method, factor in steepness.items():
        loss = 0.1 + factor * (alpha**2 + beta**2)
        for space in ("full",) if method == "dense" else ("full", "kept"):
            part = {"alpha": alpha, "beta": beta, "loss": loss, "log_loss": np.log1p(loss)}
            pruned = 0.0 if method == "dense" else 0.98
            labels = {"method": method, "space": space, "seed": 0, "pruned": pruned}
            parts.append(pd.DataFrame(part).assign(**labels))
    place = {"network": "LeNet", "dataset": "CIFAR-10", "protocol": "paper"}
    return pd.concat(parts, ignore_index=True).assign(**place)


def make_strips(n_prune: float = 0.0, seeds: int = 5) -> pd.DataFrame:
    """Runs of the paper's rule and of one method at 98%; N_prune = 20 adds so much accuracy."""
    rng = np.random.default_rng(2)
    rows = []
    for method, target in (("causal-published", np.nan), ("magnitude", 0.98)):
        for seed in range(seeds):
            for n_iter, prune, l1 in (
                (10, 10, 1e-14), (5, 10, 1e-14), (20, 10, 1e-14), (10, 5, 1e-14), (10, 20, 1e-14),
                (10, 10, 1e-12),
            ):  # fmt: skip
                if method == "magnitude" and l1 != 1e-14:
                    continue
                own = np.nan if method == "magnitude" else l1
                share = 0.98 if method == "magnitude" else 0.9 + 0.001 * rng.normal()
                accuracy = 0.6 + n_prune * (prune == 20) + rng.normal(scale=0.002)
                rows.append((method, target, seed, n_iter, prune, own, share, accuracy))
    names = [
        "method", "target", "seed", "n_iter", "n_prune", "l1", "sparsity", "test_accuracy",
    ]  # fmt: skip
    place = {"network": "LeNet", "dataset": "CIFAR-10", "protocol": "paper"}
    return pd.DataFrame(rows, columns=names).assign(**place)


def write_flat_world(
    folder: Path,
    *,
    flatness: pd.DataFrame | None = None,
    cells: dict[tuple[str, str], tuple[str, ...]] = CELLS,
) -> None:
    """Write runs, flatness, surfaces, and strips of the first cell; others are copies."""
    make_runs(cells).to_parquet(folder / "runs.parquet")
    makers = {
        "flatness": make_flatness() if flatness is None else flatness,
        "surfaces": make_surfaces({"dense": 1.0, "magnitude": 5.0, "causal-good": 2.0}),
        "strips": make_strips(),
    }
    for name, frame in makers.items():
        parts = [
            frame.assign(network=network, dataset=dataset, protocol=protocol)
            for (network, dataset), protocols in cells.items()
            for protocol in protocols
        ][: 1 if name == "strips" else None]
        pd.concat(parts, ignore_index=True).to_parquet(folder / f"{name}.parquet")
