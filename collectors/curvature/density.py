"""Spectral density of a network's curvature by stochastic Lanczos quadrature."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data
from collectors.calls import Loss
from collectors.curvature.eigenvalues import Eigenvalues
from collectors.curvature.krylov import krylov_spaces
from collectors.curvature.operator import Curvature, Kind, curvature_of, normal_rows, seeded
from collectors.curvature.reuse import check_reuse
from collectors.curvature.spectrum import SpectralDensity
from collectors.kept import KeptEntries
from collectors.model_state import Mode


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
    masks: KeptEntries | None = None,
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
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
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
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: the matrix of the kept entries alone.
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

    Cost: probes times steps products, each 1.1 to 2.4 gradients on one batch, 2.3 to 4.3 on
    several; memory steps vectors of p. Source: Golub and Meurant 2010, Matrices, Moments and
    Quadrature; Ghorbani, Krishnan and Xiao 2019, "An investigation into neural net optimization
    via Hessian eigenvalue density".

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
    with curvature_of(
        model,
        loss,
        data,
        kind=kind,
        parameters=parameters,
        masks=masks,
        mode=mode,
        generator=generator,
    ) as operator:
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

    left = operator.size - len(vectors)
    if not left:
        return np.empty(0), np.empty(0)
    start = outside(normal_rows(1, operator, generator))
    for space in krylov_spaces(lambda rows: outside(operator(rows)), start, lambda: start):
        if len(space.basis) >= min(steps, left) or space.invariant or not space.finite:
            break
    rest = left / operator.size
    if not space.finite:
        return np.array([math.nan]), np.array([math.nan])
    ritz = space.ritz()
    return ritz.values, ritz.coordinates[0] ** 2 * rest


def _check_reuse(reuse: Eigenvalues, operator: Curvature, mode: str, seed: int) -> None:
    check_reuse(reuse, operator, mode, seed)
    assert reuse.krylov is not None
    if reuse.block != 1 or reuse.krylov.opened:
        raise ConfigurationError(
            "a density needs a space of one random start that never broke down; measure the "
            "eigenvalues with block=1, or the density without reuse"
        )
