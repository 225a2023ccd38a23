"""Small sweeps drawn from a factorial whose truth is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from case_studies.batch_size.logged_grids.reading import Factorial
from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError

LOGGERS = ("random", "rate with batch")
"""How the logger chose the batch size: at random, or a larger one where the rate is larger."""
SPREAD = 0.35
"""Of the batch size around what goes with the rate, both counted from 0 (smallest) to 1."""


def true_effect(factorial: Factorial) -> float:
    """Effect of the smallest sampled batch size against the largest, averaged over all cells.

    Parameters
    ----------
    factorial : Factorial

    Returns
    -------
    float
    """
    small, *_, large = _positions(factorial)
    return float(factorial.outcome[:, small].mean() - factorial.outcome[:, large].mean())


def _positions(factorial: Factorial) -> Codes:
    """Where the sampled batch sizes stand in the factorial."""
    return np.searchsorted(factorial.levels["batch_size"], factorial.benchmark.sampled)


def choice_probabilities(rates: int, batches: int, logger: str) -> Array:
    """Probability of each batch size given the place of the learning rate, shape (rates, batches).

    Parameters
    ----------
    rates, batches : int
        Counts of levels, at least 2.
    logger : str
        One of `LOGGERS`.

    Returns
    -------
    ndarray
        Rows sum to 1.

    Raises
    ------
    ConfigurationError
        If the logger is another.

    Examples
    --------
    >>> choice_probabilities(2, 2, "random").tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    if logger not in LOGGERS:
        raise ConfigurationError(f"logger must be one of {LOGGERS}, got {logger!r}")
    apart = np.linspace(0, 1, rates)[:, None] - np.linspace(0, 1, batches)
    weights = np.exp(-0.5 * (apart / SPREAD) ** 2) if logger != "random" else np.ones_like(apart)
    found: Array = weights / weights.sum(axis=1, keepdims=True)
    return found


def draw_sweep(
    factorial: Factorial, n: int, logger: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw the runs of a sweep: equally many in each context, every other factor at random.

    Parameters
    ----------
    factorial : Factorial
    n : int
        Runs; a multiple of the number of contexts.
    logger : str
        One of `LOGGERS`. Learning rates are drawn uniformly by either.
    rng : numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        run_id, the contexts, batch_size, learning_rate, width, outcome.

    Raises
    ------
    ConfigurationError
        If n is no multiple of the contexts.
    """
    names, benchmark = list(factorial.levels), factorial.benchmark
    cells = list(product(*(range(len(factorial.levels[c])) for c in benchmark.contexts)))
    if n % len(cells):
        raise ConfigurationError(
            f"{n} runs cannot be shared out equally over {len(cells)} contexts"
        )
    drawn = {c: rng.integers(len(v), size=n) for c, v in factorial.levels.items()}
    owners = np.repeat(np.array(cells), n // len(cells), axis=0)
    drawn |= dict(zip(benchmark.contexts, owners.T, strict=True))
    positions = _positions(factorial)
    chances = choice_probabilities(len(factorial.levels["learning_rate"]), len(positions), logger)[
        drawn["learning_rate"]
    ]
    passed = rng.random(n)[:, None] > chances.cumsum(axis=1)[:, :-1]
    drawn["batch_size"] = positions[passed.sum(axis=1)]
    seeds = rng.integers(benchmark.seeds, size=n)
    kept = {c: factorial.levels[c][drawn[c]] for c in (*benchmark.contexts, "batch_size")}
    return pd.DataFrame(
        {
            "run_id": np.arange(n),
            **kept,
            "learning_rate": factorial.levels["learning_rate"][drawn["learning_rate"]],
            "width": factorial.levels[benchmark.width][drawn[benchmark.width]],
            "outcome": factorial.outcome[(*(drawn[c] for c in names), seeds)],
        }
    )
