"""Figures: frames in, matplotlib axes out, and SVG for a page."""

from causalhyper.figures.contours import plot_contours
from causalhyper.figures.counterfactuals import plot_counterfactuals
from causalhyper.figures.distributions import plot_densities, plot_quantiles
from causalhyper.figures.effect_curve import plot_effect_curve
from causalhyper.figures.forest import plot_forest
from causalhyper.figures.hypergraph import plot_hypergraph
from causalhyper.figures.permutations import plot_permutations
from causalhyper.figures.policy import plot_policy
from causalhyper.figures.power import plot_power
from causalhyper.figures.sensitivity_curve import plot_sensitivity_curve
from causalhyper.figures.style import PALETTE, house_style, new_axes
from causalhyper.figures.svg import to_svg

__all__ = [
    "PALETTE",
    "house_style",
    "new_axes",
    "plot_contours",
    "plot_counterfactuals",
    "plot_densities",
    "plot_effect_curve",
    "plot_forest",
    "plot_hypergraph",
    "plot_permutations",
    "plot_policy",
    "plot_power",
    "plot_quantiles",
    "plot_sensitivity_curve",
    "to_svg",
]
