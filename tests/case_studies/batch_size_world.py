"""A small made-up batch-size study whose effects are known: two cells a domain, every arm.

Accuracy is linear in log2(updates), log10(gradient noise) and what the arms do, with a part that
all runs of a seed share. So each contrast has a true value that one can write down.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

BATCHES = (16, 32, 64, 128, 256, 512)
CELLS = {
    ("cora", "GCN"): "graph",
    ("cora", "GAT"): "graph",
    ("amazon", "MiniLM"): "text",
    ("nicta_piboso", "MiniLM"): "text",
}
N_TRAIN = {"graph": 1024, "text": 2048}
EPOCHS = {"graph": 100, "text": 3}
UPDATES = {"graph": 1600, "text": 96}
SEEDS = {"graph": 20, "text": 8}
COLUMNS = (
    "run_id dataset model domain design arm seed batch_size noise_of optimizer learning_rate "
    "learning_rate_rule rate_at_edge updates epochs reached order n_train n_validation n_test "
    "grad_noise example_noise noise_scale sharpness sharpness_residual sharpness_adjusted "
    "sam_sharpness weight_norm distance spectral_product margin train_loss train_accuracy "
    "validation_loss validation_accuracy test_loss test_accuracy test_precision "
    "generalization_gap diverged seconds"
).split()


@dataclass(frozen=True)
class Truth:
    """What the made-up networks gain, in accuracy.

    Attributes
    ----------
    update, noise : float
        For twice the updates; for ten times the gradient noise, by way of sharpness and norm.
    sam : float
        For sharpness-aware minimisation at B = 512, none at 16, linear in log2(B).
    label : float
        For ten times the gradient noise more, where labels are noisy.
    tuned : float
        Share of the updates' effect that a tuned rate leaves.
    spread : float
        Standard deviation of the cells' own effects of an update.
    """

    update: float = 0.010
    noise: float = 0.008
    sam: float = 0.006
    label: float = 0.012
    tuned: float = 0.2
    spread: float = 0.0


def noise_ratio(domain: str, small: int = 16, large: int = 512) -> float:
    """log10 of the gradient noise of a small batch over that of a large one."""
    n = N_TRAIN[domain]
    return float(np.log10((1 / small - 1 / n) / (1 / large - 1 / n)))


def make_study(
    truth: Truth | None = None, seed: int = 0, seeds: dict[str, int] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs and tuning grid of the made-up study."""
    truth, rng = truth or Truth(), np.random.default_rng(seed)
    counts = seeds or SEEDS
    rows, grid = [], []
    for cell, domain in CELLS.items():
        own = truth.update + truth.spread * rng.normal()
        for block in range(counts[domain]):
            shared = 0.01 * rng.normal()
            for setting in _settings(domain):
                rows.append(_run(truth, own, cell, domain, block, shared, setting, rng))
        for block, b, r in product((1000, 1001), BATCHES, RATES):
            grid.append(_tuning_run(cell, block, b, r))
    runs = pd.DataFrame(rows)
    runs["order"] = rng.permutation(len(runs))
    for name in set(COLUMNS) - set(runs.columns):
        runs[name] = np.nan
    return runs[COLUMNS], pd.DataFrame(grid)


RATES = (0.001, 0.01, 0.1)


