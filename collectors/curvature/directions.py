"""Directions in which a network is moved, measured against the sizes of its filters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Direction = dict[str, Tensor]
"""A move of every parameter, by name and in its shape."""


def filter_norms(parameter: Tensor, entries: Tensor) -> Tensor:
    """Norm of each filter: what belongs to one output channel or neuron, the first axis.

    Parameters
    ----------
    parameter : Tensor, shape (f, ...)
        A weight of two axes or more.
    entries : Tensor of bool, shape (f, ...)
        The entries that count.

    Returns
    -------
    Tensor, shape (f,)
        In units of a parameter.

    Examples
    --------
    >>> w = torch.tensor([[3.0, 4.0], [1.0, 2.0]])
    >>> filter_norms(w, torch.tensor([[True, True], [True, False]])).tolist()
    [5.0, 1.0]
    """
    return torch.linalg.vector_norm((parameter * entries).flatten(1), dim=1)


def filter_normalised(
    parameters: Mapping[str, nn.Parameter],
    direction: Mapping[str, Tensor],
    kept: Mapping[str, Tensor],
) -> Direction:
    r"""Give each filter of a direction the norm of the network's own filter.

    .. math:: u_{ij} \leftarrow \frac{\|\theta_{ij}\|}{\|u_{ij}\|} \, u_{ij}

    Parameters
    ----------
    parameters : mapping of str to Parameter
        theta, by name.
    direction : mapping of str to Tensor
        u, in the same shapes.
    kept : mapping of str to Tensor of bool
        Entries that may move; those of the direction that may not are set to zero first.

    Returns
    -------
    dict of str to Tensor
        In units of a parameter. Parameters of one axis or none (biases, scales and shifts of
        normalisation) do not move, as in Li et al.'s figures. A filter that is zero does not move
        either.

    Notes
    -----
    Filter j of layer i is slice j of the first axis: an output channel, a neuron, a row of an
    embedding; of a transposed convolution it is an input channel.

    Source: Li, Xu, Taylor, Studer and Goldstein 2018, "Visualizing the loss landscape of neural
    nets", section 4; Shah et al., causal pruning, equation 20.

    Examples
    --------
    >>> weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    >>> kept = {"w": torch.ones(1, 2, dtype=torch.bool)}
    >>> filter_normalised({"w": weight}, {"w": torch.tensor([[0.0, 2.0]])}, kept)["w"].tolist()
    [[0.0, 5.0]]
    """
    return {
        name: _normalised(p.detach(), direction[name], kept[name])
        for name, p in parameters.items()
    }


def random_direction(
    parameters: Mapping[str, nn.Parameter],
    kept: Mapping[str, Tensor],
    generator: torch.Generator,
    *,
    apart: Mapping[str, Tensor] | None = None,
) -> Direction:
    """Draw a filter-normalised direction from the normal distribution.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        By name.
    kept : mapping of str to Tensor of bool
        Entries that may move.
    generator : Generator
        Of any device.
    apart : mapping of str to Tensor, optional
        A direction to be orthogonal to, filter by filter, so that the norms stay; a filter that
        has a single entry cannot be, and does not move.

    Returns
    -------
    dict of str to Tensor

    Examples
    --------
    >>> parameters = dict(nn.Linear(4, 2).named_parameters())
    >>> kept = {name: torch.ones_like(p, dtype=torch.bool) for name, p in parameters.items()}
    >>> u = random_direction(parameters, kept, torch.Generator().manual_seed(0))
    >>> bool(torch.allclose(u["weight"].norm(dim=1), parameters["weight"].norm(dim=1)))
    True
    """
    drawn = {}
    for name, p in parameters.items():
        noise = torch.randn(p.shape, generator=generator, device=generator.device, dtype=p.dtype)
        u = noise.to(p.device) * kept[name]
        drawn[name] = u if apart is None or p.ndim < 2 else _outside(u, apart[name])
    return filter_normalised(parameters, drawn, kept)


def cosine(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> float:
    """Cosine of the angle between two directions; NaN where one is zero.

    Parameters
    ----------
    first, second : mapping of str to Tensor
        With the same names and shapes.

    Returns
    -------
    float

    Examples
    --------
    >>> cosine({"w": torch.tensor([1.0, 0.0])}, {"w": torch.tensor([1.0, 1.0])})
    0.7071067811865475
    """
    a = torch.cat([first[name].reshape(-1).double() for name in first])
    b = torch.cat([second[name].reshape(-1).double() for name in first])
    return float(a @ b / (a.norm() * b.norm()))


def _normalised(parameter: Tensor, direction: Tensor, kept: Tensor) -> Tensor:
    if parameter.ndim < 2:
        return torch.zeros_like(parameter)
    u = direction * kept
    lengths = torch.linalg.vector_norm(u.flatten(1), dim=1)
    factors = filter_norms(parameter, kept) / torch.where(lengths > 0, lengths, 1.0)
    return u * factors.view(-1, *[1] * (u.ndim - 1))


def _outside(direction: Tensor, apart: Tensor) -> Tensor:
    """Take from each filter its part along the same filter of another direction, twice."""
    u, v = direction.flatten(1), apart.flatten(1)
    sizes = torch.linalg.vector_norm(v, dim=1, keepdim=True)
    v = v / torch.where(sizes > 0, sizes, 1.0)
    before = torch.linalg.vector_norm(u, dim=1, keepdim=True)
    for _ in range(2):
        u = u - (u * v).sum(dim=1, keepdim=True) * v
    left = torch.linalg.vector_norm(u, dim=1, keepdim=True)
    rounding = 100 * torch.finfo(u.dtype).eps
    return torch.where(left > rounding * before, u, 0.0).view_as(direction)
