"""Path norm: the weights multiplied along every path from an input to an output."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, Inputs, first_inputs, take
from collectors.calls import call
from collectors.complexity.path_rules import Paths, PathsUndefined
from collectors.model_state import measuring


def path_norm(model: nn.Module, data: Data | Inputs) -> float:
    r"""L2 path norm: root of the sum over paths of the squared product of their weights.

    .. math:: \phi_2 = \Bigl( \sum_{\mathrm{paths}\ \pi}\ \prod_{e \in \pi} w_e^2 \Bigr)^{1/2}

    Parameters
    ----------
    model : Module
        A network of linear layers, convolutions, batch normalisations, rectifiers, pooling,
        sums and reshapes, measured in eval mode; layers or functions of torch alike.
    data : tuple (inputs, targets), or iterable of such, or the inputs
        One example or more, of floating point: only the shape of the first batch is used. A
        tensor or a mapping is the inputs themselves.

    Returns
    -------
    float
        In units of output a unit of input, infinite where it overflows float64.

    Raises
    ------
    ConfigurationError
        If an operation has no paths, such as tanh, softmax, attention or the product of two
        activations, or the inputs are indices; the message names it.

    Notes
    -----
    Defined as in Neyshabur, Tomioka and Srebro 2015, "Norm-based capacity control in neural
    networks", and for today's layers as in Gonon, Brisebarre, Riccietti and
    Gribonval 2024, "A path-norm toolkit for modern networks":

    - a path begins at an input or at a bias, which is an edge from a unit that is always one;
    - every use of a convolution's kernel is an edge, and zeros in the padding have no paths;
    - batch normalisation is folded: a scale ``gamma / sqrt(v + eps)`` and the bias that is left;
    - rectifiers, leaky ones, dropout and identity pass every path on with weight one;
    - max-pooling passes every one of its inputs on; average pooling has edges ``1 / m``;
    - skip connections add paths; multiplying by a number is an edge.

    It is one forward pass of ones through the network with every weight squared; exact, in
    float64; cost: one forward pass of one example. Unlike the weight norm it does not change
    when one layer of a rectifier network is scaled up and the next one down.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False))
    >>> _ = model[0].weight.detach().copy_(torch.tensor([[3.0, 4.0]]))
    >>> _ = nn.init.constant_(model[2].weight, -2.0)
    >>> path_norm(model, torch.zeros(1, 2))
    10.0
    """
    with measuring(model, "eval"), torch.no_grad():
        try:
            inputs = take(first_inputs(data, model), 0, 1)
            outputs = call(model, pytree.tree_map(_ones, inputs))
        except PathsUndefined as error:
            raise ConfigurationError(
                f"the path norm is not defined for {error}: it needs linear layers, "
                "convolutions, batch normalisation, rectifiers, pooling and sums; give it the "
                "part of the network that has only these"
            ) from None
    if not isinstance(outputs, Paths):
        raise ConfigurationError(
            "the path norm needs one tensor as the network's output that depends on its inputs; "
            f"got {type(outputs).__name__}"
        )
    return math.sqrt(float(outputs.as_subclass(Tensor).sum()))


def _ones(x: Any) -> Any:
    if not isinstance(x, Tensor):
        return x
    if not x.is_floating_point():
        raise PathsUndefined(f"inputs of type {x.dtype}, which are indices")
    return torch.ones(x.shape, dtype=torch.float64, device=x.device).as_subclass(Paths)
