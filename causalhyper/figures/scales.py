"""The axis of treatment values: logarithmic where they span much, with the values as ticks."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from causalhyper.arrays import Array
from causalhyper.figures.style import PLAIN


def is_wide(values: Array) -> bool:
    """Whether values are positive and span more than a factor of 4: a log2 axis shows them.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Increasing.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_wide(np.array([16.0, 512.0])), is_wide(np.array([0.0, 512.0]))
    (True, False)
    """
    return bool(values[0] > 0 and values[-1] > 4 * values[0])


def scale_values(axes: Axes, values: Array, *, log: bool) -> None:
    """Set the scale of the values; on a log2 axis they are the ticks, thinned where dense.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    values : ndarray, shape (n,)
        Increasing.
    log : bool
        Whether the axis is logarithmic.

    Examples
    --------
    >>> from causalhyper.figures.style import new_axes
    >>> axes = new_axes()
    >>> scale_values(axes, np.array([16.0, 64.0, 512.0]), log=True)
    >>> [tick.get_text() for tick in axes.get_xticklabels()]
    ['16', '64', '512']
    """
    if not log:
        spread = np.ptp(values)
        if spread:
            axes.set_xlim(values[0] - 0.06 * spread, values[-1] + 0.06 * spread)
        return
    axes.set_xscale("log", base=2)
    place = np.log2(values)
    room, ticks = np.ptp(place) / 14, [0]
    for i in range(1, len(values)):
        if place[i] - place[ticks[-1]] >= room:
            ticks.append(i)
    axes.set_xticks(values[ticks], [write_number(v) for v in values[ticks]], **PLAIN)
    axes.xaxis.set_minor_locator(NullLocator())
    margin = 0.06 * np.ptp(place)
    axes.set_xlim(2 ** (place[0] - margin), 2 ** (place[-1] + margin))


def plain_ticks(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis as numbers: 0.01, or 10⁻⁷ where zeros are many.

    Where the axis spans less than two decades, 2 and 5 times each decade have numbers too.

    Parameters
    ----------
    axis : matplotlib.axis.Axis

    Examples
    --------
    >>> from causalhyper.figures.style import new_axes
    >>> axes = new_axes()
    >>> axes.set_xscale("log")
    >>> plain_ticks(axes.xaxis)
    >>> axes.set_xlim(0.3, 1.2)
    (0.3, 1.2)
    >>> ticks = [x for x in axes.xaxis.get_majorticklocs() if 0.3 <= x <= 1.2]
    >>> [axes.xaxis.get_major_formatter()(x) for x in ticks]
    ['0.5', '1']
    """
    axis.set_major_locator(_Decades())
    axis.set_major_formatter(FuncFormatter(lambda value, _: write_power(value)))
    axis.set_minor_formatter(NullFormatter())


class _Decades(LogLocator):
    """Ticks at decades, and at 2 and 5 times them where the axis is short."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Places of the ticks between two ends."""
        low, high = sorted((vmin, vmax))
        short = low > 0 and high < 100 * low
        self.set_params(subs=(1.0, 2.0, 5.0) if short else (1.0,))
        return super().tick_values(vmin, vmax)


def write_power(value: float) -> str:
    """Write a tick of a logarithmic axis.

    Parameters
    ----------
    value : float

    Returns
    -------
    str

    Examples
    --------
    >>> write_power(0.001), write_power(1e-7), write_power(2e5)
    ('0.001', '10⁻⁷', '2×10⁵')
    """
    if value == 0 or 1e-4 < abs(value) < 1e5:
        return f"{value:g}"
    digits, power = f"{value:.0e}".split("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{'' if digits == '1' else f'{digits}×'}10{raised}"


def write_number(value: float) -> str:
    """Write 1048576 in full and 0.1 as it is."""
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:g}"