def _settings(domain: str) -> list[dict[str, object]]:
    """Every trajectory and stopping time of one seed."""
    n, found = N_TRAIN[domain], []
    epochs, fixed = EPOCHS[domain], UPDATES[domain]
    for b in BATCHES:
        budget = {"equal_epochs": epochs * n // b, "equal_updates": fixed}
        found += [
            {"design": d, "arm": arm, "batch_size": b, "noise_of": b, "updates": u}
            for arm in ("plain", "sam", "label_noise")
            for d, u in budget.items()
        ]
        stop = int(fixed * (b / 64) ** 0.3)
        found.append(
            {"design": "equal_loss", "arm": "plain", "batch_size": b, "noise_of": b}
            | {"updates": min(stop, 2 * fixed), "reached": stop < 1.8 * fixed}
        )
        found.append(
            {"design": "tuned", "arm": "plain", "batch_size": b, "noise_of": b}
            | {"updates": budget["equal_epochs"], "rate_at_edge": b == 16}
        )
    for design, large, small in (
        ("equal_epochs", epochs * n // 512, epochs * n // 16),
        ("equal_updates", fixed, fixed),
    ):
        found += [
            {"design": design, "arm": "noise_added", "batch_size": 512, "noise_of": b}
            | {"updates": large}
            for b in (16, 64)
        ]
        found.append(
            {"design": design, "arm": "noise_removed", "batch_size": 16, "noise_of": 512}
            | {"updates": small}
        )
    return found


def _run(
    truth: Truth,
    update: float,
    cell: tuple[str, str],
    domain: str,
    seed: int,
    shared: float,
    setting: dict[str, object],
    rng: np.random.Generator,
) -> dict[str, object]:
    """One row: what is measured follows from updates, noise and arm."""
    n, b = N_TRAIN[domain], int(setting["noise_of"])  # type: ignore[call-overload]
    updates, arm = int(setting["updates"]), str(setting["arm"])  # type: ignore[call-overload]
    noise = np.log10(50 * (1 / b - 1 / n)) + 0.02 * rng.normal()
    sharpness = 1.0 - 0.4 * noise + 0.05 * rng.normal()
    norm = 30 + 2 * noise - 1.0 * sharpness + 0.5 * rng.normal()
    slope = (truth.noise + truth.label * (arm == "label_noise")) / 2.4
    weight = truth.tuned if setting["design"] == "tuned" else 1.0
    accuracy = 0.8 + shared + slope * (norm - 30) + weight * update * np.log2(updates / 400)
    if arm == "sam":
        accuracy += truth.sam * np.log2(int(setting["batch_size"]) / 16) / 5  # type: ignore[call-overload]
    accuracy += 0.002 * rng.normal()
    name = "-".join(map(str, (*cell, *(setting[k] for k in ("design", "arm")))))
    return {
        "run_id": f"{name}-{setting['batch_size']}-{setting['noise_of']}-{seed}",
        "dataset": cell[0],
        "model": cell[1],
        "domain": domain,
        "seed": seed,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "learning_rate_rule": "tuned" if setting["design"] == "tuned" else "fixed",
        "rate_at_edge": False,
        "reached": True,
        "epochs": updates * int(setting["batch_size"]) / n,  # type: ignore[call-overload]
        "n_train": n,
        "n_validation": 500,
        "n_test": 1000,
        "grad_noise": 10**noise,
        "example_noise": 50.0,
        "sharpness": 10**sharpness,
        "weight_norm": norm,
        "distance": 0.5 * norm,
        "margin": 5 - 0.1 * norm + 0.2 * rng.normal(),
        "validation_accuracy": accuracy + 0.005 * rng.normal(),
        "train_loss": 0.5 - 0.02 * np.log2(updates),
        "train_accuracy": min(1.0, accuracy + 0.1),
        "test_accuracy": accuracy,
        "test_precision": accuracy - 0.01,
        "generalization_gap": 0.1,
        "diverged": False,
        "seconds": 1e-3 * updates,
        **setting,
    }


def _tuning_run(cell: tuple[str, str], seed: int, batch: int, rate: float) -> dict[str, object]:
    best = RATES[0] if batch == 16 else RATES[1]
    score = 0.8 - 0.02 * abs(np.log10(rate / best))
    return {
        "dataset": cell[0],
        "model": cell[1],
        "seed": seed,
        "batch_size": batch,
        "learning_rate": rate,
        "updates": 100,
        "validation_loss": 1 - score,
        "validation_accuracy": score,
        "train_loss": 0.5,
        "test_accuracy": score,
        "diverged": False,
    }
