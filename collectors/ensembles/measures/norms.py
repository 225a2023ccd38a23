"""Norms of the parameters of many networks at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.measures.gradients import count_members, squared_norms
from collectors.ensembles.measures.lanczos import stacked_lanczos

DENSE = 64
"""Gram matrices with a side up to this are decomposed; larger ones go by Lanczos."""
TOLERANCE, GROWTH = 1e-6, 1.2
"""Relative residual of a squared singular value, and how much the spaces grow between looks."""


def stacked_norms(
    parameters: Mapping[str, Tensor],
    initial: Mapping[str, Tensor],
    *,
    matrices: Sequence[str] | None = None,
) -> dict[str, Tensor]:
    r"""Measure each member's weight norm, distance from the start and product of spectral norms.

    .. math:: \|\theta\|_2, \qquad \|\theta - \theta_0\|_2, \qquad
              \prod_\ell \sigma_{\max}(W_\ell)

    Parameters
    ----------
    parameters : mapping of str to Tensor
        Each of shape (members, ...).
    initial : mapping of str to Tensor
        The parameters at the start, of the same names and shapes.
    matrices : sequence of str, optional
        Names of the weight matrices of the product, each of shape (members, a, b). Without it,
        all parameters with two axes a member; those with one, such as biases, have no part.

    Returns
    -------
    dict of str to Tensor
        ``weight_norm``, ``distance``, ``spectral_product`` and ``log10_spectral_product``, each of
        float64 and shape (members,), on the CPU: the columns of a frame. NaN for a member whose
        parameters are not finite.

    Raises
    ------
    ConfigurationError
        If names or shapes differ, there is no matrix, or a parameter has more than two axes a
        member and `matrices` is None: the norm of a convolution is not that of its kernel.

    Notes
    -----
    In float64, no gradient evaluated. A largest singular value is the root of the largest
    eigenvalue of the Gram matrix of the shorter side, exact to rounding up to a side of 64. Beyond
    it comes from Lanczos, all matrices of one side together: it never exceeds the norm, and a
    singular value lies within 5e-7 of it, relatively. The product overflows in deep networks; its
    logarithm does not, and is minus infinity where a matrix is zero.

    The product bounds the Lipschitz constant of a chain of these matrices and activations that
    stretch nothing; where a network has skip connections, attention or normalisation it is a
    product over layers, and no bound. Sources: see `collectors.complexity.norms` and
    `collectors.complexity.spectral`, which measure one network, convolutions too.

    Examples
    --------
    >>> weights = torch.tensor([[[3.0, 0.0], [0.0, 4.0]]])
    >>> found = stacked_norms({"weight": weights}, {"weight": torch.zeros(1, 2, 2)})
    >>> [found[name].item() for name in ("weight_norm", "distance", "spectral_product")]
    [5.0, 5.0, 4.0]
    """
    members = count_members(parameters)
    _check_same(parameters, initial)
    names = _matrices(parameters, matrices)
    length = squared_norms(parameters).sqrt().cpu()
    apart = torch.zeros(members, dtype=torch.float64)
    for name, p in parameters.items():
        moved = p.detach().double() - initial[name].detach().to(p.device).double()
        apart += moved.reshape(members, -1).square().sum(1).cpu()
    spectral = _spectral_norms([parameters[k] for k in names])
    found = {
        "weight_norm": length,
        "distance": apart.sqrt(),
        "spectral_product": spectral.prod(0),
        "log10_spectral_product": spectral.log10().sum(0),
    }
    finite = length.isfinite() & apart.isfinite()
    return {name: torch.where(finite, values, math.nan) for name, values in found.items()}


def _check_same(parameters: Mapping[str, Tensor], initial: Mapping[str, Tensor]) -> None:
    wanted = {k: tuple(p.shape) for k, p in parameters.items()}
    came = {k: tuple(p.shape) for k, p in initial.items()}
    if wanted != came:
        raise ConfigurationError(
            f"the start must hold the parameters' names and shapes {wanted}; got {came}: "
            "stack the same networks before training"
        )


def _matrices(parameters: Mapping[str, Tensor], chosen: Sequence[str] | None) -> list[str]:
    """Names of the weight matrices."""
    axes = {k: p.ndim - 1 for k, p in parameters.items()}
    names = [k for k, n in axes.items() if n >= 2] if chosen is None else list(chosen)
    wrong = {k: axes.get(k, "missing") for k in names if axes.get(k) != 2}
    if wrong or not names:
        raise ConfigurationError(
            "the spectral product needs weight matrices, parameters with two axes a member; got "
            f"axes {wrong or axes}: name them with matrices=, or measure convolutions by "
            "collectors.complexity.spectral"
        )
    return names


def _spectral_norms(stacked: Sequence[Tensor]) -> Tensor:
    """Largest singular value of each matrix of each member, shape (matrices, members)."""
    scaled = [_scaled_gram(matrices) for matrices in stacked]
    by_side: dict[int, list[int]] = {}
    for place, (gram, _) in enumerate(scaled):
        by_side.setdefault(gram.shape[1], []).append(place)
    found = torch.empty(len(stacked), len(stacked[0]), dtype=torch.float64)
    for places in by_side.values():
        top = _top_eigenvalues(torch.cat([scaled[k][0] for k in places]))
        found[places] = top.clamp(min=0).sqrt().view(len(places), -1)
    return found * torch.stack([size for _, size in scaled])


def _scaled_gram(stacked: Tensor) -> tuple[Tensor, Tensor]:
    """Gram matrices of the shorter side of matrices divided by their largest entry, and that."""
    matrices = stacked.detach().double()
    largest = matrices.abs().amax((1, 2))
    usable = (largest.isfinite() & (largest > 0))[:, None, None]
    divided = torch.where(usable, matrices / largest[:, None, None], 0.0)
    if divided.shape[1] < divided.shape[2]:
        divided = divided.mT
    return divided.mT @ divided, largest.cpu()


def _top_eigenvalues(gram: Tensor) -> Tensor:
    members, side, _ = gram.shape
    if side <= DENSE:
        return torch.linalg.eigvalsh(gram)[:, -1].cpu()
    start = torch.randn(side, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return stacked_lanczos(
        lambda v: (gram @ v[:, :, None])[:, :, 0],
        start.to(gram.device).repeat(members, 1),
        tolerance=TOLERANCE,
        max_products=side,
        growth=GROWTH,
    ).values
