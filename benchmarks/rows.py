"""What a bootstrap replicate of an effect curve costs as the rows grow.

    OMP_NUM_THREADS=1 python benchmarks/rows.py [--clusters 100] [--simulated 2048]

CPU time of a replicate is the slope between 200 replicates and 1,200; what is paid once, whatever
the number of replicates, stands beside it. The number of clusters is held.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from causalhyper import LINEAR, FittedModel, effect_curve, fit
from causalhyper.queries.experiments import preparation

DOSES = (4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
FEW, MANY = 200, 1200


def make_runs(rows: int, clusters: int) -> pd.DataFrame:
    """Clusters of equal size, each of complete blocks of six doses, from an interaction model."""
    rng = np.random.default_rng(0)
    B = np.tile(DOSES, rows // 6)
    N = -0.8 * B + rng.normal(size=rows)
    S = 0.5 * N + rng.normal(size=rows)
    C = 0.2 * N + 0.4 * S + 0.3 * N * S + rng.normal(size=rows)
    G = -0.7 * C + rng.normal(size=rows)
    seed, run_id = np.arange(rows) // (rows // clusters), np.arange(rows)
    return pd.DataFrame({"B": B, "N": N, "S": S, "C": C, "G": G, "seed": seed, "run_id": run_id})


def seconds(model: FittedModel, draws: int) -> float:
    """Seconds of CPU time of an effect curve."""
    began = time.process_time()
    effect_curve(
        model, "B", "G", at=DOSES[:-1], baseline=DOSES[-1], draws=draws, interval="bootstrap"
    )
    return time.process_time() - began


def main() -> None:
    """Time all sizes in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=100)
    parser.add_argument("--simulated", type=int, default=2048, help="runs a dose and replicate")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    preparation.count_simulated = lambda n: options.simulated
    block = 6 * options.clusters
    models = {}
    for size in (10**3, 10**4, 10**5, 10**6):
        runs = make_runs(-(-size // block) * block, options.clusters)
        models[len(runs)] = fit(
            "B -> N; N -> S; {N, S} -> C; C -> G",
            runs,
            {v: v for v in "BNSCG"},
            protocol="p",
            cluster="seed",
            mechanisms=LINEAR,
        )
    costs: dict[int, list[float]] = {n: [] for n in models}
    once: dict[int, list[float]] = {n: [] for n in models}
    for _ in range(options.turns):
        for n, model in models.items():
            few, many = seconds(model, FEW), seconds(model, MANY)
            costs[n].append(1e3 * (many - few) / (MANY - FEW))
            once[n].append(1e3 * few - FEW * costs[n][-1])
    for n in models:
        print(
            f"{n} rows: {np.median(costs[n]):.2f} ms a replicate "
            f"({min(costs[n]):.2f} to {max(costs[n]):.2f}), {np.median(once[n]):.0f} ms once"
        )


if __name__ == "__main__":
    main()
