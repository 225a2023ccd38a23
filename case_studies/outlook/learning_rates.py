"""Coefficients of the loss change as learning rates of single parameters.

To second order, a step of plain gradient descent with rate r changes the loss of its minibatch by
sum_k (-1/r + h_kk / 2) (change of k)^2, and cross terms: the coefficient of parameter k holds its
curvature h_kk. The paper believes that the coefficients are "related to the optimal
parameter-specific learning rate". Each reading of that sentence is an arm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from case_studies.outlook.images import Images
from case_studies.outlook.members import (
    Member,
    begin,
    descend,
    gradients_at,
    losses_at,
    minibatches,
    score,
)
from causalhyper.arrays import Array
from causalhyper.granger.lasso import SquaredChanges
from causalhyper.granger.ridge import dual_ridge
from collectors.ensembles.stacked_optimizers import Adam, Stacked, State

WIDTHS = (128, 64)
WARM, COLLECT, TRAIN = 390, 400, 1950
"""Updates: an epoch to begin with, a collecting stage, and five epochs from where it began."""
RATE = 0.05
"""Of the updates to begin with, and while collecting."""
ADAM_RATE = 0.001
FACTORS = tuple(2.0**k for k in range(-3, 6))
"""Grid of learning rates, as factors of `RATE`, or of `ADAM_RATE`."""
CLIP = 10.0
"""A parameter's rate is at most so many times the median, and at least one so many-th of it."""
ARMS = {
    "plain": "one rate for all",
    "gamma": "proportional to |coefficient|",
    "gamma_inverse": "proportional to 1 / |coefficient|",
    "gamma_shifted": "as gamma, of a loss rotated in time",
    "gamma_permuted": "as gamma, among other parameters of the layer",
    "curvature": "1 / (1 / rate + curvature that the coefficients hold)",
    "curvature_shifted": "as curvature, of a residual rotated in time",
    "movement": "1 / root mean squared change",
    "adam": "Adam",
}


