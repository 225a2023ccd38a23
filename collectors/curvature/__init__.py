"""Curvature of the training loss: products, eigenvalues, trace, density, sharpness."""

from collectors.curvature.density import spectral_density
from collectors.curvature.eigenvalues import Eigenvalues, eigenvalues
from collectors.curvature.loss_rise import SamSharpness, sam_sharpness
from collectors.curvature.operator import Curvature, curvature_of
from collectors.curvature.products import gauss_newton_product, hessian_product
from collectors.curvature.sampling import Sampled, sampled_curvature, sampled_trace
from collectors.curvature.sharpness import Eigenvalue, top_eigenvalue
from collectors.curvature.spectrum import SpectralDensity
from collectors.curvature.trace import Trace, curvature_trace

__all__ = [
    "Curvature",
    "Eigenvalue",
    "Eigenvalues",
    "SamSharpness",
    "Sampled",
    "SpectralDensity",
    "Trace",
    "curvature_of",
    "curvature_trace",
    "eigenvalues",
    "gauss_newton_product",
    "hessian_product",
    "sam_sharpness",
    "sampled_curvature",
    "sampled_trace",
    "spectral_density",
    "top_eigenvalue",
]
