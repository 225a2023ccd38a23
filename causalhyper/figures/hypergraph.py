"""The hypergraph as a picture: boxes in layers, junctions where causes act together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.text import Text

from causalhyper.errors import ConfigurationError
from causalhyper.figures.arc_effects import EFFECT_SIZE, lay_out_labelled, read_effects
from causalhyper.figures.arc_labels import ARROW, HALF
from causalhyper.figures.checks import check_columns, read_texts
from causalhyper.figures.latents import COLOR, arch_room, draw_arches
from causalhyper.figures.layers import Hyperarc
from causalhyper.figures.layout import Box, DrawnArc, Layout
from causalhyper.figures.style import (
    INK,
    PALETTE,
    PLAIN,
    add_legend,
    house_style,
    name_axes,
    new_axes,
)
from causalhyper.figures.text import text_width, wrap

_FIGURE = "a hypergraph plot"
ROLES: dict[str, dict[str, Any]] = {
    "treatment": {"facecolor": "#D9EAF6", "edgecolor": PALETTE["blue"], "linewidth": 1.8},
    "mediator": {"facecolor": "#F5F5F5", "edgecolor": "#6B6B6B", "linewidth": 1.0},
    "outcome": {"facecolor": "#FCE6D6", "edgecolor": PALETTE["vermillion"], "linewidth": 2.8},
    "other": {"facecolor": "white", "edgecolor": "#6B6B6B", "linewidth": 1.0, "linestyle": "--"},
}
"""The look of a node by its role."""

_SINGLE = "#4D4D4D"
_JOINT = [PALETTE[c] for c in ("green", "purple", "blue", "vermillion")]
_NAME, _LABEL = 11.0, 9.0
_NAME_LINE, _LABEL_LINE, _PAD = 0.19, 0.15, 0.12
_MARGIN = 0.06


class _ScaledText(Text):
    """Text whose size is in the units of the axes, so that it stays within its box."""

    nominal_size: float = _NAME

    def draw(self, renderer: RendererBase) -> None:
        """Draw at the scale that the axes have now."""
        if self.axes is not None:
            (left, _), (right, _) = self.axes.transData.transform([(0, 0), (1, 0)])
            scale = abs(right - left) / renderer.points_to_pixels(72)
            self.set_fontsize(self.nominal_size * scale)
        super().draw(renderer)


def plot_hypergraph(
    nodes: pd.DataFrame,
    arcs: pd.DataFrame,
    *,
    effects: pd.DataFrame | None = None,
    latent: Sequence[tuple[str, str]] = (),
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw a directed hypergraph from left to right.

    The tails of a hyperedge with two or more causes meet in a small square, from which one arrow
    leads to the effect. No arc runs through a box other than those at its ends.

    Parameters
    ----------
    nodes : pandas.DataFrame
        Columns `node`, `label` (a second line, such as the column's name; may be empty) and
        `role` ("treatment", "outcome", "mediator" or "other").
    arcs : pandas.DataFrame
        Columns `hyperedge` (its id), `tail`, `head`; one row a member of the tail.
    effects : pandas.DataFrame, optional
        Columns `tail`, `head`, `estimate`, `lower`, `upper`: a number beside the arc, in brackets
        where its interval holds zero; beside the first, where several hyperedges have the arc.
    latent : sequence of tuple of str
        Pairs of nodes with an unmeasured common cause: dashed arches above the boxes.
    title : str
        Plain text.
    ax : matplotlib.axes.Axes, optional
        Where to draw, at any size; a figure of the picture's own size otherwise.

    Returns
    -------
    matplotlib.axes.Axes
        In inches, y downwards.

    Raises
    ------
    ConfigurationError
        For missing columns, unknown or repeated nodes, unknown roles, and cycles.

    Examples
    --------
    >>> nodes = pd.DataFrame({"node": ["B", "N"], "label": ["batch_size", "grad_noise"]})
    >>> arcs = pd.DataFrame({"hyperedge": ["e"], "tail": ["B"], "head": ["N"]})
    >>> axes = plot_hypergraph(nodes.assign(role="other"), arcs)
    >>> len(axes.texts)
    4
    """
    labels, roles = _read_nodes(nodes)
    hyperarcs = _read_arcs(arcs, labels)
    numbers = {} if effects is None else read_effects(effects, hyperarcs)
    lines = {node: wrap(label, 22, 4) for node, label in labels.items()}
    height = 2 * _PAD + _NAME_LINE + _LABEL_LINE * max(map(len, lines.values()))
    widths = {node: max(0.8, _width(node, broken)) for node, broken in lines.items()}
    sizes = {node: (width, height) for node, width in widths.items()}
    layout, places = lay_out_labelled(sizes, hyperarcs, numbers, latent)
    left, top, right, bottom = layout.bounds
    with house_style():
        high = min([top - arch_room(latent), *(b.y - b.height for b in places.values())])
        low = max([bottom, *(b.y + b.height for b in places.values())])
        size = max(4.5, right - left + 0.4), low - high + (1.0 if title else 0.7)
        axes = new_axes(ax, figsize=size)
        axes.set_axis_off()
        axes.set_aspect("equal")
        axes.set_xlim(left - _MARGIN, right + _MARGIN)
        axes.set_ylim(low + _MARGIN, high - _MARGIN)
        draw_arches(axes, layout.nodes, latent, top)
        _draw_hyperarcs(axes, layout, hyperarcs)
        for node, box in layout.nodes.items():
            _draw_node(axes, node, lines[node], box, roles[node])
        for key, box in places.items():
            _write(axes, numbers[key], box.x, box.y, EFFECT_SIZE, "normal")
        name_axes(axes, title=title)
        joint = sum(arc.joint for arc in hyperarcs)
        room = size[0] if ax is None else axes.get_window_extent().width / axes.figure.figure.dpi
        _explain(axes, roles, joint, room, latent=bool(latent))
    return axes


