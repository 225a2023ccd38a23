"""What is measured of networks at a stopping time, and of their gradients on the way."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from case_studies.batch_size.text_runs.networks import Network
from case_studies.batch_size.text_runs.stacks import Cell
from case_studies.batch_size.text_runs.texts import Parts
from collectors.ensembles.measures import (
    Losses,
    StackedEigenvalues,
    stacked_loss_rise,
    stacked_margins,
    stacked_noise,
    stacked_norms,
    stacked_scores,
    stacked_top_eigenvalue,
)
from collectors.ensembles.stacked_optimizers import Stacked

TOLERANCE = 1e-2
"""Relative residual at which the largest eigenvalue is taken."""
SQUARINGS = 10
"""The power method's matrix is raised to 2^10 by squaring."""
Columns = dict[str, np.ndarray]


def all_logits(network: Network, parameters: Stacked, ids: Tensor, together: int) -> Tensor:
    """Logits of many texts, in passes of so many examples over all members."""
    step = max(1, together // len(ids))
    with torch.no_grad():
        parts = [
            network.logits(parameters, ids[:, begin : begin + step])
            for begin in range(0, ids.shape[1], step)
        ]
    return torch.cat(parts, dim=1)


def train_logits(cell: Cell, parts: Parts, parameters: Stacked) -> Tensor:
    """Logits of the training examples, shape (members, n, classes)."""
    ids = parts.texts.ids[parts.train]
    return all_logits(cell.exact, parameters, ids, cell.study.together)


def training_losses(cell: Cell, parts: Parts, parameters: Stacked) -> np.ndarray:
    """Mean loss of each member over its training examples."""
    return stacked_scores(train_logits(cell, parts, parameters), parts.labels).loss.numpy()


def scores(cell: Cell, parts: Parts, parameters: Stacked) -> Columns:
    """Losses, accuracies, precision and margin; training ones on the labels trained on."""
    logits = train_logits(cell, parts, parameters)
    train = stacked_scores(logits, parts.labels)
    found = {"margin": stacked_margins(logits, parts.labels)}
    found |= {"train_loss": train.loss, "train_accuracy": train.accuracy}
    for name, places in (("validation", parts.validation), ("test", parts.test)):
        ids = parts.texts.ids[places].expand(len(parts.train), -1, -1)
        held = all_logits(cell.exact, parameters, ids, cell.study.together)
        scored = stacked_scores(held, parts.texts.labels[places])
        found |= {f"{name}_loss": scored.loss, f"{name}_accuracy": scored.accuracy}
        found[f"{name}_precision"] = scored.macro_precision
    found["generalization_gap"] = found["train_accuracy"] - found["test_accuracy"]
    found["diverged"] = ~torch.stack(
        [p.isfinite().flatten(1).all(1) for p in parameters.values()]
    ).all(0) | ~train.loss.isfinite().to(logits.device)
    return {name: values.cpu().numpy() for name, values in found.items()}


def geometry(
    cell: Cell, parts: Parts, parameters: Stacked, start: Stacked, seeds: list[int]
) -> Columns:
    """Curvature of the mean training loss, and norms.

    Parameters
    ----------
    cell : Cell
    parts : Parts
        Of these members.
    parameters, start : dict of Tensor
        Now and at the beginning, each of shape (members, ...).
    seeds : list of int
        Of these members: they decide where the Lanczos process begins.

    Returns
    -------
    dict of str to ndarray
        Curvature is on the first `sharpness_examples` training examples of each seed, which are
        a random part of them.
    """
    count = min(cell.study.sharpness_examples, cell.study.n_train)
    losses = _twice_differentiable(
        _losses(cell, parts, torch.arange(count).expand(len(seeds), count))
    )
    plain = _top_eigenvalue(cell, losses, parameters, seeds, None)
    scale = {name: p.abs() for name, p in parameters.items()}
    adjusted = _top_eigenvalue(cell, losses, parameters, seeds, scale)
    norms = stacked_norms(parameters, start, matrices=["classifier.weight"])
    return {
        "sharpness": plain.values.numpy(),
        "sharpness_residual": plain.residuals.numpy(),
        "sharpness_adjusted": adjusted.values.numpy(),
        "sam_sharpness": stacked_loss_rise(losses, parameters, rho=cell.study.rho).numpy(),
        "weight_norm": norms["weight_norm"].numpy(),
        "distance": norms["distance"].numpy(),
        "spectral_product": log_spectral_product(parameters).numpy(),
    }


def _top_eigenvalue(
    cell: Cell, losses: Losses, parameters: Stacked, seeds: list[int], scale: Stacked | None
) -> StackedEigenvalues:
    """Largest eigenvalue of each member's Hessian, with its residual if it has not converged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the residual is a column
        return stacked_top_eigenvalue(
            losses,
            parameters,
            seed=0,
            member_seeds=seeds,
            scale=scale,
            tolerance=TOLERANCE,
            max_products=cell.study.products,
        )


def gradient_moments(
    cell: Cell, parts: Parts, parameters: Stacked, partition: Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate S and |g|^2 of each member from disjoint minibatches of its training examples."""
    batches = (_losses(cell, parts, order) for order in partition)
    found = stacked_noise(batches, parameters, partition.shape[2], examples=cell.study.n_train)
    return found.example_noise.numpy(), found.mean_gradient_squared.numpy()


def log_spectral_product(parameters: Mapping[str, Tensor]) -> Tensor:
    """Sum of log10 of the largest singular values of all linear layers, embeddings left out.

    Parameters
    ----------
    parameters : mapping of str to Tensor
        Each of shape (members, ...).

    Returns
    -------
    Tensor of float64, shape (members,)
        On the CPU; NaN where a weight is not finite.

    Notes
    -----
    The power method, whose 1,024 products come from 10 squarings of the Gram matrix; the value
    is the length of W v, so its error is of second order in v's. It is never above the norm, and
    below it by 0.4% at the most where the singular values crowd at the top.
    """
    total = torch.zeros((), dtype=torch.float64)
    for name, weight in parameters.items():
        if weight.ndim == 3 and not name.startswith("embeddings"):
            total = total + _spectral_norms(weight).double().cpu().log10()
    return total


def _spectral_norms(weights: Tensor) -> Tensor:
    """Largest singular value of each member's matrix."""
    rows = weights.mT if weights.shape[1] < weights.shape[2] else weights
    power = rows.mT @ rows
    for _ in range(SQUARINGS):
        power = power / power.abs().amax((1, 2), keepdim=True)
        power = power @ power
    # the longest column of the power is in the direction of its first eigenvector
    best = power.square().sum(1).argmax(1)
    vector = power[torch.arange(len(power), device=power.device), :, best]
    vector = vector / torch.linalg.vector_norm(vector, dim=1, keepdim=True)
    return torch.linalg.vector_norm((rows * vector[:, None]).sum(2), dim=1)


def _losses(cell: Cell, parts: Parts, order: Tensor) -> Losses:
    """Mean losses of some training examples."""
    ids, labels = parts.batch(order)
    return lambda parameters: cell.exact.loss(parameters, ids, labels)


def _twice_differentiable(losses: Losses) -> Losses:
    """The same by attention in plain products, whose gradient has a gradient."""

    def plainly(parameters: Mapping[str, Tensor]) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH):
            return losses(parameters)

    return plainly
