"""Gradient descent on a quadratic loss with a known diagonal Hessian, its steps excited or not."""

from dataclasses import dataclass

import numpy as np

from causalhyper.granger.criteria import Evidence
from causalhyper.granger.criteria.attribution import Attribution
from causalhyper.granger.criteria.loss_series import LayerSeries, LossSeries
from causalhyper.granger.criteria.series_sums import SeriesSums
from causalhyper.granger.criteria.sketches import draw_sketch
from causalhyper.granger.masks import Masks
from tests.granger.criteria.planted import split

SHAPES = {"fc": (4, 5), "head": (4, 1)}
SIZE = 24
LAGS = (1, 2, 300)


@dataclass(frozen=True)
class ExcitedTraining:
    r"""Steps on :math:`\frac12 \sum_k h_k (\theta_k - w_k - \nu_{tk})^2`, from the minimum w.

    The spread of the minibatch minima, :math:`\nu`, is such that parameters of large curvature
    move least: movement orders them the wrong way round.
    """

    h: np.ndarray
    weights: np.ndarray
    changes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    fresh: np.ndarray
    losses: dict[str, np.ndarray]
    first_order: np.ndarray

    @property
    def squares(self):
        return self.changes**2

    @property
    def series(self):
        one = np.ones(len(self.changes))
        return {"one": one, **self.losses, "residual": self.losses["same"] - self.first_order}


def excited_training(*, steps=4000, rate=1e-3, spread=1.0, noise=0.0, seed=0, h=None):
    rng = np.random.default_rng(seed)
    h = rng.permutation(np.geomspace(0.2, 20, SIZE)) if h is None else h
    weights = rng.choice([-1, 1], SIZE) * rng.uniform(0.5, 1.5, SIZE)
    theta, deviation = weights.copy(), h**-1.5
    held = {name: np.empty((steps, SIZE)) for name in ("changes", "before", "after", "fresh")}
    losses = {"same": np.empty(steps), "fresh": np.empty(steps)}
    for t in range(steps):
        here, other = (weights + deviation * rng.normal(size=SIZE) for _ in range(2))
        g = h * (theta - here)
        d = -rate * spread ** rng.uniform(-1, 1) * g
        d = d + noise * np.sqrt((d**2).mean()) * rng.normal(size=SIZE)
        for name, at in (("same", here), ("fresh", other)):
            losses[name][t] = 0.5 * h @ ((theta + d - at) ** 2 - (theta - at) ** 2)
        values = (d, g, h * (theta + d - here), h * (theta - other))
        for name, value in zip(held, values, strict=True):
            held[name][t] = value
        theta = theta + d
    first_order = (held["before"] * held["changes"]).sum(axis=1)
    return ExcitedTraining(h, weights, **held, losses=losses, first_order=first_order)


def loss_series(training, *, sketch_seed=0, repeats=2):
    """Series and sums from their definitions."""
    x = training.squares
    by_layer = split(x, SHAPES)
    columns = dict(training.series)
    for name in ("same", "residual", "fresh"):
        for lag in LAGS:
            columns[f"{name}@{lag}"] = np.roll(columns[name], lag)
    for name, rows in by_layer.items():
        columns[f"moved.{name}"] = rows.reshape(len(x), -1).sum(axis=1)
    values, names = np.stack(list(columns.values()), axis=1), tuple(columns)
    rng = np.random.default_rng(sketch_seed)
    arrays = ("changes", "before", "after", "fresh")
    parts = {name: split(getattr(training, name), SHAPES) for name in arrays}
    layers = {}
    for name, rows in by_layer.items():
        flat = rows.reshape(len(x), -1)
        features = np.stack([flat, np.roll(flat, 1, axis=0)], axis=1)
        d, g, after, fresh = (parts[key][name].reshape(len(x), -1) for key in arrays)
        past = np.cumsum(flat, axis=0) - flat
        mean = past / np.maximum(np.arange(len(x)), 1)[:, None]
        sketch = draw_sketch(rng, flat.shape[1], width=min(8, flat.shape[1]), repeats=repeats)
        layers[name] = LayerSeries(
            SeriesSums(
                names,
                values.T @ values,
                np.einsum("ts,tfk->sfk", values, features),
                np.einsum("tfk,tgk->fgk", features, features),
            ),
            Attribution((d**2).sum(0), (d * (after - g)).sum(0), (d * fresh).sum(0)),
            units=rows.sum(axis=2),
            weighted=(mean.reshape(rows.shape) * rows).sum(axis=2),
            sketched=sketch.project(flat),
            sketch=sketch,
        )
    return LossSeries(names, values, layers)


def series_evidence(training, **changes):
    weights = split(training.weights, SHAPES)
    given = {"series": loss_series(training), "masks": Masks.all_kept(SHAPES)} | changes
    return Evidence(weights=weights, collected=weights, rng=np.random.default_rng(0), **given)
