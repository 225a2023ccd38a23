"""The largest eigenvalues of the Hessians of many networks at once."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.beginnings import spawned_seeds
from collectors.ensembles.measures.gradients import Losses, loss_parts
from collectors.ensembles.measures.hessians import StackedHessians
from collectors.ensembles.measures.lanczos import StackedEigenvalues, stacked_lanczos


def stacked_top_eigenvalue(
    losses: Losses | Sequence[Losses],
    parameters: Mapping[str, Tensor],
    *,
    seed: int,
    member_seeds: Sequence[int] | None = None,
    scale: Mapping[str, Tensor] | None = None,
    tolerance: float = 1e-2,
    max_products: int = 60,
) -> StackedEigenvalues:
    r"""Algebraically largest eigenvalue of every member's Hessian, by one Lanczos run for all.

    .. math:: \lambda_{\max}(H_m) \quad\mathrm{or}\quad \lambda_{\max}(D_m H_m D_m), \qquad
              H_m = \nabla^2 L_m(\theta_m)

    Parameters
    ----------
    losses : callable, or sequence of callable
        From parameters to losses, shape (members,), a member's loss of its own parameters alone,
        twice differentiable. Several are parts of the data with as many examples each, and their
        mean is the loss: one part after the other is held in memory, and each product computes
        them anew.
    parameters : mapping of str to Tensor
        Each of shape (members, ...), p numbers a member.
    seed : int
        Of the start vectors, at least 0.
    member_seeds : sequence of int, optional
        One a member, at least 0: with `seed` they decide its start vector. Without them the
        place in the stack does.
    scale : mapping of str to Tensor, optional
        Diagonals D, of the parameters' names and shapes; the identity if None. With
        ``{k: p.abs() for k, p in parameters.items()}`` the matrix is the Hessian by u at u = 0 of
        L(theta + abs(theta) u): curvature for moves relative to each weight.
    tolerance : float
        A member has converged when its Ritz residual is below the tolerance times its Ritz
        value's size, or below rounding, and with probability 0.999 over start vectors no
        eigenvalue is larger by more than that.
    max_products : int
        Give up, with a warning, after so many products.

    Returns
    -------
    StackedEigenvalues
        The largest in value, not in size. A member's result is what it is when it converges, and
        does not depend on the others, but for rounding.

    Raises
    ------
    ConfigurationError
        If tolerance or max_products are out of range, there are not as many member seeds as
        members, or the shapes do not fit.

    Warns
    -----
    RuntimeWarning
        If a member whose matrix is finite has not converged after `max_products`.

    Notes
    -----
    Lanczos with full re-orthogonalisation, each member with its own space; the run ends when all
    have converged (see `stacked_lanczos`). Bias: a Ritz value never exceeds the eigenvalue that it
    approaches; the error is about residual^2 / gap, far below the tolerance where the eigenvalue
    stands apart. The residual alone would be met by the second eigenvalue where the start holds
    little of the first: of 160 graph networks measured at a tolerance of 0.02, 4% were off by up
    to 13%, where `converged` now asks for two to four products more and all are right to 1e-5.

    With D = diag(abs(theta)) the value does not change when layers of a rectifier network are
    scaled up and down so that the function stays. It is the worst case to second order of
    adaptive sharpness (max of L(theta + D u) - L(theta) over norms of u up to rho is
    rho^2 / 2 times it where the gradient vanishes; Kwon, Kim, Park and Choi 2021, "ASAM", section
    3, operator abs(w)). The relative flatness of Petzka, Kamp, Adilova, Sminchisescu and Boley
    2021 has the same aim and is another quantity: a sum over pairs of neurons of one layer of
    scalar product times trace of a Hessian block.

    Cost: one gradient and as many Hessian-vector products of the whole stack as the slowest
    member needs (at least a gradient each; with several parts a gradient more). Memory: a
    vector of p for each member and product, so products x members x p numbers: 400 graph networks
    of p = 8,000 and 30 products, 0.4 GB in float32; 8 transformers of p = 11 million and 12
    products, 4.2 GB.

    Source: Golub and Van Loan, Matrix Computations, section 10.1 (residual bound 10.1.3); for the
    probability see `collectors.curvature.hidden`.

    Examples
    --------
    >>> curvature = torch.tensor([[2.0, -5.0], [1.0, 4.0]])
    >>> losses = lambda p: (curvature * p["w"] ** 2).sum(1) / 2
    >>> found = stacked_top_eigenvalue(losses, {"w": torch.ones(2, 2)}, seed=0)
    >>> [round(value, 4) for value in found.values.tolist()], found.products.tolist()
    ([2.0, 4.0], [2, 2])
    """
    if not 0 < tolerance < 1 or max_products < 1:
        raise ConfigurationError(
            "the tolerance must be between 0 and 1 and max_products at least 1; got "
            f"{tolerance} and {max_products}"
        )
    product = StackedHessians(loss_parts(losses), parameters, scale)
    labels = list(range(product.members) if member_seeds is None else member_seeds)
    if len(labels) != product.members or min(seed, *labels) < 0:
        raise ConfigurationError(
            f"expected a seed and {product.members} member seeds, all at least 0; got {seed} and "
            f"{labels}"
        )
    start = _starts(seed, labels, product.size).to(product.finite.device, product.dtype)
    found = stacked_lanczos(product, start, tolerance=tolerance, max_products=max_products)
    found = found.only(product.finite)
    _warn(found)
    return found


def _starts(seed: int, labels: Sequence[int], size: int) -> Tensor:
    """A normal vector a member, the same in every type and on every device."""
    return torch.stack([_start(seed, label, size) for label in labels])


@functools.lru_cache(maxsize=16)
def _start(seed: int, label: int, size: int) -> Tensor:
    """Kept from run to run: drawing one of a large network takes as long as its products."""
    generator = torch.Generator().manual_seed(spawned_seeds([seed, label])[0])
    return torch.randn(size, generator=generator)


def _warn(found: StackedEigenvalues) -> None:
    missed = ~found.converged & found.values.isfinite()
    if missed.any():
        share = float((found.residuals[missed] / found.values[missed].abs()).max())
        warnings.warn(
            f"{int(missed.sum())} of {len(missed)} top eigenvalues have residuals above the "
            f"tolerance after {int(found.products.max())} products, up to {share:.2g} of their "
            "size: raise max_products or the tolerance",
            RuntimeWarning,
            stacklevel=3,
        )
