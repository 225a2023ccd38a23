"""Spectral norms: how far each layer can stretch its input."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data, Inputs
from collectors.complexity.linear_maps import LinearCall, linear_calls
from collectors.complexity.singular_value import SingularValue, top_singular_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DENSE = 2048
"""Matrices with a side up to this are decomposed; larger ones go by Lanczos."""


@dataclass(frozen=True, slots=True)
class SpectralNorms(Shown):
    """Operator norm of every linear layer as it was called.

    Attributes
    ----------
    layers : tuple of str
        Names in the order of calls.
    norms : tuple of SingularValue
        Their norms; those of dense and diagonal layers are exact, with no products.
    left_out : tuple of str
        Layers with parameters that are not linear in their input: no norm speaks for them.
    """

    layers: tuple[str, ...]
    norms: tuple[SingularValue, ...]
    left_out: tuple[str, ...]

    @property
    def sum_of_logs(self) -> float:
        """Sum of the natural logarithms: the log of the product, which may overflow itself."""
        values = [x.value for x in self.norms]
        return -math.inf if 0.0 in values else math.fsum(math.log(v) for v in values)

    @property
    def product(self) -> float:
        """Product of the norms."""
        return math.prod(x.value for x in self.norms)

    @property
    def sum(self) -> float:
        """Sum of the norms."""
        return math.fsum(x.value for x in self.norms)

    def summary(self) -> str:
        """Say what the norms come to, and which layers have none."""
        lines = [
            f"{len(self.norms)} spectral norms: sum {self.sum:.4g}, sum of logarithms "
            f"{self.sum_of_logs:.4g}"
        ]
        lines += [f"{n}: {x.value:.4g}" for n, x in zip(self.layers, self.norms, strict=True)]
        if self.left_out:
            lines.append(f"not linear, left out: {', '.join(self.left_out)}")
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the norm of each layer, in order."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame().rename(columns={"layer": "label"})
        return plot_dots(frame, xlabel="spectral norm (output a unit of input)", log=True, ax=ax)

    def to_frame(self) -> pd.DataFrame:
        """Tidy frame, a row a call: layer, value, residual, products, converged."""
        rows = [(x.value, x.residual, x.products, x.converged) for x in self.norms]
        frame = pd.DataFrame(rows, columns=["value", "residual", "products", "converged"])
        frame.insert(0, "layer", list(self.layers))
        return frame


def spectral_norms(
    model: nn.Module,
    data: Data | Inputs,
    *,
    generator: torch.Generator,
    tolerance: float = 1e-6,
    max_products: int = 300,
) -> SpectralNorms:
    r"""Operator norms of the linear layers, of convolutions as operators on their images.

    .. math:: \sigma_\ell = \max_{|x| = 1} |A_\ell x|, \qquad
              \prod_\ell \sigma_\ell, \quad \sum_\ell \log \sigma_\ell

    Parameters
    ----------
    model : Module
        The network, measured in eval mode.
    data : tuple (inputs, targets), or iterable of such, or the inputs
        One example or more; the shape of the first batch decides the operators of the
        convolutions. A tensor or a mapping is the inputs themselves.
    generator : Generator
        Draws the start vectors.
    tolerance : float
        Relative residual at which the norm of a convolution is accepted.
    max_products : int
        Products with each convolution at most.

    Returns
    -------
    SpectralNorms
        A row a call of a linear layer, a convolution (plain or transposed) or a batch
        normalisation by its running statistics, which is a diagonal of its own.

    Raises
    ------
    ConfigurationError
        If the network calls no such layer.

    Notes
    -----
    Units: output a unit of input. Dense layers are exact; a convolution's value never exceeds
    its norm and has a certified residual (see `top_singular_value`). In float64. The norm of the
    kernel reshaped to a matrix is another quantity (2.53 against 3.80 in one layer measured).

    The product bounds the Lipschitz constant of a chain of these layers and activations that
    stretch nothing, such as rectifiers and max-pooling. For a network with skip connections it
    is the product over layers, and no bound. Layers in `left_out` have no part in it.

    Cost: no gradient; 10 to 60 pairs of convolutions of one example a layer.

    Sources: Bartlett, Foster and Telgarsky 2017, "Spectrally-normalized margin bounds"; Sedghi,
    Gupta and Long 2019, "The singular values of convolutional layers", whose formula for
    circular padding the tests hold this against.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU())
    >>> _ = model[0].weight.detach().copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    >>> found = spectral_norms(model, torch.ones(1, 2), generator=torch.Generator())
    >>> round(found.product, 6)
    3.0
    """
    calls, left_out = linear_calls(model, data)
    if not calls:
        raise ConfigurationError(
            "the network calls no linear layer, convolution or batch normalisation: it has no "
            "spectral norms"
        )
    norms = tuple(_norm(c, generator, tolerance, max_products) for c in calls)
    return SpectralNorms(tuple(c.name for c in calls), norms, tuple(left_out))


def _norm(
    one: LinearCall, generator: torch.Generator, tolerance: float, max_products: int
) -> SingularValue:
    scales, matrix = one.scales(), one.dense()
    if scales is not None:
        return _exact(float(scales.abs().max()))
    if matrix is not None and min(matrix.shape) <= DENSE:
        finite = bool(torch.isfinite(matrix).all())
        return _exact(float(torch.linalg.matrix_norm(matrix, 2)) if finite else math.nan)
    shape = (matrix.shape[1],) if matrix is not None else one.shape
    weight: Any = one.layer.weight
    start = torch.randn(math.prod(shape), generator=generator, dtype=torch.float64)
    start = start.to(weight.device)
    if not bool(weight.any()):
        return _exact(0.0)
    top = functools.partial(top_singular_value, tolerance=tolerance, max_products=max_products)
    if matrix is not None:
        return top(matrix.mv, matrix.T.mv, start)
    with torch.no_grad():
        image = one.apply(start.reshape(shape)).shape
        return top(
            lambda v: one.apply(v.reshape(shape)).reshape(-1),
            lambda u: one.transpose(u.reshape(image)).reshape(-1),
            start,
        )


def _exact(value: float) -> SingularValue:
    return SingularValue(value, 0.0, 0, not math.isnan(value))


def row_norm_sum(one: LinearCall, weight: Tensor | None = None) -> float:
    r"""Sum over outputs of the norm of the weights that come in: ``|A^T|_{2,1}``.

    Parameters
    ----------
    one : LinearCall
        A call of a linear layer, a convolution or a batch normalisation.
    weight : Tensor, optional
        Weights in place of the layer's own, such as their difference from the start; not for a
        batch normalisation.

    Returns
    -------
    float
        Exact, in float64; a layer applied at several places counts the rows of each.

    Raises
    ------
    ConfigurationError
        If a convolution meets one input twice under its kernel, as with reflected padding.

    Examples
    --------
    >>> layer = nn.Linear(2, 1, bias=False)
    >>> row_norm_sum(LinearCall("0", layer, (2,)), torch.tensor([[3.0, 4.0]]))
    5.0
    """
    layer: Any = one.layer
    scales = one.scales()
    if scales is not None:
        return float(scales.abs().sum()) * math.prod(one.shape[1:])
    kernel = (layer.weight.detach() if weight is None else weight).double()
    if isinstance(layer, nn.Linear):
        return float(kernel.norm(dim=1).sum()) * math.prod(one.shape[:-1])
    reach = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    wraps = any(r > size for r, size in zip(reach, one.shape[1:], strict=True))
    if layer.padding_mode not in ("zeros", "circular") or (
        layer.padding_mode == "circular" and wraps
    ):
        raise ConfigurationError(
            f"layer {one.name!r} pads by {layer.padding_mode!r} and may meet one input twice: the "
            "rows of its matrix are not those of its kernel, and their norms are not known here"
        )
    ones = torch.ones(one.shape, dtype=torch.float64, device=kernel.device)
    return float(one.apply(ones, kernel.square()).clamp(min=0).sqrt().sum())