def _read_nodes(frame: pd.DataFrame) -> tuple[dict[str, str], dict[str, str]]:
    """Read labels and roles by node."""
    check_columns(frame, ("node", "label", "role"), _FIGURE)
    names = read_texts(frame, "node")
    if not names:
        raise ConfigurationError(f"{_FIGURE} needs at least one node; the frame is empty")
    for name in names:
        if not name or names.count(name) > 1:
            problem = f"stands {names.count(name)} times" if name else "is empty"
            raise ConfigurationError(
                f"{_FIGURE} needs a name of its own for each node; {name!r} {problem}"
            )
    roles = dict(zip(names, read_texts(frame, "role"), strict=True))
    for node, role in roles.items():
        if role not in ROLES:
            raise ConfigurationError(
                f"{_FIGURE} knows the roles {', '.join(ROLES)}; got {role!r} for node {node!r}"
            )
    return dict(zip(names, read_texts(frame, "label"), strict=True)), roles


def _read_arcs(frame: pd.DataFrame, nodes: Mapping[str, str]) -> list[Hyperarc]:
    """Read the hyperedges, in order of appearance."""
    check_columns(frame, ("hyperedge", "tail", "head"), _FIGURE)
    columns = [read_texts(frame, name) for name in ("hyperedge", "tail", "head")]
    tails: dict[str, list[str]] = {}
    heads: dict[str, str] = {}
    for name, tail, head in zip(*columns, strict=True):
        for node in (tail, head):
            if node not in nodes:
                raise ConfigurationError(
                    f"{_FIGURE} needs every node of an arc in the frame of nodes; hyperedge "
                    f"{name!r} has {node!r}, the nodes are {', '.join(nodes)}"
                )
        if heads.setdefault(name, head) != head:
            raise ConfigurationError(
                f"{_FIGURE} needs one head a hyperedge; {name!r} has {heads[name]!r} and {head!r}"
            )
        if tail in tails.setdefault(name, []):
            raise ConfigurationError(f"hyperedge {name!r} has the tail {tail!r} more than once")
        tails[name].append(tail)
    return [Hyperarc(name, tuple(tail), heads[name]) for name, tail in tails.items()]


