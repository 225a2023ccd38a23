"""Each example's share in the curvature along a vector."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from collectors.curvature.operator import Curvature


def example_curvatures(operator: Curvature, vectors: Tensor) -> np.ndarray:
    r"""Curvature of each example's own loss along vectors.

    .. math:: c_{ki} = v_k^\top H_i v_k

    Parameters
    ----------
    operator : Curvature
        Network, loss and data.
    vectors : Tensor, shape (k, p)
        Rows.

    Returns
    -------
    ndarray, shape (k, n)
        In float64; examples in the order of the data.

    Notes
    -----
    Exact: the derivative of v' H(w) v, with the loss weighted by w, by each weight. Cost: about 7
    gradients a vector and batch.
    """
    sizes = [p.numel() for p in operator.parameters]
    found = []
    for outputs, losses in operator.passes():
        weights = torch.ones_like(losses, requires_grad=True)
        of = _hessian_forms if operator.kind == "hessian" else _gauss_newton_forms
        rows = []
        for vector in operator.expand(vectors.to(operator.like)):
            parts = [
                v.view_as(p) for v, p in zip(vector.split(sizes), operator.parameters, strict=True)
            ]
            form = of(outputs, losses @ weights, parts, operator)
            rows.append(_gradient(form, weights))
        found.append(torch.stack(rows).double().cpu().numpy())
    return np.concatenate(found, axis=1)


def _hessian_forms(
    outputs: Tensor, total: Tensor, parts: list[Tensor], operator: Curvature
) -> Tensor:
    """V' H(w) v as a function of the weights w."""
    return _along(_along(total, operator.parameters, parts), operator.parameters, parts)


def _gauss_newton_forms(
    outputs: Tensor, total: Tensor, parts: list[Tensor], operator: Curvature
) -> Tensor:
    """V' G(w) v as a function of the weights w: the Jacobian's product does not depend on them."""
    seed = torch.zeros_like(outputs, requires_grad=True)
    pulled = _along(outputs, operator.parameters, parts, seed)
    pushed = _gradient(pulled, seed).detach()
    return _along(_along(total, (outputs,), [pushed]), (outputs,), [pushed])


def _along(
    of: Tensor, by: tuple[Tensor, ...], parts: list[Tensor], weights: Tensor | None = None
) -> Tensor:
    """Directional derivative, with its graph."""
    if not of.requires_grad:
        return of.new_zeros(())
    grads = torch.autograd.grad(of, by, weights, create_graph=True, materialize_grads=True)
    return torch.stack([(g * v).sum() for g, v in zip(grads, parts, strict=True)]).sum()


def _gradient(of: Tensor, by: Tensor) -> Tensor:
    if not of.requires_grad:
        return torch.zeros_like(by)
    return torch.autograd.grad(of, by, retain_graph=True, materialize_grads=True)[0]
