"""Made-up runs of the study's schema from a linear hypergraph whose coefficients are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

BATCHES = (16, 32, 64, 128, 256, 512)
N_TRAIN, EPOCHS, UPDATES = 1024, 100, 1600
GRAPHS = tuple(
    (d, m, "graph") for d in ("cora", "citeseer", "pubmed") for m in ("GCN", "GAT", "PI-GNN")
)


@dataclass(frozen=True)
class Truth:
    """Coefficients of the made-up networks, on the scales of the roles.

    N = log10 gradient noise, U = log10 updates, S = log10 sharpness. Each node's noise is partly
    the seed's (`kept` of its variance), the same at every batch size, and partly new in each run.
    """

    noise_sharpness: float = -0.4
    updates_sharpness: float = 0.0
    noise_norm: float = 1.0
    sharpness_norm: float = -1.0
    updates_norm: float = 0.0
    norm_score: float = 0.01
    noise_score: float = 0.0
    sharpness_score: float = 0.0
    updates_score: float = 0.0
    best: float | None = None
    """log2 of the batch size about which the score falls off as a parabola, if any."""
    curvature: float = 0.002
    free_noise: float = 0.1
    """Standard deviation of N that the batch size does not fix."""
    misread: float = 0.0
    """Standard deviation of the error with which N is measured."""
    norm_best: float | None = None
    """The norm about which the score falls off as a parabola, if any."""
    spread: float = 0.002
    kept: float = 0.5
    sam: float = 0.0
    """What sharpness-aware minimisation adds at 512; linear in log2 B, 0 at 16."""


@dataclass(frozen=True)
class Plan:
    """Which runs are made up."""

    cells: tuple[tuple[str, str, str], ...] = (("cora", "GCN", "graph"),)
    seeds: int = 20
    designs: tuple[str, ...] = ("equal_epochs", "equal_updates")
    arms: bool = True
    own: dict[tuple[str, str], Truth] = field(default_factory=dict)


def make_runs(truth: Truth | None = None, plan: Plan | None = None, seed: int = 0) -> pd.DataFrame:
    """Runs of every cell of a plan."""
    truth, plan = truth or Truth(), plan or Plan()
    rng, rows = np.random.default_rng(seed), []
    for place, (dataset, model, domain) in enumerate(plan.cells):
        own = plan.own.get((dataset, model), truth)
        for block in range(plan.seeds):
            kept = rng.normal(size=4)
            for setting in settings(plan):
                cell = {"dataset": dataset, "model": model, "domain": domain, "seed": block}
                rows.append(cell | setting | measure(own, setting, kept, 0.3 * place, rng))
    frame = pd.DataFrame(rows)
    names = frame[["dataset", "model", "design", "arm", "batch_size", "noise_of", "seed"]]
    return frame.assign(run_id=["-".join(map(str, row)) for row in names.to_numpy()])


def settings(plan: Plan) -> Iterator[dict[str, object]]:
    """Every row of one seed, without what is measured."""
    for design in plan.designs:
        for b in BATCHES:
            for arm in ("plain", "sam")[: 1 + (plan.arms and design != "tuned")]:
                yield {"design": design, "arm": arm, "batch_size": b, "noise_of": b}
    if plan.arms:
        one = {"design": "equal_epochs"}
        yield one | {"arm": "noise_added", "batch_size": 512, "noise_of": 16}
        yield one | {"arm": "noise_removed", "batch_size": 16, "noise_of": 512}


def measure(
    t: Truth, setting: dict[str, object], kept: np.ndarray, cell: float, rng: np.random.Generator
) -> dict[str, object]:
    """What one run measures; `kept` is the seed's part of the noise of N, S, C and G."""
    b, noise_of = int(setting["batch_size"]), int(setting["noise_of"])  # type: ignore[call-overload]
    updates = {"equal_updates": UPDATES}.get(str(setting["design"]), EPOCHS * N_TRAIN // b)
    e = np.sqrt(t.kept) * kept + np.sqrt(1 - t.kept) * rng.normal(size=4)
    u = np.log10(updates)
    n = np.log10(50 * (1 / noise_of - 1 / N_TRAIN)) + cell + t.free_noise * e[0]
    s = 1 + t.noise_sharpness * n + t.updates_sharpness * u + 0.1 * e[1]
    c = 30 + t.noise_norm * n + t.sharpness_norm * s + t.updates_norm * u + 0.2 * e[2]
    g = 0.8 + t.norm_score * (c - 30) + t.noise_score * n + t.sharpness_score * s
    g += t.updates_score * u + t.spread * e[3]
    if t.norm_best is not None:
        g -= t.curvature * (c - t.norm_best) ** 2
    if t.best is not None:
        g -= t.curvature * (np.log2(b) - t.best) ** 2
    if setting["arm"] == "sam":
        g += t.sam * np.log2(b / 16) / 5
    return {
        "grad_noise": 10 ** (n + t.misread * rng.normal()),
        "sharpness": 10**s,
        "weight_norm": c,
        "margin": 2 * c + rng.normal(),
        "distance": c - 5 + 0.1 * rng.normal(),
        "updates": updates,
        "epochs": updates * b / N_TRAIN,
        "noise_scale": 64.0,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "learning_rate_rule": "fixed",
        "reached": True,
        "n_train": N_TRAIN,
        "n_test": 1000,
        "validation_accuracy": g + 0.002 * rng.normal(),
        "test_accuracy": g,
        "test_precision": g - 0.01,
        "train_loss": 0.1,
        "diverged": False,
        "seconds": 1e-3 * updates * (1 + b / 64) / 2,
    }
