"""Latent common causes in the picture of a hypergraph: dashed arches above the boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from causalhyper.figures.layout import Box

ARCH = 0.45
"""Height of the first arch above the picture, in inches."""
STEP = 0.14
"""How much higher each further arch is."""
COLOR = "#6B6B6B"


def arch_room(pairs: Sequence[tuple[str, str]]) -> float:
    """Inches that arches need above the picture."""
    return 0.8 * (ARCH + STEP * len(pairs)) if pairs else 0.0


def arch_path(boxes: Mapping[str, Box], pair: tuple[str, str], number: int, top: float) -> Path:
    """The arch of a pair, from the top of one box to the top of the other.

    Parameters
    ----------
    boxes : mapping of str to Box
    pair : (str, str)
    number : int
        Arches before it.
    top : float
        Upper end of what is drawn without arches.

    Returns
    -------
    matplotlib.path.Path
    """
    ends = [(boxes[v].x, boxes[v].y - boxes[v].height / 2) for v in pair]
    height = top - ARCH - STEP * number
    points = [ends[0], (ends[0][0], height), (ends[1][0], height), ends[1]]
    return Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])


def draw_arches(
    axes: Axes, boxes: Mapping[str, Box], pairs: Sequence[tuple[str, str]], top: float
) -> None:
    """Draw one dashed arch a pair.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        In inches, y downwards.
    boxes : mapping of str to Box
    pairs : sequence of tuple of str
    top : float
        Upper end of what is drawn so far.
    """
    for i, (one, other) in enumerate(pairs):
        path = arch_path(boxes, (one, other), i, top)
        look = {"facecolor": "none", "edgecolor": COLOR, "linestyle": "--", "linewidth": 1.2}
        patch = PathPatch(path, zorder=1, **look)
        patch.set_gid(f"latent {one} {other}")
        axes.add_patch(patch)
