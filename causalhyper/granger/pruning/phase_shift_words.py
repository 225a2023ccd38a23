"""Sentences on where and how sharply accuracy falls."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

import pandas as pd

Numbers = Mapping[Any, Any]
"""One row of a table."""


def tell_phase_shift(
    table: pd.DataFrame,
    goodness: pd.DataFrame,
    levels: pd.DataFrame,
    outcome: str,
    collapses_known: bool,
) -> str:
    """Say what tables of a phase shift hold.

    Parameters
    ----------
    table, goodness, levels : pandas.DataFrame
        Of a `PhaseShift`.
    outcome : str
    collapses_known : bool

    Returns
    -------
    str
    """
    own, pairs = table[table["against"] == ""], table[table["against"] != ""]
    percent = f"{100 * table['level'].iloc[0]:g}%"
    known = own.loc[own["quantity"] == "shoulder_decades", "estimate"].notna()
    lines = [
        f"Fall of {outcome} with the share pruned; {percent} intervals from whole seeds. Point: "
        "fallen half way; width: from 90% to 10% of the fall"
        + ("; shoulder: from 90% to half" if known.any() else "")
    ]
    fits = {str(row["method"]): row for row in goodness.to_dict("records")}
    for method, rows in own.groupby("method", sort=False):
        lines += [_tell_method(str(method), _by_quantity(rows), fits[str(method)])]
    told = bool(own.loc[own["quantity"] == "point", "estimate"].notna().any())
    if len(pairs) and not told:
        lines.append("No methods are compared: no point is identified.")
        pairs = pairs.iloc[:0]
    for (name, against), rows in pairs.groupby(["method", "against"], sort=False):
        lines += _tell_pair(f"{name!s} against {against!s}", _by_quantity(rows))
    lines += _tell_collapses(levels, known=collapses_known)
    lines.append(
        "A sharp fall is no proof of a better subset: the point says how much can be pruned, the "
        "width how suddenly accuracy goes, and a layer that collapses makes it go at once."
    )
    return "\n".join(lines)


def _by_quantity(rows: pd.DataFrame) -> dict[str, Numbers]:
    return {str(row["quantity"]): row for row in rows.to_dict("records")}


def _tell_method(name: str, rows: dict[str, Numbers], fit: Numbers) -> str:
    point, width, points = rows["point"], rows["width_decades"], rows["width_points"]
    seeds = point["seeds"]
    said = f"{name} ({seeds} seed{'s' if seeds != 1 else ''}): "
    if isnan(point["estimate"]):
        return f"{said}point and width not identified: {point['reason']}"
    said += (
        f"from {rows['top']['estimate']:.3f} to {rows['floor']['estimate']:.3f}, half way at "
        f"{100 * point['estimate']:.2f}% pruned{_interval(point, 100)}"
    )
    if isnan(width["estimate"]):
        return f"{said}; width not identified: {width['reason']}{_shoulder(rows)}"
    said += (
        f"; over {100 * points['estimate']:.2f} points{_interval(points, 100)}, "
        f"{width['estimate']:.2f} decades of the share kept{_interval(width)}"
    )
    if point["reason"]:
        said += f" ({point['reason']})"
    alone = rows["width_decades_alone"]
    if not isnan(alone["estimate"]):
        said += f", a seed alone {alone['estimate']:.2f}{_interval(alone)}"
    said += _shoulder(rows)
    return said + (
        f"; curve to level means {fit['rmse']:.4f} (root mean square), most at "
        f"{100 * fit['worst']:.4g}% ({fit['worst_miss']:+.4f})"
    )


def _shoulder(rows: dict[str, Numbers]) -> str:
    row = rows["shoulder_decades"]
    if isnan(row["estimate"]):
        return ""
    return f"; shoulder {row['estimate']:.2f} decades{_interval(row)}"


def _tell_pair(names: str, rows: dict[str, Numbers]) -> list[str]:
    point, ratio = rows["point_difference"], rows["width_decades_ratio"]
    if isnan(point["estimate"]):
        return [f"{names}: points not compared: {point['reason']}"]
    word = _word(point, 0.0, "later", "earlier")
    lines = [
        f"{names}: point {100 * point['estimate']:+.2f} points of sparsity"
        f"{_interval(point, 100, '+')}: {word}"
    ]
    if isnan(ratio["estimate"]):
        lines.append(f"  widths not compared: {ratio['reason']}")
        half = rows["shoulder_decades_ratio"]
        if not isnan(half["estimate"]):
            word = _word(half, 1.0, "smoother", "sharper")
            lines.append(f"  shoulder times {half['estimate']:.2f}{_interval(half)}: {word}")
        return lines
    points = rows["width_points_ratio"]
    words = [_word(row, 1.0, "smoother", "sharper") for row in (ratio, points)]
    lines.append(
        f"  width in decades times {ratio['estimate']:.2f}{_interval(ratio)}: {words[0]}; in "
        f"points times {points['estimate']:.2f}{_interval(points)}: {words[1]}"
    )
    if set(words) == {"smoother", "sharper"}:
        lines.append("  which is sharper depends on the scale: a late fall has few points left")
    return lines


def _word(row: Numbers, nothing: float, above: str, below: str) -> str:
    if isnan(row["lower"]):
        return "no interval"
    if row["lower"] > nothing:
        return above
    return below if row["upper"] < nothing else "not told apart"


def _interval(row: Numbers, times: float = 1.0, sign: str = "") -> str:
    if isnan(row["lower"]):
        return ""
    low, high = (f"{times * row[end]:{sign}.2f}" for end in ("lower", "upper"))
    return f" [{low}, {high}]"


def _tell_collapses(levels: pd.DataFrame, *, known: bool) -> list[str]:
    if not known:
        return ["Whether layers collapsed is not known: the runs have no such column."]
    lines = []
    for method, rows in levels.groupby("method", sort=False):
        there = rows[rows["collapsed"] > 0]
        if len(there):
            said = ", ".join(
                f"{100 * row['sparsity']:.4g}% ({row['collapsed']:.0%} of runs)"
                for row in there.to_dict("records")
            )
            lines.append(f"{method}: a layer collapses at {said}")
    return lines or ["No layer collapsed."]
