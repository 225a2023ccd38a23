"""Figures: frames in, matplotlib axes out, and SVG for a page."""

from causalhyper.figures.coefficient_paths import plot_coefficient_paths
from causalhyper.figures.compact import compact_svg
from causalhyper.figures.contours import plot_contours
from causalhyper.figures.counterfactuals import plot_counterfactuals
from causalhyper.figures.distributions import plot_densities, plot_quantiles
from causalhyper.figures.dots import plot_dots
from causalhyper.figures.effect_curve import plot_effect_curve
from causalhyper.figures.eigenvalues import plot_eigenvalues
from causalhyper.figures.forest import plot_forest
from causalhyper.figures.hypergraph import plot_hypergraph
from causalhyper.figures.loss_lines import plot_loss_lines
from causalhyper.figures.loss_surface import plot_loss_surface, plot_loss_surfaces
from causalhyper.figures.permutations import plot_permutations
from causalhyper.figures.policy import plot_policy
from causalhyper.figures.power import plot_power
from causalhyper.figures.sensitivity_curve import plot_sensitivity_curve
from causalhyper.figures.spectral_density import plot_spectral_density
from causalhyper.figures.style import PALETTE, house_style, new_axes
from causalhyper.figures.svg import to_svg

__all__ = [
    "PALETTE",
    "compact_svg",
    "house_style",
    "new_axes",
    "plot_coefficient_paths",
    "plot_contours",
    "plot_counterfactuals",
    "plot_densities",
    "plot_dots",
    "plot_effect_curve",
    "plot_eigenvalues",
    "plot_forest",
    "plot_hypergraph",
    "plot_loss_lines",
    "plot_loss_surface",
    "plot_loss_surfaces",
    "plot_permutations",
    "plot_policy",
    "plot_power",
    "plot_quantiles",
    "plot_sensitivity_curve",
    "plot_spectral_density",
    "to_svg",
]
