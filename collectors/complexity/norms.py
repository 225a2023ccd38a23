"""Norms of a network's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.parameters import layer_of


def weight_norm(parameters: Iterable[Tensor]) -> float:
    r"""L2 norm of all parameters together.

    .. math:: \|\theta\|_2 = \sqrt{\textstyle\sum_k \theta_k^2}

    Parameters
    ----------
    parameters : iterable of Tensor
        Of any shapes.

    Returns
    -------
    float
        In units of a parameter; not finite where a parameter is not.

    Notes
    -----
    Summed in float64; exact, no gradient evaluated. It depends on the parametrisation: in a
    rectifier network one layer can be scaled up and the next one down without a change of the
    function (Neyshabur et al. 2015, "Norm-based capacity control in neural networks").

    Examples
    --------
    >>> import torch
    >>> weight_norm([torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])])
    5.0
    """
    norm: float = float(sum(p.detach().double().square().sum() for p in parameters)) ** 0.5
    return norm


def copy_parameters(model: nn.Module) -> dict[str, Tensor]:
    """Copy a network's parameters, to measure the distance from them later.

    Parameters
    ----------
    model : Module
        The network, before training.

    Returns
    -------
    dict of str to Tensor
        Copies by name, a shared parameter once.

    Examples
    --------
    >>> model = nn.Linear(1, 1)
    >>> start = copy_parameters(model)
    >>> distance(model, start)
    0.0
    """
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def distance(model: nn.Module, start: Mapping[str, Tensor]) -> float:
    r"""L2 distance of a network's parameters from where they started.

    .. math:: \|\theta - \theta_0\|_2

    Parameters
    ----------
    model : Module
        The network.
    start : mapping of str to Tensor
        Its parameters then, as `copy_parameters` gives them; a ``state_dict`` will do.

    Returns
    -------
    float
        In units of a parameter.

    Raises
    ------
    ConfigurationError
        If a parameter is missing from `start` or has another shape.

    Notes
    -----
    Summed in float64; exact, no gradient evaluated. Source: Nagarajan and Kolter 2019,
    "Generalization in deep networks: the role of distance from initialization".

    Examples
    --------
    >>> import torch
    >>> model = nn.Linear(2, 1, bias=False)
    >>> start = {"weight": model.weight.detach() - torch.tensor([[3.0, 4.0]])}
    >>> round(distance(model, start), 5)
    5.0
    """
    total = 0.0
    for name, p in model.named_parameters():
        if name not in start or start[name].shape != p.shape:
            came = tuple(start[name].shape) if name in start else "nothing"
            raise ConfigurationError(
                f"the start must hold parameter {name!r} of shape {tuple(p.shape)}; got {came}: "
                "take copy_parameters of the same network before training"
            )
        difference = p.detach().double() - start[name].detach().to(p.device).double()
        total += float(difference.square().sum())
    return float(total**0.5)


def frobenius_norms(model: nn.Module) -> dict[str, float]:
    r"""Measure the Frobenius norm of each layer's parameters.

    .. math:: \|\theta_\ell\|_F

    Parameters
    ----------
    model : Module
        The network.

    Returns
    -------
    dict of str to float
        By the layer's dotted name, in units of a parameter; a shared parameter counts in the
        first layer that has it. Their squares sum to the square of `weight_norm`.

    Notes
    -----
    Summed in float64; exact, no gradient evaluated.

    Examples
    --------
    >>> import torch
    >>> model = nn.Sequential(nn.Linear(1, 1, bias=False))
    >>> _ = nn.init.constant_(model[0].weight, -2.0)
    >>> frobenius_norms(model)
    {'0': 2.0}
    """
    layers: dict[str, list[Tensor]] = {}
    for name, p in model.named_parameters():
        layers.setdefault(layer_of(name), []).append(p)
    return {layer: weight_norm(parts) for layer, parts in layers.items()}
