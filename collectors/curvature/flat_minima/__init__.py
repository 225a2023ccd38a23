"""Flatness of the training loss at a network, read beside how well the network fits."""

from collectors.curvature.flat_minima.fit import Fit, measure_fit
from collectors.curvature.flat_minima.flatness import flatness
from collectors.curvature.flat_minima.relative import RelativeCurvature, relative_curvature
from collectors.curvature.flat_minima.result import Flatness
from collectors.curvature.flat_minima.space import SpaceFlatness

__all__ = [
    "Fit",
    "Flatness",
    "RelativeCurvature",
    "SpaceFlatness",
    "flatness",
    "measure_fit",
    "relative_curvature",
]
