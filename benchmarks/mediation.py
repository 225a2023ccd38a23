"""Natural effects through one mediator with 1,000 replicates, here and with statsmodels.

    OMP_NUM_THREADS=1 python benchmarks/mediation.py [--rows 1000]

Both fit a mediator and an outcome with their product, and report natural direct and indirect
effects with intervals; every row is its own cluster. statsmodels is in the test extra. What is
printed is the ratio of CPU times in one process, with its range over turns.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from statsmodels.stats.mediation import Mediation

from causalhyper import LINEAR, fit, mediate

REPLICATES = 1000


def make_runs(rows: int) -> pd.DataFrame:
    """A treatment of two values, a mediator, and an outcome with their product."""
    rng = np.random.default_rng(0)
    t = np.arange(rows) % 2
    m = 0.5 * t + rng.normal(size=rows)
    y = 0.3 * t + 0.4 * m + 0.2 * t * m + rng.normal(size=rows)
    ids = [f"r{i}" for i in range(rows)]
    return pd.DataFrame({"t": t.astype(float), "m": m, "y": y, "run_id": ids, "seed": ids})


def ours(runs: pd.DataFrame) -> float:
    """Fit, replicates and intervals; the natural indirect effect."""
    roles = {"T": "t", "M": "m", "Y": "y"}
    options = {"protocol": "p", "cluster": "seed", "mechanisms": LINEAR}
    model = fit("T -> M; {T, M} -> Y", runs, roles, **options)
    found = mediate(model, "T", "Y", "M", at=[1.0], baseline=0.0, draws=REPLICATES)
    return found.natural_indirect[0].estimate


def peer(runs: pd.DataFrame) -> float:
    """The same with statsmodels; the natural indirect effect under treatment."""
    outcome, mediator = smf.ols("y ~ t * m", runs), smf.ols("m ~ t", runs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = Mediation(outcome, mediator, "t", "m").fit(n_rep=REPLICATES)
    return float(found.summary().loc["ACME (treated)", "Estimate"])


def seconds(work: Callable[[], float]) -> float:
    """Seconds of CPU time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    runs = make_runs(options.rows)
    print(f"natural indirect effect: {ours(runs):.3f} here, {peer(runs):.3f} statsmodels")
    ratios = []
    for turn in range(options.turns):
        mine, theirs = seconds(lambda: ours(runs)), seconds(lambda: peer(runs))
        ratios.append(theirs / mine)
        print(f"turn {turn}: {mine:.2f} s here, {theirs:.1f} s statsmodels")
    print(f"ratio: median {np.median(ratios):.0f}, {min(ratios):.0f} to {max(ratios):.0f}")


if __name__ == "__main__":
    main()
