"""Spectral density of a network's curvature by stochastic Lanczos quadrature."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.curvature.data import Data, Loss
from collectors.curvature.eigenvalues import Eigenvalues
from collectors.curvature.krylov import krylov_spaces
from collectors.curvature.operator import Curvature, Kind, curvature_of, normal_rows, seeded
from collectors.curvature.reuse import check_reuse
from collectors.model_state import Mode

WIDTH = 0.01
"""Standard deviation of the default kernel, as a fraction of the range of the nodes."""
POINTS = 400
"""Points of the default grid."""


@dataclass(frozen=True, slots=True, eq=False)
class SpectralDensity:
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

    def plot(self, ax: Any = None) -> Any:
        """Draw the smoothed density on a logarithmic scale; return the axes."""
        import matplotlib.pyplot as plt

        frame = self.to_frame()
        ax = plt.subplots()[1] if ax is None else ax
        ax.semilogy(frame["value"], frame["density"].clip(lower=1e-3 / self.parameters))
        ax.set_xlabel("eigenvalue")
        ax.set_ylabel(f"density (kernel width {frame['width'].iloc[0]:.2g})")
        return ax

    def _grid(self, width: float) -> np.ndarray:
        everything = np.concatenate([*self.nodes, self.atoms])
        return np.linspace(everything.min() - 3 * width, everything.max() + 3 * width, POINTS)


def spectral_density(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    probes: int = 8,
    steps: int = 40,
    reuse: Eigenvalues | None = None,
    kind: Kind = "hessian",
    parameters: list[str] | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> SpectralDensity:
    r"""Estimate the distribution of the eigenvalues by stochastic Lanczos quadrature.

    From a random unit start v, with the eigenvalues theta_k of the tridiagonal matrix and the
    first entries tau_k of its eigenvectors,

    .. math:: \frac{1}{p} \sum_i f(\lambda_i) = E\,[v^\top f(H) v]
              \approx \frac{1}{J} \sum_j \sum_k \tau_{jk}^2 f(\theta_{jk})

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        (outputs, targets) -> per-example losses of shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches that can be iterated again.
    probes : int
        J, fresh starts; 0 where one reused space is enough.
    steps : int
        Products a probe.
    reuse : Eigenvalues, optional
        Measured with keep=True and block=1 on the same network, data, parameters and mode. Its
        converged eigenvalues stand by themselves, the rest of its space is one more probe, and
        fresh probes are made orthogonal to its Ritz vectors.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of the probes and of dropout; seeded with 0 where none is given, so give another to
        add to a reused space that had the same.

    Returns
    -------
    SpectralDensity
        Nodes and weights of each probe, and the eigenvalues that stand by themselves.

    Raises
    ------
    ConfigurationError
        If probes or steps are out of range, or `reuse` is of another matrix.

    Warns
    -----
    RuntimeWarning
        If the matrix is not finite; the probe's weights are NaN then.

    Notes
    -----
    Bias: moments up to order 2 steps - 1 are unbiased (with converged atoms); the density is so
    but for the kernel's width and the quadrature's resolution. Without `reuse` an outlying
    eigenvalue's share 1 / p comes out as chi-squared / p, so its height says little.

    Cost: probes times steps products, each 2 gradients on one batch, about 3 on several; memory
    steps vectors of p. Source: Golub and Meurant 2010, Matrices, Moments and Quadrature;
    Ghorbani, Krishnan and Xiao 2019, "An investigation into neural net optimization via Hessian
    eigenvalue density".

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> found = spectral_density(model, squares, (x, torch.zeros(2)), probes=2)
    >>> [sorted(nodes.round(3).tolist()) for nodes in found.nodes]
    [[1.0, 9.0], [1.0, 9.0]]
    """
    if probes < (0 if reuse is not None else 1) or steps < 1:
        raise ConfigurationError(
            f"expected at least one probe of at least one step; got {probes} and {steps}"
        )
    generator = seeded(generator)
    seed = generator.initial_seed()
    options = {"kind": kind, "parameters": parameters, "mode": mode, "generator": generator}
    with curvature_of(model, loss, data, **options) as operator:
        if reuse is not None:
            _check_reuse(reuse, operator, mode, seed if probes else -1)
        atoms, vectors, found = _reused(reuse, operator)
        found += [_probe(operator, vectors, steps, generator) for _ in range(probes)]
        products = operator.products + (reuse.products if reuse is not None else 0)
    if not all(np.isfinite(w).all() for _, w in found):
        message = "the curvature is not finite: did training diverge?"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    nodes, weights = zip(*found, strict=True) if found else ((), ())
    return SpectralDensity(
        nodes, weights, atoms, products, kind, operator.size, operator.examples, mode, seed
    )


def _reused(
    reuse: Eigenvalues | None, operator: Curvature
) -> tuple[np.ndarray, Tensor, list[tuple[np.ndarray, np.ndarray]]]:
    """Atoms, their vectors as rows, and the quadrature that the space gives for the rest."""
    if reuse is None or reuse.krylov is None:
        return np.empty(0), operator.like.reshape(0, operator.size), []
    ritz = reuse.krylov.ritz()
    known = {each.value for each in reuse.found if each.converged}
    apart = np.array([value in known for value in ritz.values])
    vectors = reuse.krylov.vectors(ritz.coordinates[:, apart]).T
    rest = 1 - apart.sum() / operator.size
    weights = ritz.coordinates[0, ~apart] ** 2
    found = [(ritz.values[~apart], weights / weights.sum() * rest)] if rest > 0 else []
    return ritz.values[apart], vectors, found


def _probe(
    operator: Curvature, vectors: Tensor, steps: int, generator: torch.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of one fresh start, outside the vectors given."""

    def outside(rows: Tensor) -> Tensor:
        for _ in range(2):
            rows = rows - (rows @ vectors.T) @ vectors
        return rows

    start = outside(normal_rows(1, operator, generator))
    left = operator.size - len(vectors)
    for space in krylov_spaces(lambda rows: outside(operator(rows)), start, lambda: start):
        if len(space.basis) >= min(steps, left) or space.invariant or not space.finite:
            break
    rest = left / operator.size
    if not space.finite:
        return np.array([math.nan]), np.array([math.nan])
    ritz = space.ritz()
    return ritz.values, ritz.coordinates[0] ** 2 * rest


def _kernel(where: np.ndarray, nodes: np.ndarray, width: float) -> np.ndarray:
    z = (where[:, None] - nodes[None, :]) / width
    return np.exp(-(z**2) / 2) / (width * math.sqrt(2 * math.pi))


def _check_reuse(reuse: Eigenvalues, operator: Curvature, mode: str, seed: int) -> None:
    check_reuse(reuse, operator, mode, seed)
    assert reuse.krylov is not None
    if reuse.block != 1 or reuse.krylov.opened:
        raise ConfigurationError(
            "a density needs a space of one random start that never broke down; measure the "
            "eigenvalues with block=1, or the density without reuse"
        )
