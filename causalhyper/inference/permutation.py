"""Randomisation inference: the assignments that might have been, and their t and F statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from math import factorial, prod

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.inference.intervals import t_quantile
from causalhyper.inference.inversion import invert_test

CHUNK = 256
"""Assignments worked on at a time: bounds memory, changes no number."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who got which dose, and within what doses might have been exchanged.

    Attributes
    ----------
    units : ndarray of int, shape (n,)
        What the dose was assigned to, such as the row itself or its cluster.
    doses, blocks : ndarray of int, shape (units,)
        Dose code of each unit; units exchange doses within their block alone.
    centres : ndarray of int, shape (n,)
        Within what rows are compared: their means are taken out.
    clusters : ndarray of int, shape (n,)
        For cluster-robust standard errors.
    """

    units: Codes
    doses: Codes
    blocks: Codes
    centres: Codes
    clusters: Codes


@dataclass(frozen=True, slots=True)
class PairTest:
    """Two doses compared by randomisation.

    Attributes
    ----------
    estimate, se, t : float
        Difference in means within centres, CR1 standard error and their ratio.
    p_value : float
        Of the sharp null that the two doses have the same effect on every run.
    lower, upper : float
        Constant effects that are not rejected; infinite where none is, however far.
    assignments : int
    exact : bool
        Whether these are all assignments there are.
    """

    estimate: float
    se: float
    t: float
    p_value: float
    lower: float
    upper: float
    assignments: int
    exact: bool


@dataclass(frozen=True, slots=True)
class OmnibusTest:
    """All doses compared at once.

    Attributes
    ----------
    f, p_value : float
    assignments : int
    exact : bool
        Whether these are all assignments there are.
    """

    f: float
    p_value: float
    assignments: int
    exact: bool


def count_assignments(doses: Codes, blocks: Codes) -> int:
    """How many ways there are to deal each block's doses to its units.

    Parameters
    ----------
    doses, blocks : ndarray of int, shape (units,)

    Returns
    -------
    int
    """
    ways = []
    for block in np.unique(blocks):
        counts = np.unique(doses[blocks == block], return_counts=True)[1].tolist()
        ways.append(factorial(sum(counts)) // prod(map(factorial, counts)))
    return prod(ways)


def assignments(
    doses: Codes, blocks: Codes, draws: int, rng: np.random.Generator
) -> Iterator[Codes]:
    """Dose codes of the units, all that there are or a random sample, `CHUNK` at a time.

    Parameters
    ----------
    doses, blocks : ndarray of int, shape (units,)
    draws : int
        All assignments are listed, each once, if there are at most so many; otherwise so many
        are drawn, each as probable.
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of int, shape (at most CHUNK, units)
    """
    order = np.argsort(blocks, kind="stable")
    if count_assignments(doses, blocks) <= draws:
        members = [order[blocks[order] == b] for b in np.unique(blocks)]
        listed = product(*(_arrangements(doses[m].tolist()) for m in members))
        places = np.concatenate(members)
        rows = np.array([sum(parts, ()) for parts in listed], dtype=np.intp)
        table = np.empty_like(rows)
        table[:, places] = rows
        for start in range(0, len(table), CHUNK):
            yield table[start : start + CHUNK]
        return
    for start in range(0, draws, CHUNK):
        yield deal(doses, blocks, min(CHUNK, draws - start), rng)


def deal(doses: Codes, blocks: Codes, draws: int, rng: np.random.Generator) -> Codes:
    """Deal each block's doses to its units at random, each order as probable.

    Parameters
    ----------
    doses, blocks : ndarray of int, shape (units,)
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of int, shape (draws, units)
    """
    order = np.argsort(blocks, kind="stable")
    keys = blocks[order] + rng.random((draws, len(doses)))
    out = np.empty(keys.shape, dtype=np.intp)
    out[:, order] = doses[order][np.argsort(keys, axis=1)]
    return out


def _arrangements(values: list[int]) -> list[tuple[int, ...]]:
    """All distinct orders of some values."""
    if not values:
        return [()]
    return [
        (first, *rest)
        for first in sorted(set(values))
        for rest in _arrangements([v for i, v in enumerate(values) if i != values.index(first)])
    ]


def compare_pair(
    response: Array, given: Assignment, *, draws: int, level: float, rng: np.random.Generator
) -> PairTest:
    """Compare dose 1 with dose 0 by the studentised difference, permuted as it was assigned.

    Parameters
    ----------
    response : ndarray, shape (n,)
    given : Assignment
        With doses 0 and 1.
    draws : int
        Assignments, unless there are fewer.
    level : float
        Of the interval.
    rng : numpy.random.Generator

    Returns
    -------
    PairTest

    Notes
    -----
    Source: Fisher 1935; Wu and Ding 2021, "Randomization tests for weak null hypotheses in
    randomized experiments" (why to studentise); Rosenbaum 2002, "Observational Studies",
    section 2.6 (inversion under a constant effect).
    """
    centre, total = _make_centring(given), int(given.clusters.max()) + 1
    treated = given.doses[given.units].astype(np.float64)
    both = np.stack([centre(response[None])[0], centre(treated[None])[0]])
    own = _sums(both[1:], both, given.clusters, total)
    exact = count_assignments(given.doses, given.blocks) <= draws
    drawn = [
        _sums(centre(a[:, given.units].astype(np.float64)), both, given.clusters, total)
        for a in assignments(given.doses, given.blocks, draws, rng)
    ]
    square, with_y, with_d = (np.concatenate(part) for part in zip(*drawn, strict=True))
    estimate, se = (float(x[0]) for x in _contrast(own[0], own[1]))

    def p_value(effect: float) -> float:
        seen = _ratio(*_contrast(own[0], own[1] - effect * own[2]))
        others = _ratio(*_contrast(square, with_y - effect * with_d))
        return _share(others, float(seen[0]), exact=exact)

    step = float(t_quantile(np.array(max(total - 1.0, 1.0)), level) * se)
    lower, upper = invert_test(p_value, estimate, step, 1 - level)
    ratio = float(_ratio(np.array([estimate]), np.array([se]))[0])
    signed = float(np.copysign(ratio, estimate))
    return PairTest(estimate, se, signed, p_value(0.0), lower, upper, len(square), exact)


def compare_all(
    response: Array, given: Assignment, *, draws: int, rng: np.random.Generator
) -> OmnibusTest:
    """Compare all doses by the F statistic of least squares within the centres.

    Parameters
    ----------
    response : ndarray, shape (n,)
    given : Assignment
        With doses 0..d - 1, each given to someone.
    draws : int
    rng : numpy.random.Generator

    Returns
    -------
    OmnibusTest
    """
    centre, count = _make_centring(given), int(given.doses.max()) + 1
    y = centre(response[None])[0]
    free = len(y) - len(np.unique(given.centres)) - count + 1

    def statistics(doses: Codes) -> Array:
        rows = doses[:, given.units]
        x = np.stack([centre((rows == d).astype(np.float64)) for d in range(1, count)], axis=2)
        xy = np.einsum("pnk,n->pk", x, y)
        inverse = np.linalg.pinv(np.einsum("pnk,pnl->pkl", x, x), hermitian=True)
        explained = np.einsum("pk,pkl,pl->p", xy, inverse, xy)
        rest = np.maximum(float(y @ y) - explained, 0.0)
        tiny = 1e-12 * max(float(y @ y), 1e-300)
        f: Array = explained / (count - 1) / np.maximum(rest / max(free, 1), tiny)
        return f

    seen = float(statistics(given.doses[None])[0])
    exact = count_assignments(given.doses, given.blocks) <= draws
    parts = [statistics(a) for a in assignments(given.doses, given.blocks, draws, rng)]
    others = np.concatenate(parts)
    return OmnibusTest(seen, _share(others, seen, exact=exact), len(others), exact)


def _make_centring(given: Assignment) -> Callable[[Array], Array]:
    """What takes the mean within each centre out of many columns, each a row of shape (n,)."""
    order = np.argsort(given.centres, kind="stable")
    back = np.argsort(order, kind="stable")
    starts = np.flatnonzero(np.diff(given.centres[order], prepend=-1))
    sizes = np.diff(np.append(starts, len(order)))

    def centre(rows: Array) -> Array:
        sums = np.add.reduceat(rows[:, order], starts, axis=1)
        centred: Array = rows - np.repeat(sums / sizes, sizes, axis=1)[:, back]
        return centred

    return centre


def _sums(treated: Array, both: Array, clusters: Codes, total: int) -> tuple[Array, Array, Array]:
    """Cluster sums of D*^2, D* y and D* D for assignments D*, each of shape (p, clusters)."""
    order = np.argsort(clusters, kind="stable")
    starts = np.searchsorted(clusters[order], np.arange(total))

    def by_cluster(rows: Array) -> Array:
        sums: Array = np.add.reduceat(rows[:, order], starts, axis=1)
        return sums

    return (
        by_cluster(treated**2),
        by_cluster(treated * both[0]),
        by_cluster(treated * both[1]),
    )


def _contrast(square: Array, cross: Array) -> tuple[Array, Array]:
    """Slope and CR1 standard error from cluster sums of shape (p, clusters)."""
    total = square.sum(axis=1)
    slope = cross.sum(axis=1) / total
    scores = cross - square * slope[:, None]
    live = int((square > 0).any(axis=0).sum())
    factor = live / max(live - 1, 1)
    return slope, np.sqrt(factor * (scores**2).sum(axis=1)) / total


def _ratio(slope: Array, se: Array) -> Array:
    """Size of the t statistic; 10^10 for a slope without error."""
    tiny = 1e-10 * np.abs(slope) + 1e-300
    size: Array = np.abs(slope) / np.maximum(se, tiny)
    return size


def _share(others: Array, seen: float, *, exact: bool) -> float:
    """Share of statistics at least as large; the observed one counts among sampled ones."""
    reached = int((others >= seen * (1 - 1e-9)).sum())
    return reached / len(others) if exact else (1 + reached) / (1 + len(others))
