"""Complexity of a trained network: norms and margins."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def weight_norm(parameters: Iterable[Tensor]) -> float:
    """L2 norm of all parameters together, in units of a parameter.

    Parameters
    ----------
    parameters : iterable of Tensor

    Returns
    -------
    float
        ``sqrt(sum_k theta_k^2)``.
    """
    return float(sum(p.detach().double().square().sum() for p in parameters)) ** 0.5


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Output margins: the true class's logit minus the best other one.

    Parameters
    ----------
    logits : Tensor, shape (n, classes)
    labels : Tensor of int64, shape (n,)

    Returns
    -------
    Tensor, shape (n,)
        Positive exactly where the prediction is right (ties aside).
    """
    rows = torch.arange(len(labels), device=logits.device)
    others = logits.clone()
    others[rows, labels] = -torch.inf
    return logits[rows, labels] - others.max(dim=1).values
