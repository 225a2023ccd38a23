"""Gradients of many networks at once, and the rise of their losses along them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError

Losses = Callable[[Mapping[str, Tensor]], Tensor]
"""From parameters, each of shape (members, ...), to the members' losses, shape (members,).

A member's loss depends on its own parameters alone, so the gradient of the sum holds every
member's own gradient, and the Hessian of the sum is block diagonal."""


def stacked_gradient(
    losses: Losses | Sequence[Losses], parameters: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    r"""Compute the gradients of all members by one backward pass.

    .. math:: \nabla_{\theta_m} L_m(\theta_m) = \nabla_{\theta_m} \sum_j L_j(\theta_j)

    Parameters
    ----------
    losses : callable, or sequence of callable
        From parameters to losses, shape (members,), a member's loss of its own parameters alone;
        several are parts of the data with as many examples each, and their mean is the loss. One
        part after the other is held in memory.
    parameters : mapping of str to Tensor
        Each of shape (members, ...).

    Returns
    -------
    gradients : dict of str to Tensor
        Each of shape (members, ...).
    losses : Tensor, shape (members,)
        The losses there.

    Raises
    ------
    ConfigurationError
        If there is no part or no parameter, the parameters differ in their number of members, or
        the losses have another shape.

    Notes
    -----
    A member whose loss is not finite has a gradient of its own that is not, and leaves those of
    the others as they are.

    Examples
    --------
    >>> found, losses = stacked_gradient(lambda p: p["w"] ** 2, {"w": torch.tensor([1.0, 3.0])})
    >>> found["w"].tolist(), losses.tolist()
    ([2.0, 6.0], [1.0, 9.0])
    """
    parts = loss_parts(losses)
    members = count_members(parameters)
    total: dict[str, Tensor] = {}
    summed = torch.zeros(())
    for place, part in enumerate(parts):
        leaves = {k: p.detach().requires_grad_() for k, p in parameters.items()}
        with torch.enable_grad():
            values = evaluate(part, leaves, members)
            found = derivatives(values, tuple(leaves.values()))
        values = values.detach()
        summed = values if place == 0 else summed + values
        for name, gradient in zip(leaves, found, strict=True):
            total[name] = total[name].add_(gradient) if place else gradient
    if len(parts) > 1:
        total = {k: g.div_(len(parts)) for k, g in total.items()}
    return total, summed / len(parts)


def stacked_loss_rise(
    losses: Losses | Sequence[Losses], parameters: Mapping[str, Tensor], *, rho: float = 0.05
) -> Tensor:
    r"""Rise of each member's loss after the step of SAM: a sharpness that needs no eigenvalue.

    .. math:: L(\theta + \rho\, g / |g|) - L(\theta), \qquad g = \nabla L(\theta)

    Parameters
    ----------
    losses : callable, or sequence of callable
        As for `stacked_gradient`.
    parameters : mapping of str to Tensor
        Each of shape (members, ...).
    rho : float
        Radius, in units of a parameter.

    Returns
    -------
    Tensor of float64, shape (members,)
        On the CPU; below zero where the loss falls there, 0 where the gradient vanishes, NaN where
        a loss or the gradient is not finite.

    Raises
    ------
    ConfigurationError
        If rho is not above 0 and finite, or as for `stacked_gradient`.

    Notes
    -----
    The `first_order` of `collectors.curvature.sam_sharpness`: a lower bound of the highest rise
    within the ball, exact to first order in rho. A difference of two losses keeps few digits of a
    small rise: some rounding of a loss in its own type remains. Cost: one gradient and one forward
    pass. Source: Foret, Kleiner, Mobahi and Neyshabur 2021, "Sharpness-aware minimization",
    equation 2.

    Examples
    --------
    >>> stacked_loss_rise(lambda p: p["w"] ** 2, {"w": torch.tensor([1.0, 0.0])}, rho=0.5).tolist()
    [1.25, 0.0]
    """
    if not 0 < rho < math.inf:
        raise ConfigurationError(f"rho must be above 0 and finite; got {rho}")
    parts = loss_parts(losses)
    gradients, at = stacked_gradient(parts, parameters)
    length = squared_norms(gradients).sqrt()
    reach = torch.where(length > 0, rho / length, 0.0)
    with torch.no_grad():
        moved = {k: p + gradients[k] * along(reach, p) for k, p in parameters.items()}
        values = [evaluate(part, moved, len(at)).double() for part in parts]
    rise = torch.stack(values).mean(0) - at.double()
    return torch.where(rise.isfinite() & length.isfinite(), rise, math.nan).cpu()


def loss_parts(losses: Losses | Sequence[Losses]) -> list[Losses]:
    """List the parts of a loss.

    Parameters
    ----------
    losses : callable, or sequence of callable
        One part, or several.

    Returns
    -------
    list of callable
        One or more.

    Raises
    ------
    ConfigurationError
        If there is none.

    Examples
    --------
    >>> len(loss_parts(lambda parameters: parameters["w"]))
    1
    """
    parts = [losses] if callable(losses) else list(losses)
    if not parts:
        raise ConfigurationError("the losses have no part: give one callable at least")
    return parts


def count_members(parameters: Mapping[str, Tensor]) -> int:
    """Count the members of stacked parameters.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        Each of shape (members, ...).

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    ConfigurationError
        If there is no parameter, or their first axes differ.

    Examples
    --------
    >>> count_members({"weight": torch.zeros(3, 2, 2), "bias": torch.zeros(3, 2)})
    3
    """
    counts = {p.shape[0] if p.ndim else 0 for p in parameters.values()}
    if len(counts) != 1 or not min(counts):
        shapes = {k: tuple(p.shape) for k, p in parameters.items()}
        raise ConfigurationError(
            f"stacked parameters must all be of shape (members, ...), one member at least; got "
            f"{shapes or 'none'}"
        )
    return counts.pop()


def evaluate(part: Losses, parameters: Mapping[str, Tensor], members: int) -> Tensor:
    """Evaluate one part of the losses.

    Parameters
    ----------
    part : callable
        From parameters to losses.
    parameters : mapping of str to Tensor
        Each of shape (members, ...).
    members : int
        Their number.

    Returns
    -------
    Tensor, shape (members,)
        With its graph where gradients are enabled.

    Raises
    ------
    ConfigurationError
        If the losses have another shape.

    Examples
    --------
    >>> evaluate(lambda p: p["w"].sum(1), {"w": torch.ones(2, 3)}, 2).tolist()
    [3.0, 3.0]
    """
    values = part(parameters)
    if values.shape != (members,):
        raise ConfigurationError(
            f"the losses must be of shape ({members},), one number a member; got "
            f"{tuple(values.shape)}: take the mean over the examples of each member"
        )
    return values


def derivatives(
    values: Tensor, leaves: Sequence[Tensor], *, create_graph: bool = False
) -> tuple[Tensor, ...]:
    """Differentiate the sum of the members' losses.

    Parameters
    ----------
    values : Tensor, shape (members,)
        With their graph, or without one where they are constant.
    leaves : sequence of Tensor
        By what; one that the losses do not depend on has gradient zero.
    create_graph : bool
        Whether the gradients can be differentiated again.

    Returns
    -------
    tuple of Tensor
        Of the leaves' shapes.

    Examples
    --------
    >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> derivatives(w**2, [w])[0].tolist()
    [2.0, 4.0]
    """
    if not values.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(
        values,
        leaves,
        torch.ones_like(values),
        create_graph=create_graph,
        materialize_grads=True,
    )


def squared_norms(tensors: Mapping[str, Tensor]) -> Tensor:
    """Squared L2 norm of each member over all tensors, summed in float64.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Each of shape (members, ...).

    Returns
    -------
    Tensor of float64, shape (members,)
        On their device.

    Examples
    --------
    >>> squared_norms({"a": torch.tensor([[3.0], [0.0]]), "b": torch.tensor([4.0, 1.0])}).tolist()
    [25.0, 1.0]
    """
    parts = [t.detach().double().reshape(len(t), -1).square().sum(1) for t in tensors.values()]
    return torch.stack(parts).sum(0)


def along(values: Tensor, like: Tensor) -> Tensor:
    """Shape one value a member so that it multiplies a tensor of shape (members, ...).

    Parameters
    ----------
    values : Tensor, shape (members,)
        One a member.
    like : Tensor, shape (members, ...)
        What it is to multiply.

    Returns
    -------
    Tensor
        Of shape (members, 1, ...), and of the type of `like`.

    Examples
    --------
    >>> along(torch.ones(3), torch.zeros(3, 4, 5)).shape
    torch.Size([3, 1, 1])
    """
    return values.to(like.dtype).view(-1, *[1] * (like.ndim - 1))
