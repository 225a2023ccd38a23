"""Norms of the parameters of many networks at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.measures.gradients import count_members, squared_norms


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
    Exact, in float64, no gradient evaluated. The largest singular value is the root of the largest
    eigenvalue of the Gram matrix of the shorter side, of the matrix divided by its largest entry:
    its relative error is of the order of float64's rounding. The product overflows in deep
    networks; its logarithm does not, and is minus infinity where a matrix is zero. The product
    bounds the Lipschitz constant of a chain of these matrices and activations that stretch
    nothing; where a network has skip connections, attention or normalisation it is a product over
    layers, and no bound. Sources: see `collectors.complexity.norms` and
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
    spectral = torch.stack([_spectral_norms(parameters[k]) for k in names])
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


def _spectral_norms(stacked: Tensor) -> Tensor:
    """Largest singular value of each member's matrix; NaN where it is not finite."""
    matrices = stacked.detach().double()
    largest = matrices.abs().amax((1, 2))
    usable = largest.isfinite() & (largest > 0)
    size = torch.where(usable, largest, 1.0)[:, None, None]
    matrices = torch.where(usable[:, None, None], matrices / size, 0.0)
    if matrices.shape[1] < matrices.shape[2]:
        matrices = matrices.mT
    top = torch.linalg.eigvalsh(matrices.mT @ matrices)[:, -1]
    return (torch.where(usable, top.clamp(min=0).sqrt(), 1.0) * largest).cpu()
