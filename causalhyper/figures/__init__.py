"""Figures: frames in, matplotlib axes out, and SVG for a page."""

from causalhyper.figures.effect_curve import plot_effect_curve
from causalhyper.figures.forest import plot_forest
from causalhyper.figures.hypergraph import plot_hypergraph
from causalhyper.figures.permutations import plot_permutations
from causalhyper.figures.policy import plot_policy
from causalhyper.figures.power import plot_power
from causalhyper.figures.style import PALETTE, house_style, new_axes
from causalhyper.figures.svg import to_svg

__all__ = [
    "PALETTE",
    "house_style",
    "new_axes",
    "plot_effect_curve",
    "plot_forest",
    "plot_hypergraph",
    "plot_permutations",
    "plot_policy",
    "plot_power",
    "to_svg",
]
