"""Resampling whole clusters, and drawing rows from the resampled clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes

GOLDEN = (5**0.5 - 1) / 2


def cluster_weights(strata: Codes, draws: int, rng: np.random.Generator) -> Array:
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

    Returns
    -------
    ndarray, shape (draws, clusters)
        Each row sums to the number of clusters, stratum by stratum.

    Notes
    -----
    Source: Rao and Wu 1988, "Resampling inference with complex survey data" (the rescaling
    bootstrap).
    """
    weights = np.ones((draws, len(strata)))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        n = len(members)
        if n > 1:
            counts = rng.multinomial(n - 1, np.full(n, 1.0 / n), size=draws)
            weights[:, members] = counts * (n / (n - 1))
    return weights


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Rows put in order context by context, and within a context cluster by cluster.

    A cell is what a context and a cluster have in common.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Rows in that order.
    starts, sizes, clusters : ndarray of int, shape (cells,)
        First position, number of rows and cluster of each cell.
    first, last : ndarray of int, shape (contexts,)
        First and last cell of each context.
    """

    order: Codes
    starts: Codes
    sizes: Codes
    clusters: Codes
    first: Codes
    last: Codes


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
    contexts = np.zeros_like(clusters) if contexts is None else contexts
    if contexts.any() or (clusters[1:] < clusters[:-1]).any():
        order = np.lexsort((clusters, contexts))
        clusters, contexts = clusters[order], contexts[order]
    else:
        order = np.arange(len(clusters))
    new = (clusters[1:] != clusters[:-1]) | (contexts[1:] != contexts[:-1])
    starts = np.append(0, 1 + np.flatnonzero(new))
    sizes = np.diff(starts, append=len(order))
    first = np.searchsorted(contexts[starts], np.arange(contexts.max() + 1))
    last = np.append(first[1:], len(starts)) - 1
    return RowLayout(order, starts, sizes, clusters[starts], first, last)


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
    mass = weights[:, layout.clusters] * layout.sizes
    if base is None:
        cell, inside = _pick_cells(layout, mass, u, contexts)
    else:
        held = base[:, layout.clusters] * layout.sizes
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
    target = low + u * (high - low)
    # one sorted search for all replicates: replicate r lives in [2r, 2r + 1]
    total, lift = upper[:, -1:], 2.0 * replicate
    edges, wanted = upper / total + lift, target / total + lift
    found = np.searchsorted(edges.ravel(), wanted.ravel(), side="right")
    cell = np.clip(found.reshape(target.shape) - replicate * len(layout.sizes), first, last)
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
    if len(layout.sizes) > count:
        return pick_rows(layout, weights, (np.arange(count) + 0.5) / count)
    if len(layout.order) > count:
        return _spread_over_cells(layout, weights, count)
    mass = np.repeat(weights[:, layout.clusters], layout.sizes, axis=1)
    reached = np.cumsum(mass, axis=1)
    reached *= count / reached[:, -1:]
    # midpoints below each row's upper end
    ends = np.ceil(reached - 0.5).astype(np.intp)
    ends[:, -1] = count
    counts = np.diff(ends, axis=1, prepend=0)
    rows = np.repeat(np.tile(layout.order, len(weights)), counts.ravel())
    return rows.reshape(len(weights), count)


def _spread_over_cells(layout: RowLayout, weights: Array, count: int) -> Codes:
    """`spread_rows` by a search for the end of each cell among the sorted midpoints."""
    mass = weights[:, layout.clusters] * layout.sizes
    upper = np.cumsum(mass, axis=1)
    total = upper[:, -1:]
    target = (np.arange(count) + 0.5) / count * total
    # one sorted search for all replicates: replicate r lives in [2r, 2r + 1]
    lift = 2.0 * np.arange(len(mass))[:, None]
    below = np.searchsorted((target / total + lift).ravel(), (upper / total + lift).ravel())
    ends = below.reshape(mass.shape) - count * np.arange(len(mass))[:, None]
    ends[:, -1] = count
    counts = np.diff(ends, axis=1, prepend=0).ravel()

    cell: Codes = np.repeat(np.tile(np.arange(mass.shape[1]), len(mass)), counts)
    target -= np.repeat((upper - mass).ravel(), counts).reshape(target.shape)
    target /= np.repeat(np.maximum(mass, 1e-300).ravel(), counts).reshape(target.shape)
    cell = cell.reshape(target.shape)
    return _rows_inside(layout, cell, target)


def _rows_inside(layout: RowLayout, cell: Codes, inside: Array) -> Codes:
    """The row at a share in (0, 1) of each cell."""
    sizes = layout.sizes.take(cell)
    offset = np.clip(np.floor(inside * sizes), 0, sizes - 1).astype(np.intp)
    picked: Codes = layout.order.take(layout.starts.take(cell) + offset)
    return picked
