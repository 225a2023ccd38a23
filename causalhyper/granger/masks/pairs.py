"""The table of pairs of masks."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.granger.masks.overlap import jaccard, kappa, overlap_moments, overlap_p_value

COLUMNS = (
    "first",
    "first_seed",
    "second",
    "second_seed",
    "layer",
    "entries",
    "first_pruned",
    "second_pruned",
    "both_pruned",
    "only_first",
    "only_second",
    "neither",
    "expected_both_pruned",
    "expected_sd",
    "at_totals",
    "z",
    "p_value",
    "odds_ratio",
    "jaccard_kept",
    "expected_jaccard",
    "jaccard_pruned",
    "kappa",
    "kappa_layers",
)
"""Columns of the table, in order: whose masks; shares pruned by each, by both, by one alone, by
neither; what independent masks of the same layer counts both prune, its standard deviation, and
what those of the same totals do; the test of independence within layers; Mantel and Haenszel's
odds ratio; Jaccard's index of the entries kept, the same for independent masks, and of those
pruned; Cohen's kappa against chance at the totals and within layers."""


def pair_rows(
    labels: tuple[tuple[str, str], ...],
    layers: tuple[str, ...],
    entries: Codes,
    kept: Codes,
    both: Codes,
    *,
    by_layer: bool,
) -> pd.DataFrame:
    """Return the table of all pairs.

    Parameters
    ----------
    labels : tuple of (str, str), length m
        Method and seed.
    layers : tuple of str
    entries : ndarray of int, shape (layers,)
    kept : ndarray of int, shape (m, layers)
    both : ndarray of int, shape (m, m, layers)
    by_layer : bool
        Whether each layer has a row too.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`.
    """
    parts = [("", np.arange(len(layers)))]
    if by_layer:
        parts += [(name, np.array([i])) for i, name in enumerate(layers)]
    rows = []
    for i, j in combinations(range(len(labels)), 2):
        for name, part in parts:
            counts = entries[part], kept[i, part], kept[j, part], both[i, j, part]
            rows.append((*labels[i], *labels[j], name, *_numbers(*counts)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _numbers(entries: Codes, first: Codes, second: Codes, both: Codes) -> tuple[float, ...]:
    """The numbers of one pair, from its counts by layer."""
    n, a, b, ab = (x.astype(np.float64) for x in (entries, first, second, both))
    size, of_a, of_b, of_both = (float(x.sum()) for x in (n, a, b, ab))
    mean, variance = overlap_moments(n, a, b)
    gap, sd = of_both - float(mean.sum()), float(np.sqrt(variance.sum()))
    neither_kept = size - of_a - of_b + of_both
    expected_neither = neither_kept - gap
    # both kept or both pruned; at independent masks, from totals and from layers
    agreed = (of_both + neither_kept) / size
    total = (of_a * of_b + (size - of_a) * (size - of_b)) / size**2
    within = float((mean + (n - a) * (n - b) / n).sum()) / size
    sets = [np.array([x]) for x in (of_a, of_b, of_both)]
    independent = [*sets[:2], np.array([float(mean.sum())])]
    pruned = [np.array([x]) for x in (size - of_a, size - of_b, neither_kept)]
    return (
        int(size),
        1 - of_a / size,
        1 - of_b / size,
        neither_kept / size,
        (of_b - of_both) / size,
        (of_a - of_both) / size,
        of_both / size,
        expected_neither / size,
        sd / size,
        (1 - of_a / size) * (1 - of_b / size),
        gap / sd if sd else np.nan,
        overlap_p_value(entries, first, second, int(both.sum())),
        _odds_ratio(n, a, b, ab),
        float(jaccard(*sets)[0]),
        float(jaccard(*independent)[0]),
        float(jaccard(*pruned)[0]),
        float(kappa(np.array([agreed]), np.array([total]))[0]),
        float(kappa(np.array([agreed]), np.array([within]))[0]),
    )


def _odds_ratio(n: Array, a: Array, b: Array, ab: Array) -> float:
    """Mantel and Haenszel's: layers are the strata; NaN where nothing can be compared."""
    alike = float((ab * (n - a - b + ab) / n).sum())
    apart = float(((a - ab) * (b - ab) / n).sum())
    if apart == 0:
        return np.inf if alike else np.nan
    return alike / apart
