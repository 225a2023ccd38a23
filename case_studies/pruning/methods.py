"""Which criterion is a baseline, a control, or one that is tried here; and which is the best."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

DENSE, MAGNITUDE, MOVEMENT = "dense", "magnitude", "movement"
PAPERS = "causal"
"""Beginning of the names of criteria of the paper's kind: one coefficient a squared movement."""
PUBLISHED = "causal-published"
"""Beginning of the names of the paper's own rule."""
OWN_RULES = (PUBLISHED, f"{PUBLISHED}-1e-14")
"""Names of the rule with the paper's value of L1_coeff: for the network and data set, and for
LeNet. Others have other values."""
CANDIDATES = ("gain", "secant")
"""Beginnings of the names of criteria that were looked for here: they use gradients around each
step, and no loss."""
BASELINES = ("magnitude", "lamp", "fisher", "taylor", "woodfisher", "obd", "movement", "random")
"""Beginnings of the names of criteria that know nothing of the loss series."""
NULL = "-shifted"
"""End of the name of a criterion that is given the loss of other steps."""
LATER = "-later"
"""End of the name of a method that ranks weights of ten epochs of Adam later; collected ones those
of ten more epochs of collecting after these. Then all go back."""
AS = " at "
"""Between a control and the criterion whose layer counts it has, as in "random at causal"."""


def role(method: str) -> str:
    """Say what a method is for.

    Parameters
    ----------
    method : str

    Returns
    -------
    str
        "dense"; "criterion" of the loss series, its "null", and "own counts", a control with its
        layer counts; "candidate", see `CANDIDATES`; "baseline", which knows nothing of either.

    Examples
    --------
    >>> [role(m) for m in ("lamp", "causal-ridge", "causal-ridge-shifted", "random at causal")]
    ['baseline', 'criterion', 'null', 'own counts']
    >>> role("gain"), role("secant-adaptive")
    ('candidate', 'candidate')
    """
    if method == DENSE:
        return DENSE
    if AS in method:
        return "own counts"
    if method.endswith(NULL):
        return "null"
    if method.startswith(CANDIDATES):
        return "candidate"
    return "baseline" if method.startswith(BASELINES) else "criterion"


def owner(method: str) -> str:
    """The criterion whose layer counts a control has; any other method itself."""
    return method.partition(AS)[2] or method


def of_role(methods: Iterable[str], *wanted: str) -> list[str]:
    """The methods of some roles, in order, each once."""
    return [m for m in dict.fromkeys(methods) if role(m) in wanted]


def best_of(runs: pd.DataFrame, methods: Iterable[str]) -> str:
    """The method with the highest mean accuracy, on validation data where there is any.

    Parameters
    ----------
    runs : DataFrame
        Of one cell, or of one level of it. Methods that were run at most levels take part, and
        count where all of them were.
    methods : iterable of str

    Returns
    -------
    str
        "" where none has a run.
    """
    own = runs[runs["method"].isin(list(methods)) & (runs["sparsity"] > 0)]
    if own.empty:
        return ""
    table = own.pivot_table(index="method", columns="sparsity", values=chosen_by(own))
    counts = table.notna().sum(axis="columns")
    shared = table[counts == counts.max()].dropna(axis="columns")
    return str(shared.mean(axis="columns").idxmax())


def chosen_by(runs: pd.DataFrame) -> str:
    """Column by which methods are chosen."""
    own = runs.get("validation_accuracy", pd.Series(np.nan, index=runs.index))
    return "validation_accuracy" if own.notna().all() else "test_accuracy"


def papers_criteria(methods: Iterable[str]) -> list[str]:
    """The criteria of the paper's kind, in order, each once.

    Parameters
    ----------
    methods : iterable of str

    Returns
    -------
    list of str

    Examples
    --------
    >>> papers_criteria(["magnitude", "causal-marginal", "gain", "causal-marginal-later"])
    ['causal-marginal']
    """
    criteria = of_role(methods, "criterion")
    return [m for m in criteria if m.startswith(PAPERS) and not m.endswith(LATER)]


def shown_criteria(runs: pd.DataFrame) -> list[str]:
    """The criteria that stand for the paper's: its own rule, and the best of its kind.

    Criteria that were looked for here, such as "gain", are none of the paper's, nor are those
    that collect from later weights.

    Parameters
    ----------
    runs : DataFrame
        Of one cell.

    Returns
    -------
    list of str
    """
    criteria = papers_criteria(runs["method"])
    found = [m for m in criteria if m in OWN_RULES]
    others = [m for m in criteria if not m.startswith(PUBLISHED)]
    best = best_of(runs, others)
    return [*found, best] if best else found


def shares_in_words(shares: Sequence[float]) -> str:
    """List shares, such as "95%, 98% and 99%"."""
    *first, last = map(percent, shares)
    return f"{', '.join(first)} and {last}" if first else last


def percent(sparsity: float) -> str:
    """A share pruned in percent, such as "98%"."""
    return f"{100 * sparsity:.4g}%"
