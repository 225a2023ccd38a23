"""A spectrum as nodes and weights: its moments, shares and smoothed density."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.curvature.operator import Kind

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 0.01
"""Standard deviation of the default kernel, as a fraction of the range of the nodes."""
POINTS = 400
"""Points of the default grid."""


@dataclass(frozen=True, slots=True, eq=False)
class SpectralDensity(Shown):
    """Distribution of the eigenvalues: share of the p eigenvalues, so that its mass is one.

    Attributes
    ----------
    nodes, weights : tuple of ndarray
        Quadrature of each probe; the weights of a probe add to the share of the spectrum that
        is not in `atoms`.
    atoms : ndarray
        Eigenvalues known by themselves, each with the share 1 / p.
    products : int
        Matrix-vector products in all, those of the reused space included.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    parameters, examples : int
        p and n.
    mode : str
        Mode of the network.
    seed : int
        Of the probes.
    """

    nodes: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    atoms: np.ndarray
    products: int
    kind: Kind
    parameters: int
    examples: int
    mode: str
    seed: int

    @property
    def width(self) -> float:
        """Default width of the kernel: 1% of the range of the nodes, in units of an eigenvalue."""
        everything = np.concatenate([*self.nodes, self.atoms])
        return WIDTH * max(float(np.ptp(everything)), 1e-12 * float(np.abs(everything).max()))

    def integrate(self, function: Any) -> tuple[float, float]:
        """Mean of a function over all eigenvalues, with its standard error over probes.

        The error is NaN with one probe.
        """
        sums = [float(w @ function(x)) for x, w in zip(self.nodes, self.weights, strict=True)] or [
            0.0
        ]
        exact = float(np.sum(function(self.atoms))) / self.parameters
        spread = np.std(sums, ddof=1) / math.sqrt(len(sums)) if len(sums) > 1 else math.nan
        return exact + float(np.mean(sums)), float(spread)

    def moment(self, order: int) -> tuple[float, float]:
        """Mean of the eigenvalues' power (trace of A^order / p), with its standard error."""
        return self.integrate(lambda x: x**order)

    def share(self, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
        """Share of the eigenvalues from low to below high, with its standard error."""
        return self.integrate(lambda x: ((x >= low) & (x < high)).astype(float))

    def to_frame(self, grid: Sequence[float] | None = None, width: float | None = None) -> Any:
        """Return the density, smoothed with a Gaussian kernel, and its standard error.

        Parameters
        ----------
        grid : sequence of float, optional
            Where; without it 400 points over the nodes and three widths beyond.
        width : float, optional
            Standard deviation of the kernel; `self.width` without it.

        Returns
        -------
        DataFrame
            Columns value, density, se, width; eigenvalues less than a width or so apart melt.
        """
        width = self.width if width is None else width
        if not width > 0:
            raise ConfigurationError(f"the kernel's width must be above 0; got {width}")
        where = self._grid(width) if grid is None else np.asarray(grid, dtype=float)
        curves = [
            _kernel(where, x, width) @ w for x, w in zip(self.nodes, self.weights, strict=True)
        ]
        exact = _kernel(where, self.atoms, width).sum(axis=1) / self.parameters
        n = len(curves)
        mean = exact + (np.mean(curves, axis=0) if n else 0.0)
        se = (
            np.std(curves, axis=0, ddof=1) / math.sqrt(n) if n > 1 else np.full(len(where), np.nan)
        )
        return pd.DataFrame({"value": where, "density": mean, "se": se, "width": width})

    def summary(self) -> str:
        """Return range, mean and negative share in text."""
        (mean, mean_se), (below, below_se) = self.moment(1), self.share(high=0.0)
        everything = np.concatenate([*self.nodes, self.atoms])
        return (
            f"Spectral density: {self.parameters} parameters, {len(self.nodes)} probes, "
            f"{len(self.atoms)} eigenvalues apart, {self.products} products\n"
            f"  from {everything.min():.4g} to {everything.max():.4g}; mean {mean:.4g} "
            f"(standard error {mean_se:.1g}); {below:.1%} of it at negative nodes "
            f"({below_se:.1%})"
        )

    def _overview(self) -> None:
        """No table: the frame is a curve of points."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the smoothed density on a logarithmic scale, with its error; return the axes."""
        from causalhyper.figures import plot_spectral_density

        return plot_spectral_density(self.to_frame(), ax=ax)

    def _grid(self, width: float) -> np.ndarray:
        everything = np.concatenate([*self.nodes, self.atoms])
        return np.linspace(everything.min() - 3 * width, everything.max() + 3 * width, POINTS)


def _kernel(where: np.ndarray, nodes: np.ndarray, width: float) -> np.ndarray:
    z = (where[:, None] - nodes[None, :]) / width
    return np.exp(-(z**2) / 2) / (width * math.sqrt(2 * math.pi))