def _width(node: str, lines: Sequence[str]) -> float:
    """Width of a box that holds its text, with room for a reader's wider font."""
    widths = [text_width(line, _LABEL) for line in lines]
    return 1.06 * max([text_width(node, _NAME, "bold"), *widths]) + 2 * _PAD


def _draw_hyperarcs(axes: Axes, layout: Layout, hyperarcs: Sequence[Hyperarc]) -> None:
    """Draw every arc, and the junctions of joint hyperedges in a colour of their own."""
    joint = [arc.name for arc in hyperarcs if arc.joint]
    colors = {name: _JOINT[i % len(_JOINT)] for i, name in enumerate(joint)}
    for arc in layout.arcs:
        _draw_arc(axes, arc, colors.get(arc.hyperedge, _SINGLE))
    for name, box in layout.junctions.items():
        corner = box.x - box.width / 2, box.y - box.height / 2
        look: dict[str, Any] = {
            "facecolor": colors[name],
            "edgecolor": "none",
            "zorder": 4,
            "label": name,
        }
        axes.add_patch(Rectangle(corner, box.width, box.height, **look))


def _draw_arc(axes: Axes, arc: DrawnArc, color: str) -> None:
    """Draw one curve, with a head where it ends at a node."""
    path = arc.path(shorten=0.8 * ARROW if arc.arrow else 0.0)
    look = {"facecolor": "none", "edgecolor": color, "linewidth": 1.5, "zorder": 2}
    axes.add_patch(PathPatch(path, label=f"{arc.start} -> {arc.end}", **look))
    if arc.arrow:
        x, y = arc.points[-1]
        corners = [(x, y), (x - ARROW, y - HALF), (x - ARROW, y + HALF)]
        axes.add_patch(Polygon(corners, facecolor=color, edgecolor="none", zorder=3))


def _draw_node(axes: Axes, node: str, lines: Sequence[str], box: Box, role: str) -> None:
    """Draw a box with its name and, below, its label."""
    corner = box.x - box.width / 2, box.y - box.height / 2
    style = "round,pad=0,rounding_size=0.07"
    axes.add_patch(
        FancyBboxPatch(
            corner, box.width, box.height, boxstyle=style, zorder=5, label=node, **ROLES[role]
        )
    )
    y = box.y - _LABEL_LINE * len(lines) / 2
    _write(axes, node, box.x, y, _NAME, "bold")
    for i, line in enumerate(lines):
        below = y + _NAME_LINE / 2 + _LABEL_LINE * (i + 0.5)
        _write(axes, line, box.x, below, _LABEL, "normal")


def _write(axes: Axes, text: str, x: float, y: float, size: float, weight: str) -> None:
    """Write one line in the middle of a place."""
    centre: dict[str, Any] = {
        "horizontalalignment": "center",
        "verticalalignment": "center_baseline",
    }
    scaled = _ScaledText(x, y, text, color=INK, fontweight=weight, zorder=6, **centre, **PLAIN)
    scaled.nominal_size = size
    scaled.set_fontsize(size)
    scaled.set_in_layout(False)
    axes.add_artist(scaled)


def _explain(
    axes: Axes, roles: Mapping[str, str], joint: int, room: float, *, latent: bool
) -> None:
    """Put a legend of what occurs below the picture."""
    told = len(set(roles.values())) > 1  # one role alone tells nothing apart
    labels = [role for role in ROLES if told and role in roles.values()]
    handles: list[Artist] = [Rectangle((0, 0), 1, 1, **ROLES[role]) for role in labels]
    if joint:
        color = _JOINT[0] if joint == 1 else _SINGLE
        handles.append(Line2D([], [], marker="s", markersize=6, color=color, linewidth=1.5))
        labels.append("causes that act together")
    if latent:
        handles.append(Line2D([], [], color=COLOR, linestyle="--", linewidth=1.2))
        labels.append("unmeasured common cause")
    if not labels:
        return
    widths = [text_width(label, 9) + 0.6 for label in labels]
    fits = sum(widths) <= room
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
    place |= {"ncols": len(widths) if fits else max(1, int(room / max(widths)))}
    place["borderaxespad"] = 1.0
    add_legend(axes, handles, labels, handlelength=1.6, columnspacing=1.6, **place)
