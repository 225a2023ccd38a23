"""Paths of blocks: solve in memory, read the design, take in what was missed, until certified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.block_dual import Blocks, Level, Minimum, dual
from causalhyper.granger.lasso.block_set import BlockSet
from causalhyper.granger.lasso.certificate import objective_rounding
from causalhyper.granger.lasso.checkpoint import Checkpoint
from causalhyper.granger.lasso.group_scan import GroupShortlist
from causalhyper.granger.lasso.request import PathRequest, warn_of_gaps
from causalhyper.granger.lasso.rounds import FURTHER, NEVER_MORE, REACH
from causalhyper.granger.lasso.scan import rounding
from causalhyper.granger.lasso.shortlist import Shortlist
from causalhyper.granger.lasso.working_set import WorkingSet

Solver = Callable[[Blocks, Array, Level, Array, Array, float], Minimum]
"""Minimises over blocks in memory, from coefficients and their residual, to a gap."""
Reader = Callable[[Array, Array, BlockSet], tuple[Array, Shortlist | GroupShortlist]]
"""From residuals, penalties and the blocks held to the excess of all others, and new columns."""

WIDE = 0.1
"""Blocks within this share of the penalty are solved for; the others are looked at after."""
CLOSE = 1e-3
"""A block that comes so close without being solved for was missed."""
SHARE = 0.2
"""Of the tolerance, to reach in memory."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A solution over the blocks held: positions of its columns, their coefficients, residual."""

    level: Level
    members: Codes
    coefficients: Array
    residual: Array
    steps: int = 0


def _start(
    held: BlockSet, levels: Sequence[Level], fits: Sequence[Fit], at: int
) -> tuple[Array, Array]:
    """Coefficients and residual: the fit there, or a line through the two fits before.

    Of both the one with the lower objective.
    """
    y, level = held.columns.problem.y, levels[at]
    here = np.zeros(len(held.columns))
    here[fits[at].members] = fits[at].coefficients
    if not at:
        return here, fits[at].residual
    line = _line(held, levels, fits, at)
    moved = np.flatnonzero(line)
    residual = y - line[moved] @ (held.columns.exact(moved) * held.factors[moved, None])
    starts = ((here, fits[at].residual), (line, residual))
    return min(starts, key=lambda start: held.objective(level, *start))


def _line(held: BlockSet, levels: Sequence[Level], fits: Sequence[Fit], at: int) -> Array:
    """Coefficients from the two fits before; a block that would turn around is out."""
    h = np.zeros(len(held.columns))
    h[fits[at - 1].members] = fits[at - 1].coefficients
    last, here, ahead = (levels[max(i, 0)].strength for i in (at - 2, at - 1, at))
    if last <= here:
        return h
    change = h.copy()
    change[fits[at - 2].members] -= fits[at - 2].coefficients
    line = h + (here - ahead) / (last - here) * change
    stays = np.add.reduceat(h * line, held.starts) > 0
    return line * np.repeat(stays, held.sizes)


def _solve(
    held: BlockSet, level: Level, start: tuple[Array, Array], solver: Solver, tolerance: float
) -> Fit:
    """Solve for the blocks that come near the penalty, until no other does."""
    y, strength, steps = held.columns.problem.y, level.strength, 0
    h, residual = start
    near = held.ratios(residual) >= (1 - WIDE) * strength
    if len(h):
        near |= np.add.reduceat(h != 0, held.starts) > 0
    while True:
        at = held.positions(near)
        found = solver(held.blocks(near), y, level, h[at], residual, SHARE * tolerance)
        steps += found.steps
        h, residual = np.zeros(len(h)), found.residual
        h[at] = found.coefficients
        ratios = held.ratios(residual)
        if not (~near & (ratios > (1 - CLOSE) * strength)).any():
            break
        near |= ratios > (1 - WIDE) * strength
    members = np.flatnonzero(h)
    return Fit(level, members, h[members], residual, steps)


@dataclass(frozen=True, slots=True)
class Followed:
    """Blocks held, a fit and a relative duality gap for each level, readings, and how far down.

    Levels below `reach` of the largest wait for a later reading.
    """

    held: BlockSet
    fits: Sequence[Fit]
    gaps: Array
    passes: int
    reach: float

    @classmethod
    def at_first(cls, held: BlockSet, levels: Sequence[Level], passes: int) -> Followed:
        """Nothing fitted: which is the minimum at any level where no block correlates with y."""
        y, out = held.columns.problem.y, largest_strength(held) == 0
        fits = [Fit(x, np.empty(0, np.intp), np.empty(0), y) for x in levels]
        gaps = np.full(len(levels), 0.0 if out else np.inf)
        return cls(held, fits, gaps, passes, 0.0 if out else first_reach(held))


