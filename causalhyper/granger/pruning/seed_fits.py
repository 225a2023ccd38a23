"""Transitions of one method: all seeds together, each left out, each alone; and what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.granger.pruning.transition import (
    REACH,
    Scale,
    TransitionCurve,
    fit_transition,
    to_sparsity,
    to_x,
)
from causalhyper.inference.intervals import t_quantile
from causalhyper.inference.jackknife import jackknife_variances, leave_one_out

QUANTITIES = ("point", "width_points", "width_decades", "shoulder_decades", "top", "floor")
"""Share pruned at which accuracy has fallen half way; shares pruned between 90% and 10% of the
fall; decades of the share kept between them; and from 90% to half, by no curve; accuracy before
and after."""


Reasons = tuple[str, str, str]
"""Why point, width and shoulder are not identified; "" where they are."""
STEP = 0.5
"""Most of the fall between two levels that a straight line may bridge."""


@dataclass(frozen=True, slots=True, eq=False)
class SeedFits:
    """Transitions of one method.

    Attributes
    ----------
    method : str
    seeds : tuple of str
    curve : TransitionCurve or None
        Of all seeds together; None where there are too few levels.
    left : tuple of TransitionCurve
        The same without each seed, where that leaves a transition.
    alone : tuple of TransitionCurve or None
        Of each seed alone; None where it has too few levels.
    reasons : tuple of str
        Why point, width and shoulder of all seeds are not identified, "" where they are.
    alone_reasons : tuple of tuple of str
        The same of each seed alone.
    """

    method: str
    seeds: tuple[str, ...]
    curve: TransitionCurve | None
    left: tuple[TransitionCurve, ...]
    alone: tuple[TransitionCurve | None, ...]
    reasons: Reasons
    alone_reasons: tuple[Reasons, ...]


def fit_seeds(
    method: str, runs: pd.DataFrame, scale: Scale, floor: float | None, level: float
) -> SeedFits:
    """Fit the transition of one method.

    Parameters
    ----------
    method : str
    runs : pandas.DataFrame
        Columns seed, sparsity, outcome, and `at`, the level that the sparsity counts to.
    scale : {"kept", "pruned"}
    floor : float, optional
        Accuracy after the fall, where it is known.
    level : float
        Of the interval of the fall.

    Returns
    -------
    SeedFits
    """
    codes, seeds = pd.factorize(runs["seed"])
    x = to_x(runs["sparsity"].to_numpy(dtype=np.float64), scale)
    at = to_x(runs["at"].to_numpy(dtype=np.float64), scale)
    y = runs["outcome"].to_numpy(dtype=np.float64)
    count, needed = len(seeds), 4 if floor is not None else 5

    def fit(weights: Array) -> TransitionCurve | None:
        if len(np.unique(at[weights > 0])) < needed:
            return None
        return fit_transition(x, y, weights, floor)

    curve = fit(np.ones(len(x)))
    few = f"{needed} levels of sparsity are needed, got {len(np.unique(at))}"
    reasons = (few, few, few)
    left: tuple[TransitionCurve, ...] = ()
    if curve is not None:
        flat = _no_fall(at, y, codes, level)
        reasons = (flat,) * 3 if flat else why_not(curve, at, scale, known=floor is not None)
        left = _leave_out(fit, codes, (float(at.min()), float(at.max())))
    own = [codes == i for i in range(count)]
    alone = tuple(fit(rows.astype(np.float64)) for rows in own)
    alone_reasons = tuple(
        (few, few, few) if c is None else why_not(c, at[rows], scale, known=floor is not None)
        for c, rows in zip(alone, own, strict=True)
    )
    return SeedFits(method, tuple(map(str, seeds)), curve, left, alone, reasons, alone_reasons)


def _leave_out(
    fit: Callable[[Array], TransitionCurve | None], codes: Codes, ends: tuple[float, float]
) -> tuple[TransitionCurve, ...]:
    """Curves without each seed, as far as they have a transition between the ends."""
    count = int(codes.max()) + 1
    if count < 2:
        return ()
    _, weights = leave_one_out(np.zeros(count, dtype=np.intp), np.ones((1, count)))
    found = [fit(weights[i][codes]) for i in range(count)]
    return tuple(
        c for c in found if c is not None and c.top > c.floor and ends[0] <= c.middle <= ends[1]
    )


def reason_of(quantity: str, reasons: Reasons) -> str:
    """Why one of `QUANTITIES` is not identified; "" where it is.

    Parameters
    ----------
    quantity : str
    reasons : tuple of str
        Of point, width and shoulder.

    Returns
    -------
    str
    """
    point, width, shoulder = reasons
    own = {"width_points": width, "width_decades": width, "shoulder_decades": shoulder}
    return own.get(quantity, point)


def why_not(curve: TransitionCurve, x: Array, scale: Scale, *, known: bool) -> Reasons:
    """Say why quantities of a fitted curve are not identified; "" where they are.

    Parameters
    ----------
    curve : TransitionCurve
    x : ndarray, shape (n,)
        Levels at which it was fitted.
    scale : {"kept", "pruned"}
    known : bool
        Whether the floor was given.

    Returns
    -------
    point, width, shoulder : str
        The shoulder needs no level near a known floor, and levels no more than `STEP` apart.
    """
    levels = np.unique(x)
    start, end = curve.ends
    last, first = (f"{v:.4g}%" for v in 100 * to_sparsity(levels[[-1, 0]], scale))
    if curve.top <= curve.floor or not levels[0] <= curve.middle <= levels[-1]:
        said = f"accuracy does not fall half way between {first} and {last} pruned"
        return said, said, said
    slack = 1e-9 * float(np.ptp(levels))
    if start < levels[0] - slack:
        early = f"accuracy has fallen by a tenth of its way before {first}: add lower sparsities"
        return early, early, early
    late = f"the floor is not reached at {last}: add higher sparsities"
    reached = end <= levels[-1] + slack
    if not reached and not known:
        return (f"{late}, or give floor",) * 3
    between = _too_few_between(curve, levels, scale)
    alone = between or _no_shoulder(curve, scale)
    return (between, between, alone) if reached else ("", late, alone)


def _too_few_between(curve: TransitionCurve, levels: Array, scale: Scale) -> str:
    """Say that the fall lies between two levels; "" where two are within it."""
    share = (curve(levels) - curve.floor) / (curve.top - curve.floor)
    inside: Flags = (share > 0.03) & (share < 0.97)
    if inside.sum() >= 2:
        return ""
    before, after = levels[levels <= curve.middle][-1], levels[levels > curve.middle][0]
    low, high = (f"{v:.4g}%" for v in 100 * to_sparsity(np.array([before, after]), scale))
    return f"the fall lies between {low} and {high}: add sparsities between them"


def _no_shoulder(curve: TransitionCurve, scale: Scale) -> str:
    """Say that the shoulder lies in one step between levels, or too large ones; "" where not."""
    places = curve.fallen(0.1), curve.fallen(0.5)
    levels, means = curve.falling
    if np.isnan(places[1]):
        return "means of levels do not fall half way"
    after = np.searchsorted(levels, places)
    steps = (means[after - 1] - means[after]) / (means[0] - curve.floor)
    if after[0] < after[1] and (steps <= STEP).all():
        return ""
    widest = after[int(steps.argmax())]
    low, high = (f"{v:.4g}%" for v in 100 * to_sparsity(levels[[widest - 1, widest]], scale))
    return f"{max(steps):.0%} of the fall lies between {low} and {high}: add sparsities there"


def _no_fall(x: Array, y: Array, seeds: Codes, level: float) -> str:
    """Say that the last level is not below the first, paired by seed; "" where it is."""
    ends = []
    for seed in np.unique(seeds):
        own = seeds == seed
        first, last = (y[own & (x == end)] for end in (x.min(), x.max()))
        if first.size and last.size:
            ends.append(float(first.mean() - last.mean()))
    if len(ends) < 2:
        return ""
    gaps = np.array(ends)
    se = float(gaps.std(ddof=1)) / np.sqrt(len(gaps))
    half = float(t_quantile(np.array(len(gaps) - 1.0), 2 * level - 1) * se)
    if gaps.mean() - half > 0:
        return ""
    return (
        f"no fall: from first to last level {gaps.mean():+.4f}, which {len(gaps)} seeds do not "
        f"tell from 0 at {100 * level:g}%"
    )


def working_values(curve: TransitionCurve, scale: Scale) -> Array:
    """Quantities on the scales on which they are near normal: x, logarithms of widths, accuracy.

    Parameters
    ----------
    curve : TransitionCurve
    scale : {"kept", "pruned"}

    Returns
    -------
    ndarray, shape (QUANTITIES,)
        NaN for widths whose ends lie beyond what can be pruned.
    """
    ends = np.array(curve.ends)
    points = decades = np.nan
    fallen = np.array([curve.fallen(0.1), curve.fallen(0.5)])
    shoulder = float(np.diff(_decades(fallen, scale))[0])
    if scale == "kept":
        decades = 2 * REACH * curve.width
        if ends[0] > -1:
            points = float(np.diff(to_sparsity(ends, scale))[0])
    else:
        points = float(np.diff(ends)[0])
        if ends[1] < 1:
            decades = float(np.diff(_decades(ends, scale))[0])
    widths = np.array([points, decades, shoulder])
    logs = np.log(widths, out=np.full(3, np.nan), where=widths > 0)
    return np.array([curve.middle, *logs, curve.top, curve.floor])


def _decades(x: Array, scale: Scale) -> Array:
    """Places on the scale of the curve, in decades of the share kept; NaN past all pruned."""
    return x if scale == "kept" else to_x(np.where(x < 1, x, np.nan), "kept")


def jackknife_se(left: Array) -> Array:
    """Standard errors from values with each seed left out.

    Parameters
    ----------
    left : ndarray, shape (seeds, q)

    Returns
    -------
    ndarray, shape (q,)
    """
    count = len(left)
    out, _ = leave_one_out(np.zeros(count, dtype=np.intp), np.ones((1, count)))
    return np.sqrt(jackknife_variances(out, left, 1, 1)[0, 0])