def run(images: Images, seeds: Sequence[int], device: str, updates: int = TRAIN) -> pd.DataFrame:
    """Train every seed with every arm and learning rate, from the same point.

    Returns
    -------
    pandas.DataFrame
        Two rows a member: after one epoch, and at the end. Columns seed, arm, rate, updates, and
        loss and accuracy of each part.
    """
    model, parameters = begin(WIDTHS, seeds, device)
    for batch in minibatches(images, seeds, WARM):
        descend(parameters, gradients_at(model, batch)(parameters)[0], RATE)
    relative = _relative_rates(model, parameters, images, seeds)
    members = [Member(seed, arm, factor) for seed in seeds for arm in ARMS for factor in FACTORS]
    each = len(members) // len(seeds)
    parameters = {k: p.repeat_interleave(each, 0) for k, p in parameters.items()}
    relative = {k: m.repeat_interleave(len(FACTORS), 0).to(device) for k, m in relative.items()}
    orders = minibatches(images, [seed + 10_000 for seed in seeds], updates, repeats=each)
    frames, state = [], State()
    for step, batch in enumerate(orders, 1):
        found, _ = gradients_at(model, batch)(parameters)
        _step(parameters, found, relative, members, state, step)
        if step in (len(images.train[0]) // len(batch[0][0]), updates):
            frames.append(score(model, parameters, members, images, step))
    return pd.concat(frames, ignore_index=True)


def _step(
    parameters: Stacked,
    gradients: Stacked,
    relative: Stacked,
    members: Sequence[Member],
    state: State,
    step: int,
) -> None:
    """Take a step of every member by its own rule, in place."""
    device = next(iter(parameters.values())).device
    adam = torch.tensor([m.arm == "adam" for m in members], device=device)
    factors = torch.tensor([m.rate for m in members], device=device)
    own = {k: p[adam] for k, p in parameters.items()}
    rates = factors[adam] * ADAM_RATE
    unit = {k: p.clone() for k, p in own.items()}
    Adam().descend(unit, {k: g[adam] for k, g in gradients.items()}, state, step, 1.0)
    scaled = {k: g * relative[k] for k, g in gradients.items()}
    descend(parameters, scaled, factors * RATE)
    for name, value in parameters.items():
        shape = (-1, *[1] * (value.ndim - 1))
        value[adam] = own[name] + (unit[name] - own[name]) * rates.view(shape)


def _relative_rates(
    model: nn.Module, start: Stacked, images: Images, seeds: Sequence[int]
) -> Stacked:
    """Collect from the start, and return each arm's rates, of shape (seeds * arms, ...)."""
    steps, losses = _collected(model, start, images, seeds)
    found = torch.ones(len(seeds), len(ARMS), steps.shape[2])
    for at, seed in enumerate(seeds):
        rng = np.random.default_rng(seed)
        for arm, rates in _rates(steps[at].numpy(), losses[at].numpy(), rng, start).items():
            found[at, list(ARMS).index(arm)] = torch.from_numpy(rates)
    names = [k for k, p in start.items() if p.ndim == 3]
    parts = found.split([start[name][0].numel() for name in names], 2)
    held = {
        name: part.reshape(len(seeds) * len(ARMS), *start[name].shape[1:])
        for name, part in zip(names, parts, strict=True)
    }
    return {k: held.get(k, torch.ones(len(seeds) * len(ARMS), 1)) for k in start}


def _collected(
    model: nn.Module, start: Stacked, images: Images, seeds: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Train on, and return changes of all weights, (seeds, T, p), and loss changes, (seeds, T)."""
    parameters = {k: p.clone() for k, p in start.items()}
    changes, response = [], []
    for batch in minibatches(images, [seed + 20_000 for seed in seeds], COLLECT):
        found, before = gradients_at(model, batch)(parameters)
        descend(parameters, found, RATE)
        weights = [g.flatten(1) for g in found.values() if g.ndim == 3]
        changes.append((torch.cat(weights, 1) * -RATE).cpu())
        response.append((losses_at(model, parameters, batch) - before).double().cpu())
    return torch.stack(changes, 1), torch.stack(response, 1)


def _rates(changes: Array, y: Array, rng: np.random.Generator, start: Stacked) -> dict[str, Array]:
    """Return rates of all weights by arm, with mean 1."""
    columns = SquaredChanges(changes)
    total = (changes.astype(float) ** 2).sum(axis=1)
    shift = int(rng.integers(len(y) // 4, 3 * len(y) // 4))
    gamma, shifted = _ridge(columns, y), _ridge(columns, np.roll(y, shift))
    # what the first-order term leaves is half the curvature times the squared change
    residual = y + total / RATE
    curvature = 2 * _ridge(columns, residual)
    rotated = 2 * _ridge(columns, np.roll(residual, shift))
    layers = np.cumsum([p[0].numel() for p in start.values() if p.ndim == 3])[:-1]
    mixed = [rng.permutation(part) for part in np.split(np.abs(gamma), layers)]
    movement = np.sqrt((changes.astype(float) ** 2).mean(axis=0))
    return {
        "gamma": _mean_one(np.abs(gamma)),
        "gamma_inverse": _mean_one(_inverse(np.abs(gamma))),
        "gamma_shifted": _mean_one(np.abs(shifted)),
        "gamma_permuted": _mean_one(np.concatenate(mixed)),
        "curvature": _mean_one(_inverse(1 / RATE + np.maximum(curvature, 0))),
        "curvature_shifted": _mean_one(_inverse(1 / RATE + np.maximum(rotated, 0))),
        "movement": _mean_one(_inverse(movement)),
    }


def _ridge(columns: SquaredChanges, y: Array) -> Array:
    """Ridge coefficients, penalty by blocked cross-validation, in loss over squared change."""
    return dual_ridge(columns, y).coefficients(columns)


def _inverse(values: Array) -> Array:
    """One over each value; over the smallest that is not zero where it is zero."""
    positive = values[values > 0]
    return 1 / np.maximum(values, positive.min() if len(positive) else 1.0)


def _mean_one(values: Array) -> Array:
    """Divide by the median, cut at the clip, and divide by the mean."""
    scaled = values / (np.median(values) or values.mean() or 1.0)
    cut = np.clip(scaled, 1 / CLIP, CLIP)
    return (cut / cut.mean()).astype(np.float32)