def follow(
    request: PathRequest,
    start: Followed,
    solver: Solver,
    read: Reader,
    keeper: Checkpoint[Followed],
) -> Followed:
    """Fit all levels, each certified over the whole design.

    Parameters
    ----------
    request : PathRequest
    start : Followed
        To begin with, where the keeper has nothing.
    solver, read : callable
        Minimises in memory; reads the design.
    keeper : Checkpoint
        Of the path after each reading.

    Returns
    -------
    Followed

    Warns
    -----
    RuntimeWarning
        If a gap is above the tolerance after the passes allowed.
    """
    now, largest = keeper.read() or start, largest_strength(start.held)
    if request.progress is not None and largest == 0:
        request.progress(1.0)
    while now.passes < request.max_passes and (now.gaps > request.tolerance).any():
        now = _further(request, now, largest, solver, read)
        keeper.write(now)
        if request.progress is not None:
            request.progress(float((now.gaps <= request.tolerance).mean()))
    if (now.gaps <= request.tolerance).all():
        keeper.remove()
    warn_of_gaps(now.gaps, request.tolerance, now.passes, depth=3)
    return now


def _further(
    request: PathRequest, now: Followed, largest: float, solver: Solver, read: Reader
) -> Followed:
    """Fit what is not certified, and read the design once."""
    held, fits, gaps = now.held, list(now.fits), now.gaps.copy()
    levels = [fit.level for fit in fits]
    open_ = np.flatnonzero(gaps > request.tolerance)
    if now.passes + 1 < request.max_passes:
        near = [levels[i].strength >= now.reach * largest for i in open_.tolist()]
        open_ = open_[: max(1, sum(near))]
    for at in open_.tolist():
        start = _start(held, levels, fits, at)
        fits[at] = _solve(held, levels[at], start, solver, request.tolerance)
    held, gaps[open_], overflowed = _certify(held, [fits[i] for i in open_], read)
    reach = now.reach**FURTHER if overflowed else 0.0
    return Followed(held, fits, gaps, now.passes + 1, reach)


def first_reach(held: BlockSet) -> float:
    """Share of the largest penalty that the blocks held to begin with are good for."""
    problem = held.columns.problem
    ratios = held.ratios(problem.y)
    if len(held.columns) == problem.columns.shape[1]:
        return 0.0
    return min(NEVER_MORE, float(ratios.min() / ratios.max())) ** REACH


def _certify(held: BlockSet, fits: Sequence[Fit], read: Reader) -> tuple[BlockSet, Array, bool]:
    """Read the design: the blocks with those that they lacked, the gaps, whether more lack."""
    residuals = np.array([f.residual for f in fits])
    strengths = np.array([f.level.strength for f in fits])
    outside, kept = read(residuals, strengths, held)
    overflowed, found = kept.overflowed, kept.columns()
    new = BlockSet.of(WorkingSet.of(held.columns.problem, *found), held.groups)
    parts = [(part, part.doubtful(residuals, strengths)) for part in (held, new)]
    slack = rounding(held.columns.problem, residuals, np.dtype(np.float64))
    gaps = np.empty(len(fits))
    for i, (fit, over) in enumerate(zip(fits, outside, strict=True)):
        ratios = [
            part.exact_ratios(near[i], fit.residual, float(slack[i])) for part, near in parts
        ]
        bounds = [part.bounds[near[i]] for part, near in parts]
        seen = np.concatenate(ratios), np.concatenate(bounds)
        gaps[i] = _gap(held, fit, *seen, max(1.0, float(over)))
    return held.extended(*found), gaps, overflowed


def _gap(held: BlockSet, fit: Fit, ratios: Array, bounds: Array, outside: float) -> float:
    """Duality gap over the objective without columns, from the blocks that come near or above."""
    problem, level = held.columns.problem, fit.level
    # what was not seen may exceed its bound by this share: a shorter residual does not
    low = dual(problem.y, fit.residual / outside, level, ratios * bounds / outside, bounds)
    h = np.zeros(len(held.columns))
    h[fit.members] = fit.coefficients
    columns, members = held.columns, fit.members
    norms = columns.spreads[members] * held.factors[members] * np.sqrt(problem.rows)
    terms = float(np.abs(fit.coefficients) @ norms)
    doubt = objective_rounding(problem.y, fit.residual, terms, len(members))
    return max(0.0, held.objective(level, h, fit.residual) - low + doubt) / problem.null


def largest_strength(held: BlockSet) -> float:
    """Smallest penalty that leaves all blocks out."""
    y = held.columns.problem.y
    ratios = held.ratios(y)
    if not len(ratios):
        return 0.0
    best = np.zeros(len(ratios), dtype=bool)
    best[np.argsort(ratios)[-8:]] = True
    blocks = held.blocks(best)
    return float((blocks.norms(blocks.values @ y / len(y)) / blocks.bounds).max())
