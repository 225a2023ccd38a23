"""Seconds a bootstrap replicate of an effect curve costs, here and with dowhy's gcm.

    OMP_NUM_THREADS=1 python benchmarks/effect_curve.py [--rows 1002] [--clusters 167]

A replicate resamples the clusters, refits every mechanism (linear, with products) and simulates
10,000 runs at each of six doses. Intervals are the bootstrap's, so that both sides do nothing but
bootstrap replicates. Needs dowhy, which is no dependency of the project. Both are timed in one
process, in turns; what is printed is the ratio, with its range over turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from causalhyper import LINEAR, effect_curve, fit
from causalhyper.queries.experiments import preparation

ARCS = [("B", "N"), ("N", "S"), ("N", "C"), ("S", "C"), ("C", "G")]
DOSES = (4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
SIMULATED = 10_000
OURS = 1000
"""Replicates of ours a turn; one replicate alone would time the call, not the work."""


def make_runs(rows: int, clusters: int) -> pd.DataFrame:
    """Clusters of equal size, each of complete blocks of six doses, from an interaction model."""
    if rows % (6 * clusters):
        raise SystemExit(f"{rows} rows are no multiple of 6 doses in {clusters} clusters")
    rng = np.random.default_rng(0)
    B = np.tile(DOSES, rows // 6)
    N = -0.8 * B + rng.normal(size=len(B))
    S = 0.5 * N + rng.normal(size=len(B))
    C = 0.2 * N + 0.4 * S + 0.3 * N * S + rng.normal(size=len(B))
    G = -0.7 * C + rng.normal(size=len(B))
    frame = pd.DataFrame({"B": B, "N": N, "S": S, "C": C, "G": G})
    return frame.assign(
        seed=np.repeat(np.arange(clusters), rows // clusters), run_id=np.arange(len(B))
    )


def peer_replicate(runs: pd.DataFrame, rng: np.random.Generator) -> None:
    """Resample clusters, refit with gcm, simulate each dose."""
    clusters = runs["seed"].nunique()
    rows = np.arange(len(runs)).reshape(clusters, -1)[rng.integers(0, clusters, clusters)].ravel()
    model = gcm.InvertibleStructuralCausalModel(nx.DiGraph(ARCS))
    model.set_causal_mechanism("B", gcm.EmpiricalDistribution())
    for node in "NSCG":
        products = PolynomialFeatures(2, interaction_only=True, include_bias=False)
        regressor = gcm.ml.SklearnRegressionModel(make_pipeline(products, LinearRegression()))
        model.set_causal_mechanism(node, gcm.AdditiveNoiseModel(regressor))
    gcm.fit(model, runs.iloc[rows][list("BNSCG")])
    for dose in DOSES:
        fixed = {"B": lambda x, dose=dose: dose}
        gcm.interventional_samples(model, fixed, num_samples_to_draw=SIMULATED)["G"].mean()


def seconds(work: Callable[[], object], times: int) -> float:
    """Seconds of CPU time a repetition."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1002)
    parser.add_argument("--clusters", type=int, default=167)
    parser.add_argument("--replicates", type=int, default=20, help="of the peer, a turn")
    options = parser.parse_args()
    gcm.config.disable_progress_bars()
    gcm.config.set_default_n_jobs(1)
    preparation.count_simulated = lambda n: SIMULATED
    runs = make_runs(options.rows, options.clusters)
    roles = {v: v for v in "BNSCG"}
    graph = "B -> N; N -> S; {N, S} -> C; C -> G"
    model = fit(graph, runs, roles, protocol="p", cluster="seed", mechanisms=LINEAR)
    rng = np.random.default_rng(1)
    asked = {"at": DOSES[:-1], "baseline": DOSES[-1], "draws": OURS, "interval": "bootstrap"}
    effect_curve(model, "B", "G", **asked)
    peer_replicate(runs, rng)
    ratios = []
    for turn in range(5):
        ours = seconds(lambda: effect_curve(model, "B", "G", **asked), 1) / OURS
        peer = seconds(lambda: peer_replicate(runs, rng), options.replicates)
        ratios.append(peer / ours)
        print(f"turn {turn}: {1e3 * ours:.2f} ms here, {1e3 * peer:.1f} ms gcm")
    print(f"ratio: median {np.median(ratios):.0f}, {min(ratios):.0f} to {max(ratios):.0f}")


if __name__ == "__main__":
    main()
