"""Resampling whole clusters, and drawing rows from the resampled clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from causalhyper.arrays import Array, Codes

GOLDEN = (5**0.5 - 1) / 2
BATCH = 2**16
"""Clusters drawn at a time, about: their counts then fit into a processor's cache."""


def cluster_weights(
    strata: Codes, draws: int, rng: np.random.Generator, out: Array | None = None
) -> Array:
    """How much each cluster counts in each replicate of a cluster bootstrap.

    From a stratum of n clusters n - 1 are drawn with replacement, each counting n / (n - 1), so
    that the variance over replicates is the unbiased one, stratum by stratum.

    Parameters
    ----------
    strata : ndarray of int, shape (clusters,)
        The stratum of each cluster; all zeros for an unstratified bootstrap. A stratum of one
        cluster keeps it.
    draws : int
        Replicates.
    rng : numpy.random.Generator
    out : ndarray, shape (draws, clusters), optional
        Where to write them.

    Returns
    -------
    ndarray, shape (draws, clusters)
        Each row sums to the number of clusters, stratum by stratum.

    Notes
    -----
    Source: Rao and Wu 1988, "Resampling inference with complex survey data" (the rescaling
    bootstrap).
    """
    weights = np.empty((draws, len(strata))) if out is None else out
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        n = len(members)
        if n == 1:
            weights[:, members] = 1.0
            continue
        step = max(1, BATCH // n)
        for start in range(0, draws, step):
            part = weights[start : start + step]
            counts = _draw_counts(n, len(part), rng)
            if n == len(strata):
                np.multiply(counts, n / (n - 1), out=part)
            else:
                part[:, members] = counts * (n / (n - 1))
    return weights


def _draw_counts(n: int, draws: int, rng: np.random.Generator) -> Codes:
    """How often each of n members is among n - 1 drawn with replacement, shape (draws, n)."""
    picked = rng.integers(n, size=(draws, n - 1))
    picked += n * np.arange(draws)[:, None]
    return np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n)


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Rows put in order context by context, and within a context cluster by cluster.

    A cell is what a context and a cluster have in common.

    Attributes
    ----------
    order : ndarray of int, shape (n,), or None
        Rows in that order; None where they stand in it already.
    starts, sizes, clusters : ndarray of int, shape (cells,)
        First position, number of rows and cluster of each cell.
    first, last : ndarray of int, shape (contexts,)
        First and last cell of each context.
    held : ndarray of int, shape (cells,), or None
        How many of a cell's rows are at hand, where some have been left away; it counts as all
        of its `sizes` nevertheless.
    """

    order: Codes | None
    starts: Codes
    sizes: Codes
    clusters: Codes
    first: Codes
    last: Codes
    held: Codes | None = None

    @property
    def rows(self) -> int:
        """Number of rows at hand."""
        return int(self.starts[-1] + (self.sizes if self.held is None else self.held)[-1])


def lay_out_rows(clusters: Codes, contexts: Codes | None = None) -> RowLayout:
    """Find the cells of a sample.

    Parameters
    ----------
    clusters : ndarray of int, shape (n,)
    contexts : ndarray of int, shape (n,), optional
        Codes from 0 without gaps; by default a single context.

    Returns
    -------
    RowLayout
    """
    contexts = np.broadcast_to(np.intp(0), len(clusters)) if contexts is None else contexts
    order = None
    if contexts.any() or (clusters[1:] < clusters[:-1]).any():
        order = np.lexsort((clusters, contexts))
        clusters, contexts = clusters[order], contexts[order]
    new = (clusters[1:] != clusters[:-1]) | (contexts[1:] != contexts[:-1])
    starts = np.append(0, 1 + np.flatnonzero(new))
    sizes = np.diff(starts, append=len(clusters))
    first = np.searchsorted(contexts[starts], np.arange(contexts.max() + 1))
    last = np.append(first[1:], len(starts)) - 1
    return RowLayout(order, starts, sizes, clusters[starts], first, last)


def thin_rows(layout: RowLayout, most: int, rng: np.random.Generator) -> tuple[RowLayout, Codes]:
    """Keep some random rows of each cell: one of each of as many equal parts of it.

    Every row is as likely as another. One that lies in two parts may be kept for both. Rows of a
    cell come in random order: what is taken from it at equal distances, as `spread_rows` does,
    is then a random sample of it, even where runs were written down in loops over the values of
    some variable.

    Parameters
    ----------
    layout : RowLayout
        Of all rows.
    most : int
        Rows to keep, about; each cell keeps its share, and one at least. All are kept where
        there are no more.
    rng : numpy.random.Generator

    Returns
    -------
    layout : RowLayout
        Of the rows that are kept, in its order; every cell counts as before.
    rows : ndarray of int, shape (about `most`,)
        Which they are.
    """
    held = np.ceil(layout.sizes * min(1.0, most / layout.rows)).astype(np.intp)
    starts = np.cumsum(held) - held
    cell = np.repeat(np.arange(len(held)), held)
    part = np.arange(len(cell)) - starts[cell] + rng.random(len(cell))
    rows = _rows_at(layout, cell, part * (layout.sizes / held)[cell])
    # the cells stay where they are
    rows = rows.take(np.argsort(cell + rng.random(len(cell))))
    return replace(layout, order=None, starts=starts, held=held), rows


def pick_rows(
    layout: RowLayout,
    weights: Array,
    u: Array,
    contexts: Codes | None = None,
    base: Array | None = None,
) -> Codes:
    """Inverse of the weighted empirical distribution over rows.

    Each row counts as often as its cluster. The cost depends on the numbers of cells and draws,
    not on the number of rows.

    Parameters
    ----------
    layout : RowLayout
    weights : ndarray, shape (r, clusters)
        How often each cluster counts in each replicate.
    u : ndarray, shape (m,)
        Numbers in (0, 1).
    contexts : ndarray of int, shape (r, m), optional
        Draw each row from this context alone; one with a positive weight.
    base : ndarray, shape (r, clusters), optional
        Other weights to stay close to: a row drawn under them is kept wherever `weights` allow
        it (a maximal coupling), so that two replicates differ by their clusters, not by the luck
        of the draws.

    Returns
    -------
    ndarray of int, shape (r, m)
    """
    mass = weights.take(layout.clusters, axis=1) * layout.sizes
    if base is None:
        cell, inside = _pick_cells(layout, mass, u, contexts)
    else:
        held = base.take(layout.clusters, axis=1) * layout.sizes
        cell, inside = _pick_cells(layout, held, u, contexts)
        cell, inside = _move(
            layout,
            _shares(layout, held, contexts),
            _shares(layout, mass, contexts),
            cell,
            inside,
            contexts,
        )
    return _rows_inside(layout, cell, inside)


def _pick_cells(
    layout: RowLayout, mass: Array, u: Array, contexts: Codes | None
) -> tuple[Codes, Array]:
    """The cell that each number falls in, and how far inside it, both of shape (r, m)."""
    upper = np.cumsum(mass, axis=1)
    lower = upper - mass
    replicate = np.arange(len(mass))[:, None]
    if contexts is None:
        low, high = np.zeros((len(mass), 1)), upper[:, -1:]
        first, last = layout.first[:1], layout.last[-1:]
    else:
        first, last = layout.first[contexts], layout.last[contexts]
        low, high = lower[replicate, first], upper[replicate, last]
    # kept where there is mass, which rounding at the ends can miss
    target = np.clip(low + u * (high - low), low, np.nextafter(high, low))
    # a search for each replicate: what falls on an edge must not depend on those beside it
    found = np.array(
        [np.searchsorted(e, t, side="right") for e, t in zip(upper, target, strict=True)]
    )
    cell = np.clip(found, first, last)
    inside = (target - lower[replicate, cell]) / np.maximum(mass[replicate, cell], 1e-300)
    return cell, inside


def _shares(layout: RowLayout, mass: Array, contexts: Codes | None) -> Array:
    """Each cell's share of all weight, or of its context's; shape (r, cells)."""
    if contexts is None:
        spread = mass.sum(axis=1, keepdims=True)
    else:
        totals = np.add.reduceat(mass, layout.first, axis=1)
        spread = np.repeat(totals, layout.last - layout.first + 1, axis=1)
    shares: Array = mass / np.maximum(spread, 1e-300)
    return shares


def _move(
    layout: RowLayout,
    held: Array,
    wanted: Array,
    cell: Codes,
    inside: Array,
    contexts: Codes | None,
) -> tuple[Codes, Array]:
    """Move as few draws as turn the shares `held` of the cells into those `wanted`."""
    replicate = np.arange(len(held))[:, None]
    kept = wanted[replicate, cell] / held[replicate, cell]
    # multiples of the golden ratio fill the unit interval evenly, whatever cell a draw is in
    moved = np.arange(1, cell.shape[1] + 1) * GOLDEN % 1.0 >= kept
    rows = np.flatnonzero(moved.any(axis=1))
    if not rows.size:
        return cell, inside
    lost, gained = np.maximum(held - wanted, 0)[rows], np.maximum(wanted - held, 0)[rows]
    at = np.arange(len(rows))[:, None]
    upper = np.cumsum(lost, axis=1)
    place = (upper - lost)[at, cell[rows]] + inside[rows] * lost[at, cell[rows]]
    within = None if contexts is None else contexts[rows]
    first = layout.first[:1] if within is None else layout.first[within]
    last = layout.last[-1:] if within is None else layout.last[within]
    low = (upper - lost)[at, first]
    u = (place - low) / np.maximum(upper[at, last] - low, 1e-300)
    there, where = _pick_cells(layout, gained, u, within)
    cell, inside = cell.copy(), inside.copy()
    cell[rows] = np.where(moved[rows], there, cell[rows])
    inside[rows] = np.where(moved[rows], where, inside[rows])
    return cell, inside


def spread_rows(layout: RowLayout, weights: Array, count: int) -> Codes:
    """Rows at the midpoints of `count` equal parts of the weighted empirical distribution.

    The same rows as `pick_rows` at ``(np.arange(count) + 0.5) / count``, up to rounding at ties,
    without a search for each draw where there are fewer cells than draws.

    Parameters
    ----------
    layout : RowLayout
    weights : ndarray, shape (r, clusters)
    count : int

    Returns
    -------
    ndarray of int, shape (r, count)
        In the order of the layout.
    """
    if layout.rows > count:
        return _spread_over_cells(layout, weights, count)
    mass = np.repeat(weights[:, layout.clusters], layout.sizes, axis=1)
    counts = _midpoints(np.cumsum(mass, axis=1), count)
    order = np.arange(layout.rows) if layout.order is None else layout.order
    rows = np.repeat(np.tile(order, len(weights)), counts.ravel())
    return rows.reshape(len(weights), count)


def _spread_over_cells(layout: RowLayout, weights: Array, count: int) -> Codes:
    """`spread_rows` by the number of midpoints in each cell."""
    held = weights.take(layout.clusters, axis=1)
    mass = held * layout.sizes
    upper = np.cumsum(mass, axis=1)
    counts = _midpoints(upper, count)
    found = np.repeat(np.arange(counts.size), counts.ravel()).reshape(len(weights), count)
    upper -= mass
    place = (np.arange(count) + 0.5) * ((upper[:, -1:] + mass[:, -1:]) / count)
    place -= upper.take(found)
    place /= held.take(found)
    found -= counts.shape[1] * np.arange(len(weights))[:, None]
    return _rows_at(layout, found, place)


def _midpoints(upper: Array, count: int) -> Codes:
    """How many midpoints of `count` equal parts lie between each upper end and the last."""
    ends = np.ceil(upper / (upper[:, -1:] / count) - 0.5).astype(np.intp)
    return np.diff(ends, axis=1, prepend=0)


def _rows_inside(layout: RowLayout, cell: Codes, inside: Array) -> Codes:
    """The row at a share in (0, 1) of each cell."""
    return _rows_at(layout, cell, inside * layout.sizes.take(cell))


def _rows_at(layout: RowLayout, cell: Codes, place: Array) -> Codes:
    """The row at a place of each cell, counted in all its rows from the first."""
    held = layout.sizes
    if layout.held is not None:
        held = layout.held
        place = place * (held / layout.sizes).take(cell)
    offset = np.clip(place.astype(np.intp), 0, held.take(cell) - 1)
    offset += layout.starts.take(cell)
    return offset if layout.order is None else layout.order.take(offset)
