"""Flatness of the training loss at a network, read beside how well the network fits."""

from collectors.curvature.flatness.fit import Fit, measure_fit
from collectors.curvature.flatness.flatness import flatness
from collectors.curvature.flatness.relative import RelativeCurvature, relative_curvature
from collectors.curvature.flatness.result import Flatness
from collectors.curvature.flatness.space import SpaceFlatness

__all__ = [
    "Fit",
    "Flatness",
    "RelativeCurvature",
    "SpaceFlatness",
    "flatness",
    "measure_fit",
    "relative_curvature",
]
