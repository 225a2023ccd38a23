"""The collecting stage of the search: steps of descent, excited or not, and their sums."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from case_studies.pruning.search.network import (
    BATCH,
    Images,
    exact_loss,
    gradient,
    layer_places,
)
from causalhyper.granger.criteria.attribution import Attribution
from causalhyper.granger.criteria.loss_series import LayerSeries, LossSeries
from causalhyper.granger.criteria.series_sums import SeriesSums, add_steps, begin_sums
from causalhyper.granger.criteria.sketches import Sketch, draw_sketch

SHIFT = 50
"""Steps by which the losses of the control are shifted; steps before the sums begin."""
RESPONSES = ("same", "residual", "fresh")
PAST = [f"{name}@{lag}" for name in RESPONSES for lag in (1, 2, SHIFT)]
NAMES = ("one", *RESPONSES, *PAST, *(f"moved.{name}" for name in layer_places()))
WIDTH, REPEATS, BLOCK = 128, 2, 25


@dataclass(frozen=True, slots=True)
class Excitation:
    """How steps are varied, so that parameters move independently.

    Attributes
    ----------
    rate : float
        Learning rate.
    spread : float
        Each step's rate is `rate` times a number drawn log-uniformly from 1/spread to spread.
    noise : float
        Standard deviation of normal noise that is added to the change of each parameter kept, in
        units of the root mean square of the gradient's part of the change.
    """

    rate: float = 0.01
    spread: float = 1.0
    noise: float = 0.0

    def change(self, g: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
        """Return the change of a step."""
        power = 2 * float(torch.rand((), generator=rng)) - 1
        change = -self.rate * self.spread**power * g * mask
        if self.noise:
            size = self.noise * float(change.norm()) / math.sqrt(float(mask.sum()))
            change = change + size * torch.randn(len(g), generator=rng) * mask
        return change


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step: the change, gradients around it, and series."""

    change: Tensor
    before: Tensor
    after: Tensor
    fresh: Tensor
    series: dict[str, float]


class Tally:
    """Sums of one collecting stage, by layer; steps are summed some at a time."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._values: list[list[float]] = []
        self._waiting: list[np.ndarray] = []
        self._held: dict[str, dict[str, list[np.ndarray]]] = {}
        self._sums: dict[str, SeriesSums] = {}
        self._attributions: dict[str, Attribution] = {}
        self._sketches: dict[str, Sketch] = {}
        for name, (part, _) in layer_places().items():
            count = part.stop - part.start
            self._sums[name] = begin_sums(NAMES, np.zeros((1, 2, count)))
            self._attributions[name] = Attribution(*(np.zeros(count) for _ in range(3)))
            width = min(WIDTH, count)
            self._sketches[name] = draw_sketch(rng, count, width=width, repeats=REPEATS)
            self._held[name] = {"units": [], "weighted": [], "sketched": []}

    def add(self, step: Step, last: Tensor, values: list[float]) -> None:
        """Add a step, with the change of the one before."""
        if not self._waiting:
            self._waiting.append(last.double().numpy() ** 2)
        arrays = [step.change, step.before, step.after, step.fresh]
        d, before, after, fresh = (array.double().numpy() for array in arrays)
        self._values.append(values)
        self._waiting.append(d**2)
        for name, (part, shape) in layer_places().items():
            attribution, x = self._attributions[name], d[part] ** 2
            weight = attribution.moved / max(len(self._values) - 1, 1)
            self._held[name]["units"].append(x.reshape(shape).sum(1))
            self._held[name]["weighted"].append((x * weight).reshape(shape).sum(1))
            attribution.add(d[part], before[part], after[part], fresh[part])
        if len(self._waiting) > BLOCK:
            self._flush()

    def _flush(self) -> None:
        """Add the steps that wait to the sums; the last is kept as the step before the next."""
        steps = len(self._waiting) - 1
        series = np.array(self._values[len(self._values) - steps :])
        for name, (part, _) in layer_places().items():
            rows = np.array([x[part] for x in self._waiting])
            add_steps(self._sums[name], np.stack([rows[1:], rows[:-1]], axis=1), series)
            self._held[name]["sketched"].extend(self._sketches[name].project(rows[1:]))
        self._waiting = self._waiting[-1:]

    def result(self) -> LossSeries:
        """Return what was summed."""
        if len(self._waiting) > 1:
            self._flush()
        layers = {
            name: LayerSeries(
                sums,
                self._attributions[name],
                **{key: np.array(rows) for key, rows in self._held[name].items()},
                sketch=self._sketches[name],
            )
            for name, sums in self._sums.items()
        }
        return LossSeries(NAMES, np.array(self._values), layers)


def collect(
    theta: Tensor, mask: Tensor, images: Images, excitation: Excitation, steps: int, seed: int
) -> tuple[Tensor, LossSeries]:
    """Go so many steps; all but the first are summed.

    Returns
    -------
    theta : Tensor
        At the end.
    series : LossSeries
    """
    rng = torch.Generator().manual_seed(seed)
    tally, past = Tally(np.random.default_rng(seed)), []
    last = torch.zeros_like(theta)
    for t in range(steps):
        step = _step(theta, mask, images, excitation, rng)
        if t >= SHIFT:
            tally.add(step, last, [_value(name, step.series, past) for name in NAMES])
        past.append(step.series)
        theta, last = theta + step.change, step.change
    return theta, tally.result()


def descend(
    theta: Tensor, mask: Tensor, images: Images, rate: float, steps: int, seed: int
) -> Tensor:
    """Go so many steps, and record nothing."""
    rng = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        theta = theta - rate * gradient(theta, _drawn(images, rng)) * mask
    return theta


def _step(
    theta: Tensor, mask: Tensor, images: Images, excitation: Excitation, rng: torch.Generator
) -> Step:
    batch, other = _drawn(images, rng), _drawn(images, rng)
    before = gradient(theta, batch) * mask
    moved = theta + excitation.change(before, mask, rng)
    # the change that was made, not the one that was meant: they differ by rounding
    change = moved - theta
    same = exact_loss(moved, batch) - exact_loss(theta, batch)
    series = {
        "one": 1.0,
        "same": same,
        "residual": same - float(before.double() @ change.double()),
        "fresh": exact_loss(moved, other) - exact_loss(theta, other),
    }
    for name, (part, _) in layer_places().items():
        series[f"moved.{name}"] = float((change[part].double() ** 2).sum())
    return Step(
        change, before, gradient(moved, batch) * mask, gradient(theta, other) * mask, series
    )


def _value(name: str, now: dict[str, float], past: list[dict[str, float]]) -> float:
    plain, _, lag = name.partition("@")
    return past[-int(lag)][plain] if lag else now[plain]


def _drawn(images: Images, rng: torch.Generator) -> Images:
    return images.rows(torch.randint(len(images.classes), (BATCH,), generator=rng))
