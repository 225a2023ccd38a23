"""Sharpness: the largest eigenvalue of the Hessian of the training loss."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.curvature.hidden import none_above
from collectors.orthogonality import outside


@dataclass(frozen=True, slots=True)
class Eigenvalue:
    """One eigenvalue with what certifies it.

    Attributes
    ----------
    value : float
        Ritz value: loss a squared unit of parameter; NaN where the Hessian is not finite.
    residual : float
        ``|H v - value v|`` of the unit Ritz vector v: some eigenvalue of H lies within this
        distance of `value`, up to rounding (about machine epsilon times ``|H|``).
    products : int
        Hessian-vector products spent.
    converged : bool
        Whether the residual fell below the tolerance, and no eigenvalue is larger by more than
        that but with probability 0.001 over starts.
    """

    value: float
    residual: float
    products: int
    converged: bool


def top_eigenvalue(
    product: Callable[[Tensor], Tensor],
    start: Tensor,
    *,
    tolerance: float = 1e-3,
    max_products: int = 200,
) -> Eigenvalue:
    r"""Algebraically largest eigenvalue by Lanczos with full re-orthogonalisation.

    .. math:: \lambda_{\max}(H) = \max_{|v| = 1} v^\top H v

    Parameters
    ----------
    product : callable
        v -> H v on vectors of shape (p,), H symmetric.
    start : Tensor, shape (p,)
        Start vector, not zero, of a direction drawn uniformly: independent normal entries from
        a generator of your own.
    tolerance : float
        Stop when the Ritz residual is below tolerance times the Ritz value's size, or below
        rounding (ten machine epsilons times the largest size of a Ritz value), and with
        probability 0.999 over starts no eigenvalue is larger by more than that.
    max_products : int
        Give up, with a warning, after so many products.

    Returns
    -------
    Eigenvalue
        The largest in value, not in size: a more negative eigenvalue does not replace it.

    Raises
    ------
    ConfigurationError
        If the start vector is zero or no vector, or max_products < 1.

    Warns
    -----
    RuntimeWarning
        If the value has not converged after `max_products`, or H is not finite.

    Notes
    -----
    Bias: a Ritz value never exceeds the eigenvalue that it approaches. Two things certify it, in
    exact arithmetic. The residual: *an* eigenvalue is within it. The bound of
    `collectors.curvature.hidden.none_above`: a larger one is hidden only where the start holds
    almost nothing of its eigenvector, with probability 0.001 at the most over starts, whatever the
    matrix. The residual alone is met by the second eigenvalue where it appears before the first.
    When the space becomes invariant, or is all of R^p, every eigenvalue has been seen.

    Cost: one Hessian-vector product a step, 13 to 36 for a tolerance of 1e-3 on networks
    measured, each 1 to 2.5 gradients; memory for as many vectors of p.

    Source: Golub and Van Loan, Matrix Computations, section 10.1 (residual bound 10.1.3); van
    Dorsselaer, Hochstenbach and van der Vorst 2001, "Computing probabilistic bounds for extreme
    eigenvalues of symmetric matrices with the Lanczos method".

    Examples
    --------
    >>> diagonal = torch.tensor([2.0, -5.0, 1.0])
    >>> round(top_eigenvalue(lambda v: diagonal * v, torch.ones(3)).value, 5)
    2.0
    """
    _check(start, max_products)
    basis = [start / start.norm()]
    alphas: list[float] = []
    betas: list[float] = []
    limit = min(max_products, start.numel())
    rounding = 10 * torch.finfo(start.dtype).eps
    while True:
        image = product(basis[-1])
        alphas.append(float(image @ basis[-1]))
        image = outside(image, torch.stack(basis))
        beta = float(image.norm())
        if not (math.isfinite(alphas[-1]) and math.isfinite(beta)):
            _warn("the Hessian is not finite: did training diverge?")
            return Eigenvalue(math.nan, math.nan, len(alphas), False)
        value, residual, size = _top_ritz(alphas, betas, beta)
        allowed = max(tolerance * abs(value), rounding * size)
        betas.append(beta)
        spanned = beta <= rounding * size or len(alphas) == start.numel()
        if residual <= allowed and (
            spanned or _none_above(alphas, betas, value + allowed, start.numel())
        ):
            return Eigenvalue(value, residual, len(alphas), True)
        if len(alphas) >= limit:
            break
        basis.append(image / beta)
    doubt = ", and a larger one may be hidden," if residual <= allowed else ""
    _warn(
        f"top eigenvalue {value:.3g} has residual {residual:.2g}{doubt} after {limit} products: "
        "raise max_products or the tolerance"
    )
    return Eigenvalue(value, residual, len(alphas), False)


def _check(start: Tensor, max_products: int) -> None:
    if start.ndim != 1 or not bool(start.any()):
        raise ConfigurationError(
            f"the start must be a vector that is not zero; got shape {tuple(start.shape)}"
            f"{'' if bool(start.any()) else ', all zero'}: draw it from a generator"
        )
    if max_products < 1:
        raise ConfigurationError(f"max_products must be at least 1; got {max_products}")


def _warn(message: str) -> None:
    """Warn at the line that called `top_eigenvalue`."""
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def _none_above(alphas: list[float], betas: list[float], height: float, size: int) -> bool:
    return bool(none_above(np.array([alphas]), np.array([betas]), np.array([height]), size)[0])


def _top_ritz(alphas: list[float], betas: list[float], beta: float) -> tuple[float, float, float]:
    """Largest eigenvalue of the tridiagonal matrix, its residual, and the largest size of one."""
    T = torch.diag(torch.tensor(alphas, dtype=torch.float64))
    off = torch.tensor(betas, dtype=torch.float64)
    T = T + torch.diag(off, 1) + torch.diag(off, -1)
    values, vectors = torch.linalg.eigh(T)
    residual = abs(beta * float(vectors[-1, -1]))
    return float(values[-1]), residual, float(values.abs().max())
