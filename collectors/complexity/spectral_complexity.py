"""Bartlett's spectral complexity, the number that margins are normalised by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, Inputs, check_repeatable
from collectors.complexity.linear_maps import LinearCall, linear_calls
from collectors.complexity.spectral import row_norm_sum, spectral_norms


@dataclass(frozen=True, slots=True)
class SpectralComplexity:
    """Spectral complexity of a network, in its two factors.

    Attributes
    ----------
    product : float
        Product of the layers' operator norms.
    correction : float
        ``(sum (|A^T - M^T|_{2,1} / sigma)^{2/3})^{3/2}``.
    """

    product: float
    correction: float

    @property
    def value(self) -> float:
        """Spectral complexity ``R_A``, in output a unit of input."""
        return self.product * self.correction

    def normalize(self, margins: Tensor, size: float) -> Tensor:
        """Normalise output margins as in Bartlett et al.'s figures.

        Parameters
        ----------
        margins : Tensor, shape (n,)
            Output margins.
        size : float
            Norm of an example: ``input_size`` of the training inputs.

        Returns
        -------
        Tensor, shape (n,)
            ``margin / (R_A size)``, without unit.
        """
        return margins / (self.value * size)


def spectral_complexity(
    model: nn.Module,
    data: Data | Inputs,
    *,
    generator: torch.Generator,
    start: Mapping[str, Tensor] | None = None,
    tolerance: float = 1e-6,
) -> SpectralComplexity:
    r"""Spectral complexity of a chain of layers.

    .. math:: R_A = \Bigl(\prod_\ell \rho_\ell \sigma_\ell\Bigr) \Bigl(\sum_\ell
              \frac{\|A_\ell^\top - M_\ell^\top\|_{2,1}^{2/3}}{\sigma_\ell^{2/3}}\Bigr)^{3/2}

    with Lipschitz constants ``rho = 1`` (rectifiers, max-pooling).

    Parameters
    ----------
    model : Module
        The network, measured in eval mode.
    data : tuple (inputs, targets), or iterable of such, or the inputs
        One example or more; only the shape of the first batch is used. A tensor or a mapping is
        the inputs themselves.
    generator : Generator
        Draws the start vectors of `spectral_norms`.
    start : mapping of str to Tensor, optional
        Parameters before training, for the reference matrices M; zero without it. The reference
        of a batch normalisation is zero always.
    tolerance : float
        Relative residual of the operator norms.

    Returns
    -------
    SpectralComplexity
        The product and the correction.

    Raises
    ------
    ConfigurationError
        If a layer with parameters is no linear map, a convolution pads by reflection or
        replication, or `start` does not hold a layer's weight.

    Notes
    -----
    Matrices of convolutions are those of the operator on the image, not of the kernel: the rows
    of every place count. Exact but for the operator norms' residual. The bound that it comes
    from holds for chains: with skip connections the number is none of a theorem.

    Source: Bartlett, Foster and Telgarsky 2017, "Spectrally-normalized margin bounds for neural
    networks", equation 1.2, whose plots divide margins by ``R_A |X|_F / n``. Here it is
    ``R_A |X|_F / sqrt(n)``, which does not depend on the number of examples.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 1, bias=False))
    >>> _ = model[0].weight.detach().copy_(torch.tensor([[3.0, 4.0]]))
    >>> found = spectral_complexity(model, torch.ones(1, 2), generator=torch.Generator())
    >>> round(found.product, 6), round(found.correction, 6)
    (5.0, 1.0)
    """
    check_repeatable(data, "data")
    norms = spectral_norms(model, data, generator=generator, tolerance=tolerance)
    if norms.left_out:
        raise ConfigurationError(
            f"spectral complexity needs linear layers alone; {', '.join(norms.left_out)} "
            "is none: give it the part of the network without"
        )
    calls = linear_calls(model, data)[0]
    parts = []
    for one, norm in zip(calls, norms.norms, strict=True):
        distance = row_norm_sum(one, _difference(one, start))
        parts.append(0.0 if distance == 0 else (distance / norm.value) ** (2 / 3))
    return SpectralComplexity(norms.product, math.fsum(parts) ** 1.5)


def _difference(one: LinearCall, start: Mapping[str, Tensor] | None) -> Tensor | None:
    """Weights minus those before training; None for those that have no reference."""
    if start is None or one.scales() is not None:
        return None
    weight: Any = one.layer.weight
    name = f"{one.name}.weight".lstrip(".")
    if name not in start or start[name].shape != weight.shape:
        raise ConfigurationError(
            f"the start does not hold {name!r} in shape {tuple(weight.shape)}: take "
            "copy_parameters of the same network before training"
        )
    return weight.detach().double() - start[name].detach().to(weight.device).double()
