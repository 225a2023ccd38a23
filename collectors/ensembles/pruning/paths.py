"""Where columns enter the path of a lasso or elastic net, with the design on a device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from causalhyper.granger.criteria.entries import BELOW, entered_scores
from causalhyper.granger.criteria.regularised import CausalElasticNet, CausalLasso
from causalhyper.granger.lasso import SquaredChanges, elastic_net_path, lasso_path
from causalhyper.granger.lasso.result import LassoPath

EPS = float(np.finfo(np.float64).eps)
CHUNK = 2**17
"""Columns whose covariances with the residuals are computed at a time."""


def path_scores(
    criterion: CausalLasso | CausalElasticNet, steps: Tensor, y: NDArray[np.float64]
) -> Tensor:
    """Score the parameters of a layer by the penalty at which they enter.

    Parameters
    ----------
    criterion : CausalLasso or CausalElasticNet
        Its path.
    steps : Tensor, shape (T, p)
        Changes.
    y : ndarray, shape (T,)
        Loss changes.

    Returns
    -------
    Tensor, shape (p,)
        In float64; zero where nothing varies.
    """
    scores = torch.zeros(steps.shape[1], dtype=torch.float64, device=steps.device)
    moving = (steps != 0).any(0).nonzero()[:, 0]
    if not len(moving):
        return scores
    own = steps[:, moving].contiguous()
    columns = SquaredChanges(own)
    if isinstance(criterion, CausalElasticNet):
        path = elastic_net_path(
            columns,
            y,
            l1_ratio=criterion.l1_ratio,
            lambdas=criterion.penalties,
            ratio=criterion.ratio,
        )
    else:
        path = lasso_path(columns, y, lambdas=criterion.penalties, ratio=criterion.ratio)
    scores[moving] = _ranked(own, path, y)
    return scores


def _ranked(steps: Tensor, path: LassoPath, y: NDArray[np.float64]) -> Tensor:
    chosen = np.unique(np.concatenate([np.empty(0, np.intp), *path.columns]))
    there = torch.from_numpy(chosen).to(steps.device)
    values = steps[:, there].double().square().cpu().numpy()
    last = np.searchsorted(chosen, path.columns[-1])
    residual = y - path.intercepts[-1] - values[:, last] @ path.coefficients[-1]
    scores = _strengths(steps, torch.from_numpy(residual).to(steps.device)) / path.l1_ratio
    scores = scores.clamp(max=BELOW * path.lambdas[-1])
    entered = entered_scores(path, chosen, values.std(axis=0))
    scores[there] = torch.from_numpy(entered).to(scores)
    return scores


def _strengths(steps: Tensor, residual: Tensor) -> Tensor:
    """Sizes of the covariances of standardised squares with the residuals, shape (p,)."""
    found, centred = [], residual - residual.mean()
    for part in steps.split(CHUNK, dim=1):
        squares = part.double().square()
        mean = squares.mean(0)
        away = squares - mean
        variance = away.square().mean(0)
        flat = variance <= 8 * len(steps) * EPS**2 * mean**2
        strength = (centred @ away).abs() / len(steps) / variance.sqrt()
        found.append(torch.where(flat, 0.0, strength))
    return torch.cat(found)
