"""Sweeps answered as if nothing more than their runs were known, and judged by the truth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import special

from case_studies.batch_size.logged_grids.reading import Factorial
from case_studies.batch_size.logged_grids.sweeps import LOGGERS, draw_sweep
from causalhyper import SPLINE, Additive, effect_curve, fit
from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress
from causalhyper.results import Estimate

SIZES = (48, 200, 1000)
"""Runs in a sweep; each is a multiple of the eight contexts."""
DRAWS = 100
"""Bootstrap replicates behind an interval."""
SEED = 7
SWEEPS = (
    "benchmark",
    "logger",
    "n",
    "replicate",
    "estimator",
    "estimate",
    "lower",
    "upper",
)
"""Columns of the answers."""
ESTIMATORS = ("difference", "adjusted", "hypergraph", "flexible")
"""Within contexts with nothing adjusted for; by the back-door set; through the hypergraph; through
the hypergraph with a surface of nine functions for batch size and rate together."""
FLEXIBLE = Additive(df=3, joint_df=3)
ADJUSTED = "{B, L} -> G; W -> G"
ROLES = {"B": "log2(batch_size)", "L": "log10(learning_rate)", "W": "log2(width)", "G": "outcome"}


def answer_sweep(sweep: pd.DataFrame, factorial: Factorial, logger: str) -> dict[str, Estimate]:
    """Ask the project's own verbs for the effect of the smallest batch size against the largest.

    Parameters
    ----------
    sweep : pandas.DataFrame
        As drawn by `draw_sweep`.
    factorial : Factorial
        Of which only the benchmark's description is used.
    logger : str
        Known to whoever draws the hypergraph: by which the batch size has causes or not.

    Returns
    -------
    dict of str to Estimate
        Of `ESTIMATORS` those that have an answer. "flexible" is asked of the largest sweeps with
        a batch size that has causes: smaller ones cannot carry it.
    """
    if logger == "random":
        return _ask(ADJUSTED, sweep, factorial)
    given = f"L -> B; {ADJUSTED}"
    found = _ask("B -> G", sweep, factorial)
    found = {"difference": found["difference"]} if found else {}
    found |= _ask(given, sweep, factorial)
    if len(sweep) == max(SIZES):
        flexible = _ask(given, sweep, factorial, FLEXIBLE)
        found |= {"flexible": flexible["hypergraph"]} if flexible else {}
    return found


def _ask(
    graph: str, sweep: pd.DataFrame, factorial: Factorial, mechanism: Additive = SPLINE
) -> dict[str, Estimate]:
    """Fit one hypergraph and ask for the effect; nothing where the sweep is too small for it."""
    benchmark = factorial.benchmark
    smallest, *_, largest = benchmark.sampled
    try:
        model = fit(
            graph,
            sweep,
            {node: role for node, role in ROLES.items() if node in graph},
            protocol=benchmark.protocol,
            cluster="run_id",
            context=benchmark.contexts,
            mechanisms=mechanism,
            treatment="B",
            outcome="G",
        )
        curve = effect_curve(model, "B", "G", at=[smallest], baseline=largest, draws=DRAWS)
    except ConfigurationError:
        return {}
    names = {"design": "difference", "adjusted": "adjusted", "hypergraph": "hypergraph"}
    return {names[k]: found[0] for k, found in curve.by_estimator.items()}


def study_sweeps(
    factorial: Factorial, replicates: int, progress: Progress | None = None
) -> pd.DataFrame:
    """Draw and answer many sweeps of each size and logger.

    Parameters
    ----------
    factorial : Factorial
    replicates : int
        Sweeps of each kind, at least 1. The first of them are the same whatever the number.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    pandas.DataFrame
        Columns `SWEEPS`; one row a sweep and estimator, empty numbers where it had no answer.

    Raises
    ------
    ConfigurationError
        If there are no replicates.
    """
    if replicates < 1:
        raise ConfigurationError(f"expected at least 1 replicate, got {replicates}")
    rows = []
    kinds = list(product(range(len(LOGGERS)), SIZES, range(replicates)))
    for done, (kind, n, replicate) in enumerate(kinds, start=1):
        logger = LOGGERS[kind]
        # the number of axes tells the benchmarks apart
        rng = np.random.default_rng([SEED, factorial.outcome.ndim, kind, n, replicate])
        found = answer_sweep(draw_sweep(factorial, n, logger, rng), factorial, logger)
        asked = len(ESTIMATORS) - (kind == 0 or n < max(SIZES))
        for estimator in ESTIMATORS[:asked]:
            e = found.get(estimator)
            numbers = (np.nan,) * 3 if e is None else (e.estimate, e.lower, e.upper)
            rows.append((factorial.benchmark.name, logger, n, replicate, estimator, *numbers))
        if progress is not None:
            progress(done / len(kinds))
    frame = pd.DataFrame(rows, columns=list(SWEEPS))
    return frame.astype(
        {"n": np.int16, "replicate": np.int16, **dict.fromkeys(SWEEPS[-3:], np.float32)}
    )


def judge_sweeps(sweeps: pd.DataFrame, truth: float) -> pd.DataFrame:
    """Bias, error and coverage of the answers against the truth.

    Parameters
    ----------
    sweeps : pandas.DataFrame
        Columns `SWEEPS`, of one benchmark.
    truth : float

    Returns
    -------
    pandas.DataFrame
        One row a logger, size and estimator: answered (share of sweeps), bias and its Monte Carlo
        standard error, rmse, width (mean, of the interval), coverage with its exact 95% limits,
        among the answered.
    """
    rows = []
    by: Sequence[str] = ("logger", "n", "estimator")
    for key, part in sweeps.groupby(list(by), sort=False):
        told = part.dropna(subset=["estimate"])
        errors = told["estimate"].to_numpy(np.float64) - truth
        hits = int(((told["lower"] <= truth) & (truth <= told["upper"])).sum())
        low, high = exact_limits(hits, len(told))
        rows.append(
            dict(zip(by, key, strict=True))
            | {
                "answered": len(told) / len(part),
                "bias": errors.mean(),
                "bias_se": errors.std(ddof=1) / np.sqrt(len(told)),
                "rmse": np.sqrt((errors**2).mean()),
                "width": float((told["upper"] - told["lower"]).mean()),
                "coverage": hits / len(told),
                "coverage_lower": low,
                "coverage_upper": high,
            }
        )
    return pd.DataFrame(rows)


def exact_limits(hits: int, trials: int) -> tuple[float, float]:
    """Limits of a probability at 95% by Clopper and Pearson 1934.

    Parameters
    ----------
    hits, trials : int
        At least 1 trial.

    Returns
    -------
    lower, upper : float

    Examples
    --------
    >>> [round(limit, 3) for limit in exact_limits(0, 10)]
    [0.0, 0.308]
    """
    lower = float(special.betaincinv(hits, trials - hits + 1, 0.025)) if hits else 0.0
    upper = float(special.betaincinv(hits + 1, trials - hits, 0.975)) if hits < trials else 1.0
    return lower, upper
