"""Points and widths of transitions as rows of a table, with intervals from whole seeds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter

import numpy as np

from causalhyper.arrays import Array
from causalhyper.granger.pruning.seed_fits import (
    QUANTITIES,
    SeedFits,
    jackknife_se,
    reason_of,
    working_values,
)
from causalhyper.granger.pruning.transition import Scale, to_sparsity
from causalhyper.inference.intervals import t_quantile

COLUMNS = ("method", "against", "quantity", "estimate", "se", "df", "lower", "upper", "level",
           "seeds", "reason")  # fmt: skip
"""Columns of the table, in order; numbers are NaN where `reason` says why."""
ALONE = "width_decades_alone"
"""Geometric mean of the seeds' own widths in decades."""
CONTRASTS = {
    "point_difference": "point",
    "width_points_ratio": "width_points",
    "width_decades_ratio": "width_decades",
    "shoulder_decades_ratio": "shoulder_decades",
}
"""What two methods are compared by, with its quantity."""

Row = dict[str, object]


def own_rows(fits: SeedFits, scale: Scale, level: float) -> list[Row]:
    """Rows of one method.

    Parameters
    ----------
    fits : SeedFits
    scale : {"kept", "pruned"}
    level : float

    Returns
    -------
    list of dict
        One for each of `QUANTITIES`, and the width of seeds alone.
    """
    backs = {"point": lambda x: to_sparsity(x, scale), "top": _same, "floor": _same}
    rows = []
    for i, name in enumerate(QUANTITIES):
        reason = _reason(fits, name)
        numbers = None
        if fits.curve is not None and not reason:
            own = _left(fits, scale, itemgetter(i))
            value = working_values(fits.curve, scale)[i]
            numbers = _measure(value, own, backs.get(name, np.exp), level)
            reason = _why_no_interval(fits) if own is None else ""
        rows.append(_row(fits, name, numbers, reason, level))
    return [*rows, _alone(fits, scale, level)]


def difference_rows(first: SeedFits, second: SeedFits, scale: Scale, level: float) -> list[Row]:
    """Rows of one method against another, both of the same seeds.

    Parameters
    ----------
    first, second : SeedFits
    scale : {"kept", "pruned"}
    level : float

    Returns
    -------
    list of dict
        One for each of `CONTRASTS`.
    """
    rows = []
    for name, quantity in CONTRASTS.items():
        reason = "; ".join(
            f"{f.method}: {said}" for f in (first, second) if (said := _reason(f, quantity))
        )
        numbers = None
        if first.curve is not None and second.curve is not None and not reason:
            take = partial(_contrast, name=name, scale=scale)
            values = [take(working_values(c, scale)) for c in (first.curve, second.curve)]
            gap = values[0] - values[1]
            lefts = [_left(f, scale, take) for f in (first, second)]
            gaps = None
            if lefts[0] is not None and lefts[1] is not None:
                gaps = lefts[0] - lefts[1]
            back = _same if quantity == "point" else np.exp
            numbers = _measure(gap, gaps, back, level)
            reason = _why_no_interval(first) if gaps is None else ""
        rows.append(_row(first, name, numbers, reason, level, second.method))
    return rows


def _reason(fits: SeedFits, quantity: str) -> str:
    """Why a quantity is not identified; "" where it is."""
    return reason_of(quantity, fits.reasons)


def _measure(
    value: float, left: Array | None, back: Callable[[Array], Array], level: float
) -> tuple[float, ...]:
    """Estimate, standard error, degrees of freedom and interval, from a scale that is put back."""
    if left is None:
        return (float(back(np.array(value))), *[np.nan] * 4)
    se = float(jackknife_se(left[:, None])[0])
    return _student(value, se, len(left) - 1, back, level)


def _student(
    value: float, se: float, df: int, back: Callable[[Array], Array], level: float
) -> tuple[float, ...]:
    half = float(t_quantile(np.array(float(df)), level)) * se
    at = back(value + np.array([0.0, -se, se, -half, half]))
    return float(at[0]), float(at[2] - at[1]) / 2, df, float(at[3]), float(at[4])


def _same(values: Array) -> Array:
    return values


def _contrast(values: Array, name: str, scale: Scale) -> float:
    """What is subtracted: share pruned, or the logarithm of a width."""
    if name == "point_difference":
        return float(to_sparsity(values[0], scale))
    return float(values[QUANTITIES.index(CONTRASTS[name])])


def _alone(fits: SeedFits, scale: Scale, level: float) -> Row:
    """The seeds' own widths, which do not mix the spread of their points into them."""
    logs = [
        float(working_values(c, scale)[2])
        for c, reasons in zip(fits.alone, fits.alone_reasons, strict=True)
        if c is not None and not reasons[1]
    ]
    if len(logs) < max(2, len(fits.seeds)):
        said = f"{len(logs)} of {len(fits.seeds)} seeds show a width of their own"
        return _row(fits, ALONE, None, said, level)
    values = np.array(logs)
    se = float(values.std(ddof=1)) / np.sqrt(len(values))
    numbers = _student(float(values.mean()), se, len(values) - 1, np.exp, level)
    return _row(fits, ALONE, numbers, "", level)


def _left(fits: SeedFits, scale: Scale, take: Callable[[Array], float]) -> Array | None:
    """Something of the working values with each seed left out; None where one lacks it."""
    if len(fits.seeds) < 2 or len(fits.left) < len(fits.seeds):
        return None
    values = np.array([take(working_values(c, scale)) for c in fits.left])
    return values if np.isfinite(values).all() else None


def _why_no_interval(fits: SeedFits) -> str:
    if len(fits.seeds) < 2:
        return "no interval: it takes two seeds, and three to be of use"
    return "no interval: without some seed it is not identified"


def _row(
    fits: SeedFits,
    quantity: str,
    numbers: tuple[float, ...] | None,
    reason: str,
    level: float,
    against: str = "",
) -> Row:
    found = [np.nan] * 5 if numbers is None else [float(n) for n in numbers]
    parts = (fits.method, against, quantity, *found, level, len(fits.seeds), reason)
    return dict(zip(COLUMNS, parts, strict=True))
