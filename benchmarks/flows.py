"""How many times longer a flow takes than an additive mechanism, to fit and to fit again.

    OMP_NUM_THREADS=1 python benchmarks/flows.py [--rows 480] [--clusters 40] [--replicates 200]

One head with two causes and their product. A fit of a flow includes its cross-validation; a refit
is one replicate of a bootstrap. Noise is normal, of unequal spread, or skewed and of unequal
spread. Both mechanisms are timed in turns in one process, by CPU time; medians are printed, and
what share of refits converged.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np

from causalhyper.mechanisms import (
    fit_additive,
    fit_flow,
    make_basis,
    make_groups,
    make_term_space,
)

TERMS = ((0,), (1,), (0, 1))
TURNS = 5
NOISES: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "normal": lambda rng, x: rng.normal(size=len(x)),
    "unequal": lambda rng, x: np.exp(0.5 * x) * rng.normal(size=len(x)),
    "skewed": lambda rng, x: np.exp(0.5 * x) * (np.exp(0.8 * rng.normal(size=len(x))) - 1.4),
}


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compare(name: str, rows: int, clusters: int, replicates: int) -> str:
    """One line of the table."""
    rng = np.random.default_rng(0)
    inputs, k = list(rng.normal(size=(2, rows))), np.arange(rows) % clusters
    x, z = inputs
    y = 1 + 2 * x - z + 0.5 * x * z + NOISES[name](rng, x)
    groups, space = make_groups(k, 0 * k), make_term_space(TERMS, inputs, 3, 1, "xz")
    spreads, bends = ([make_basis(v, df) for v in inputs] for df in (3, 1))
    weights = rng.multinomial(clusters, np.ones(clusters) / clusters, size=replicates)
    weights = weights.astype(float)

    def flow():
        return fit_flow(space, spreads, bends, inputs, y, groups, slopes=6, folds=5, seed=1)

    def line():
        return fit_additive(space, inputs, y, groups)

    mine, theirs = flow(), line()
    fits, refits = [], []
    for _ in range(TURNS):
        fits.append((seconds(flow), seconds(line)))
        refits.append(
            (
                seconds(lambda: mine.refit(groups, weights)),
                seconds(lambda: theirs.refit(groups, weights)),
            )
        )
    fit, fit_line = np.median(fits, axis=0)
    refit, refit_line = np.median(refits, axis=0) / replicates
    converged = mine.refit(groups, weights).converged.mean()
    return (
        f"{name:8} fit {fit:.2f} s, {fit / fit_line:,.0f} times the additive one; refit "
        f"{1e3 * refit:.2f} ms, {refit / refit_line:,.0f} times; {converged:.1%} converged"
    )


def main() -> None:
    """Print a line for each kind of noise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=480)
    parser.add_argument("--clusters", type=int, default=40)
    parser.add_argument("--replicates", type=int, default=200)
    asked = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for name in NOISES:
            print(compare(name, asked.rows, asked.clusters, asked.replicates))


if __name__ == "__main__":
    main()
