"""Hessian-vector products of many networks at once."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.measures.gradients import Losses, count_members, derivatives, evaluate


class StackedHessians:
    r"""Products v -> D H v D of all members, by double backward of the sum of their losses.

    .. math:: D_m H_m D_m v_m, \qquad H_m = \nabla^2 L_m(\theta_m)

    Parameters
    ----------
    parts : sequence of callable
        Each from parameters to losses, shape (members,); their mean is the loss. The graph of
        one part is kept from product to product; those of several are built anew in each.
    parameters : mapping of str to Tensor
        Each of shape (members, ...), p numbers a member.
    scale : mapping of str to Tensor, optional
        The diagonal D, of the parameters' shapes; the identity if None.

    Raises
    ------
    ConfigurationError
        If the shapes do not fit.
    """

    def __init__(
        self,
        parts: Sequence[Losses],
        parameters: Mapping[str, Tensor],
        scale: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.members = count_members(parameters)
        self._parts = parts
        self._leaves = {k: p.detach().requires_grad_() for k, p in parameters.items()}
        self._scale = None if scale is None else _flat_scale(scale, parameters)
        self.size = sum(p[0].numel() for p in parameters.values())
        self.dtype = functools.reduce(torch.promote_types, (p.dtype for p in parameters.values()))
        first = next(iter(parameters.values()))
        self.finite = torch.ones(self.members, dtype=torch.bool, device=first.device)
        self._kept = self._slope(parts[0]) if len(parts) == 1 else None

    def __call__(self, vectors: Tensor) -> Tensor:
        """Multiply one vector a member.

        Parameters
        ----------
        vectors : Tensor, shape (members, p)
            In the order of the parameters.

        Returns
        -------
        Tensor, shape (members, p)
            The products.
        """
        inner = vectors if self._scale is None else self._scale * vectors
        if self._kept is not None:
            image = self._bent(self._kept, inner, keep=True)
        else:
            image = torch.zeros_like(inner)
            for part in self._parts:
                image += self._bent(self._slope(part), inner, keep=False)
            image /= len(self._parts)
        return image if self._scale is None else self._scale * image

    def _slope(self, part: Losses) -> Tensor:
        """Gradients with their graph, shape (members, p); notes whose losses are not finite."""
        with torch.enable_grad():
            values = evaluate(part, self._leaves, self.members)
            self.finite &= values.detach().isfinite()
            return flat(derivatives(values, tuple(self._leaves.values()), create_graph=True))

    def _bent(self, slope: Tensor, vectors: Tensor, *, keep: bool) -> Tensor:
        if not slope.requires_grad:
            return torch.zeros_like(vectors)
        leaves = tuple(self._leaves.values())
        return flat(
            torch.autograd.grad(slope, leaves, vectors, retain_graph=keep, materialize_grads=True)
        )


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Put the tensors of each member into one row.

    Parameters
    ----------
    tensors : sequence of Tensor
        Each of shape (members, ...).

    Returns
    -------
    Tensor, shape (members, p)
        A row a member.

    Examples
    --------
    >>> flat([torch.ones(2, 3, 4), torch.zeros(2)]).shape
    torch.Size([2, 13])
    """
    return torch.cat([t.reshape(len(t), -1) for t in tensors], dim=1)


def _flat_scale(scale: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> Tensor:
    wanted = {k: tuple(p.shape) for k, p in parameters.items()}
    came = {k: tuple(d.shape) for k, d in scale.items()}
    if came != wanted:
        raise ConfigurationError(
            f"the scale must have the parameters' names and shapes {wanted}; got {came}"
        )
    return flat([scale[k].detach() for k in parameters])
