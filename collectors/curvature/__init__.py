"""Curvature of the training loss: products, spectrum, sharpness, surfaces, flatness."""

from collectors.curvature.density import spectral_density
from collectors.curvature.eigenvalues import Eigenvalues, eigenvalues
from collectors.curvature.flat_minima import (
    Fit,
    Flatness,
    RelativeCurvature,
    SpaceFlatness,
    flatness,
    measure_fit,
    relative_curvature,
)
from collectors.curvature.loss_rise import SamSharpness, sam_sharpness
from collectors.curvature.operator import Curvature, curvature_of
from collectors.curvature.products import gauss_newton_product, hessian_product
from collectors.curvature.sampling import Sampled, sampled_curvature, sampled_trace
from collectors.curvature.sharpness import Eigenvalue, top_eigenvalue
from collectors.curvature.spectrum import SpectralDensity
from collectors.curvature.surface import LossSurface, loss_surface
from collectors.curvature.trace import Trace, curvature_trace

__all__ = [
    "Curvature",
    "Eigenvalue",
    "Eigenvalues",
    "Fit",
    "Flatness",
    "LossSurface",
    "RelativeCurvature",
    "SamSharpness",
    "Sampled",
    "SpaceFlatness",
    "SpectralDensity",
    "Trace",
    "curvature_of",
    "curvature_trace",
    "eigenvalues",
    "flatness",
    "gauss_newton_product",
    "hessian_product",
    "loss_surface",
    "measure_fit",
    "relative_curvature",
    "sam_sharpness",
    "sampled_curvature",
    "sampled_trace",
    "spectral_density",
    "top_eigenvalue",
]
