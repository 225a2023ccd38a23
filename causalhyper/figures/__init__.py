"""Figures: frames in, matplotlib axes out, and SVG for a page."""

from causalhyper.figures.counterfactuals import plot_counterfactuals
from causalhyper.figures.distributions import plot_densities, plot_quantiles
from causalhyper.figures.effect_curve import plot_effect_curve
from causalhyper.figures.forest import plot_forest
from causalhyper.figures.hypergraph import plot_hypergraph
from causalhyper.figures.style import PALETTE, house_style, new_axes
from causalhyper.figures.svg import to_svg

__all__ = [
    "PALETTE",
    "house_style",
    "new_axes",
    "plot_counterfactuals",
    "plot_densities",
    "plot_effect_curve",
    "plot_forest",
    "plot_hypergraph",
    "plot_quantiles",
    "to_svg",
]
