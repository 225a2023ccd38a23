"""Sizes and false discovery rates of the tests of columns, on simulated trainings.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/calibration.py [--methods shift mirror ...]
        [--shapes falling drop ...] [--steps 200 500] [--runs 100] [--strength 0] [--seed 1]
        [--columns changes.npy] [--workers 2]

Trainings are those of ``tests/granger/significance/trainings.py``, which chose no default. With
``--columns`` (an array of changes, steps x parameters) columns are real and only the loss is
simulated. One row a shape, number of steps and method: the rate with its binomial (for a false
discovery rate, empirical) standard error, what it should not exceed, and the power where columns
act. A run takes its numbers from the seed and its own number, so workers change nothing.

Methods: `shift` (any family-wise rejection), `shift-alone` (share of p <= 0.05), `selection` (the
entry penalty of `shifted_selection`), `stability` (columns selected by chance, over the worst-case
bound), `mirror`, `knockoffs`, `debiased` (false discovery rate at 0.2).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from causalhyper.granger.lasso import DenseColumns, LassoPath, lasso_path
from causalhyper.granger.significance.screened import screen_then_test
from causalhyper.granger.significance.shifts import shift_test, shifted_selection
from causalhyper.granger.significance.stability import select_by_screening, selection_frequency
from tests.granger.significance.trainings import ACTIVE, SHAPES, Training, training

LEVEL, RATE = 0.05, 0.2
"""Of tests, and of false discoveries."""
Outcome = tuple[float, float]
"""The rate in one run, and the share of the active columns that is found."""


def by_shift(data: Training, rng: np.random.Generator, *, alone: bool = False) -> Outcome:
    """Any rejection of `shift_test`, or the share of rejections."""
    found = shift_test(DenseColumns(data.x), data.y, edges=data.edges, rng=rng)["design"]
    if alone:
        return float((found.p <= LEVEL)[~data.active].mean()), power(found.p <= LEVEL, data)
    rejected = found.p_stepdown <= LEVEL
    return float(rejected[~data.active].any()), power(rejected, data)


def by_selection(data: Training, rng: np.random.Generator) -> Outcome:
    """A rejection by the entry penalty of a short path, among 19 rotations."""
    found = shifted_selection(
        DenseColumns(data.x), enter, data.y, shifts=19, edges=data.edges, rng=rng
    ).to_frame()
    return float(found.set_index("outcome").loc["entry_lambda", "p"] <= LEVEL), np.nan


def enter(columns: Any, y: np.ndarray) -> LassoPath:
    """The beginning of a path."""
    return lasso_path(columns, y, lambdas=5, ratio=0.8, tolerance=1e-3)


def by_stability(data: Training, rng: np.random.Generator) -> Outcome:
    """Columns that pass, over the number that the worst-case bound expects at most."""
    select = partial(select_by_screening, kept=max(4, data.x.shape[1] // 25))
    found = selection_frequency(DenseColumns(data.x), data.y, select=select, rng=rng, pairs=25)
    bound = found.bounds().worst_case
    chosen = np.isin(np.arange(data.x.shape[1]), found.selected)
    return float(chosen[~data.active].sum() / bound), power(chosen, data)


def by_screening(data: Training, rng: np.random.Generator, *, method: str) -> Outcome:
    """False discovery proportion of `screen_then_test`."""
    settings: dict[str, Any] = {"splits": 20} if method == "mirror" else {}
    found = screen_then_test(
        DenseColumns(data.x), data.y, rng=rng, method=method, level=RATE, **settings
    )
    chosen = np.isin(np.arange(data.x.shape[1]), found.columns)
    return float(chosen[~data.active].sum() / max(chosen.sum(), 1)), power(chosen, data)


def power(chosen: np.ndarray, data: Training) -> float:
    """Share of the active columns that is chosen."""
    return float(chosen[data.active].mean()) if data.active.any() else np.nan


METHODS: dict[str, tuple[Callable[..., Outcome], float]] = {
    "shift": (by_shift, LEVEL),
    "shift-alone": (partial(by_shift, alone=True), LEVEL),
    "selection": (by_selection, LEVEL),
    "stability": (by_stability, 1.0),
    **{
        name: (partial(by_screening, method=name), RATE)
        for name in ("mirror", "knockoffs", "debiased")
    },
}
"""What is measured in one run, and what its mean should not exceed."""


def one_run(number: int, method: str, shape: str, steps: int, options: dict[str, Any]) -> Outcome:
    """Draw a training and measure one method."""
    streams = np.random.default_rng([options["seed"], number]).spawn(2)
    changes = None
    if options["columns"]:
        changes = np.load(options["columns"], mmap_mode="r")
    data = training(
        shape,
        streams[0],
        steps,
        options["width"],
        options["strength"],
        known_drop=options["known_drop"],
        changes=changes,
    )
    return METHODS[method][0](data, streams[1])


def measured(outcomes: list[Outcome], limit: float) -> str:
    """Mean, standard error, limit and power, as the cells of a row."""
    rates, powers = np.array(outcomes).T
    mean, count = rates.mean(), len(rates)
    error = rates.std() / np.sqrt(count)
    if set(rates.tolist()) <= {0.0, 1.0}:
        error = np.sqrt(max(mean * (1 - mean), limit * (1 - limit)) / count)
    beyond = " **above**" if mean > limit + 2 * error else ""
    found = "" if np.isnan(powers).all() else f"{np.nanmean(powers):.2f}"
    return f"{mean:.3f} ± {error:.3f}{beyond} | {limit:g} | {found} | {count}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--shapes", nargs="*", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--steps", nargs="*", type=int, default=[200, 500])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--strength", type=float, default=0.0)
    parser.add_argument("--width", type=int, default=200)
    parser.add_argument("--known-drop", action="store_true", help="rotate each regime by itself")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--columns", help="changes, steps x parameters, as .npy")
    parser.add_argument("--workers", type=int, default=1)
    o = vars(parser.parse_args())
    shapes = ["real columns"] if o["columns"] else o["shapes"]
    acting = f"{ACTIVE} columns act, {o['strength']:g}" if o["strength"] else "no column acts"
    print(f"{acting}; {o['width']} columns; seed {o['seed']}")
    print(
        "| shape | steps | method | rate | at most | power | runs |\n|---|---|---|---|---|---|---|"
    )
    with ProcessPoolExecutor(o["workers"]) as pool:
        for shape, steps, method in product(shapes, o["steps"], o["methods"]):
            run = partial(one_run, method=method, shape=shape, steps=steps, options=o)
            outcomes = list(pool.map(run, range(o["runs"]), chunksize=5))
            cells = measured(outcomes, METHODS[method][1])
            print(f"| {shape} | {steps} | {method} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
