"""Trainings whose truth is known: linear models under plain gradient descent, with dead inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.frames import LayerSums, StepSums
from causalhyper.granger.criteria import Attribution, Evidence
from causalhyper.granger.design import ArrayTrajectory
from causalhyper.granger.masks import Masks

SHAPES = {"fc": (4, 5), "head": (7,)}


@dataclass(frozen=True)
class LinearTraining:
    r"""Plain gradient descent on :math:`\frac12 \sum_k h_k (\theta_k - b_{tk})^2`.

    It is the squared error of a linear model whose minibatches have orthogonal inputs of mean
    square h_k: the noise of the outcomes moves the minimum b_t of each minibatch by chance. A dead
    input has h_k = 0. With squared changes x, the loss change on the step's own minibatch is
    :math:`\sum_k (-1/\eta + h_k / 2) x_{tk}` exactly.
    """

    changes: dict[str, np.ndarray]
    frame: pd.DataFrame
    start: dict[str, np.ndarray]
    end: dict[str, np.ndarray]
    curvature: dict[str, np.ndarray]
    rate: float
    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    fresh: dict[str, np.ndarray]

    @property
    def gamma(self):
        return {name: -1 / self.rate + h / 2 for name, h in self.curvature.items()}


def flat(arrays):
    return np.concatenate([np.ravel(a) for a in arrays.values()])


def split(vector, shapes):
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    parts = np.split(vector, np.cumsum(sizes)[:-1], axis=-1)
    return {
        name: part.reshape(*part.shape[:-1], *shape)
        for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def linear_training(*, steps=200, rate=1e-3, dead=(), shapes=None, noise=1.0, seed=0):
    shapes = SHAPES if shapes is None else shapes
    rng = np.random.default_rng(seed)
    size = sum(int(np.prod(shape)) for shape in shapes.values())
    h = rng.uniform(0.5, 2.0, size=size)
    h[list(dead)] = 0.0
    theta = rng.normal(size=size)
    start, truth = theta.copy(), rng.normal(size=size)
    changes, losses = np.empty((steps, size)), np.empty((steps, 2))
    others = np.random.default_rng([seed, 1])
    gradients = {part: np.empty((steps, size)) for part in ("before", "after", "fresh")}
    for t in range(steps):
        minimum = truth + noise * rng.normal(size=size) * rng.exponential(size=size)
        changes[t] = -rate * h * (theta - minimum)
        other = truth + noise * others.normal(size=size)
        gradients["before"][t] = h * (theta - minimum)
        gradients["after"][t] = h * (theta + changes[t] - minimum)
        gradients["fresh"][t] = h * (theta - other)
        losses[t] = [0.5 * h @ (at - minimum) ** 2 for at in (theta, theta + changes[t])]
        theta = theta + changes[t]
    return LinearTraining(
        split(changes, shapes),
        pd.DataFrame(losses, columns=["loss", "loss_after"]),
        split(start, shapes),
        split(theta, shapes),
        split(h, shapes),
        rate,
        **{part: split(values, shapes) for part, values in gradients.items()},
    )


def features(changes, momentum):
    """Shape (F, T, p), without the first step where a feature needs the last."""
    d = changes.reshape(len(changes), -1).astype(float)
    if not momentum:
        return d[None] ** 2
    return np.stack([d[1:] ** 2, d[:-1] ** 2, d[1:] * d[:-1]])


def response(training, kind="same"):
    loss, after = training.frame["loss"].to_numpy(), training.frame["loss_after"].to_numpy()
    return after - loss if kind == "same" else np.diff(loss)


def summed(training, *, momentum=False, lags=(0,), kind="same"):
    """Step sums from their definition."""
    y = response(training, kind)
    layers = []
    for name, c in training.changes.items():
        x, d = features(c, momentum), c.reshape(len(c), -1)
        first, count = int(momentum), len(y)
        found = {"x": [], "xx": [], "xy": []}
        for lag in lags:
            skip = max(lag, first)
            pairs, shifted = x[:, skip - first : count - first], y[skip - lag : count - lag]
            upper = zip(*np.triu_indices(len(x)), strict=True)
            found["x"].append(pairs.sum(axis=1))
            found["xx"].append([(pairs[i] * pairs[j]).sum(axis=0) for i, j in upper])
            found["xy"].append(np.einsum("fij,i->fj", pairs, shifted))
        arrays = {key: np.array(value) for key, value in found.items()}
        moved = {"displacement": d.sum(axis=0), "movement": (d**2).sum(axis=0)}
        layers.append(LayerSums(name, c.shape[1:], **arrays, **moved))
    return StepSums(tuple(layers), lags, momentum, (y,), {"response": kind})


def attribution_of(training):
    """Attributions from their definition."""
    found = {}
    for name, c in training.changes.items():
        d, before, after, fresh = (
            a.reshape(len(c), -1)
            for a in (c, training.before[name], training.after[name], training.fresh[name])
        )
        shared = (d**2, d * (after - before), d * fresh)
        found[name] = Attribution(*(each.sum(axis=0) for each in shared))
    return found


def gradients_of(training, seed=0):
    """Minibatch gradients at the end of training, from the truth of the model."""

    def gradients(count):
        rng = np.random.default_rng(seed)
        for _ in range(count):
            yield {
                name: h * (training.end[name] - rng.normal(size=h.shape))
                for name, h in training.curvature.items()
            }

    return gradients


def trajectory_of(training):
    return ArrayTrajectory(training.changes, training.frame)


def evidence_of(training, *, masks=None, share=None, seed=0, **given):
    """Evidence with all that any criterion may need, but for what is given otherwise."""
    known = {
        "sums": summed(training),
        "trajectory": trajectory_of(training),
        "gradients": gradients_of(training),
        "attribution": attribution_of(training),
    }
    shapes = {name: w.shape for name, w in training.start.items()}
    return Evidence(
        weights=training.start,
        collected=training.end,
        masks=masks or Masks.all_kept(shapes),
        rng=np.random.default_rng(seed),
        share=share,
        **(known | given),
    )
