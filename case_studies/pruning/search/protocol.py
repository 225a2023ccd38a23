"""How one network is pruned in the search: collect, rank, prune and rewind, level by level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from case_studies.pruning.search.candidates import EXCITATIONS, Arm
from case_studies.pruning.search.collecting import collect, descend
from case_studies.pruning.search.network import (
    Images,
    accuracy,
    layer_places,
    new_parameters,
    train,
)
from causalhyper.frames import LayerSums, StepSums
from causalhyper.granger.criteria import Evidence
from causalhyper.granger.criteria.loss_series import LossSeries
from causalhyper.granger.masks import Masks, allocate

LEVELS = (0.95, 0.98, 0.99)
"""Shares pruned that are judged."""
FIRST = 0.8
"""Share that is pruned in the first iteration where there are several."""
RATE = 1e-3


@dataclass(frozen=True, slots=True)
class Lengths:
    """Epochs of Adam before pruning, before collecting (where asked for) and after; steps."""

    before: int = 6
    trained: int = 6
    after: int = 6
    steps: int = 250


@dataclass(slots=True, eq=False)
class Pruner:
    """Prunes one network, trained once, by one arm after another.

    Attributes
    ----------
    images : dict of str to Images
        Train, validation and test.
    seed : int
        Of the network and all that is drawn.
    lengths : Lengths
    """

    images: dict[str, Images]
    seed: int
    lengths: Lengths = field(default_factory=Lengths)
    _origin: Tensor = field(init=False)
    _first: dict[tuple[str, bool, bool], tuple[Tensor, LossSeries | None]] = field(
        init=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        theta = new_parameters(self._generator(0))
        full = torch.ones_like(theta)
        self._origin = train(
            theta, full, self.images["train"], self.lengths.before, RATE, self._generator(1)
        )

    def dense(self) -> dict[str, float]:
        """Return what the network reaches without pruning."""
        return self._judged(torch.ones_like(self._origin))

    def prune(self, arm: Arm, levels: tuple[float, ...] = LEVELS) -> Iterator[dict[str, float]]:
        """Yield a row a level: an iteration each, after one that is not judged."""
        masks = self._full()
        for iteration, level in enumerate((FIRST, *levels)):
            masks = self._pruned(arm, masks, iteration, level)
            if iteration:
                yield self._row(level, masks)

    def prune_at_once(self, arm: Arm, levels: tuple[float, ...]) -> Iterator[dict[str, float]]:
        """Yield a row a level: one iteration each, from the full network."""
        for level in levels:
            yield self._row(level, self._pruned(arm, self._full(), 0, level))

    def _full(self) -> Masks:
        return Masks.all_kept({name: shape for name, (_, shape) in layer_places().items()})

    def _pruned(self, arm: Arm, masks: Masks, iteration: int, level: float) -> Masks:
        scores = arm.criterion.scores(self._evidence(arm, masks, iteration))
        return allocate(scores, sparsity=level, within=masks, minimum=1).masks

    def _row(self, level: float, masks: Masks) -> dict[str, float]:
        kept = {f"kept_{name}": float(mask.mean()) for name, mask in masks.kept.items()}
        return {"sparsity": level, **kept, **self._judged(_flat(masks))}

    def _evidence(self, arm: Arm, masks: Masks, iteration: int) -> Evidence:
        key = (arm.excitation, arm.trained, arm.needs_series)
        if iteration == 0 and key in self._first:
            theta, series = self._first[key]
        else:
            theta, series = self._collected(arm, _flat(masks), iteration)
            if iteration == 0:
                self._first[key] = theta, series
        return Evidence(
            weights=_by_layer(self._origin * _flat(masks)),
            collected=_by_layer(theta),
            masks=masks,
            rng=np.random.default_rng([self.seed, iteration]),
            sums=None if series is None else _movement_sums(series),
            series=series,
        )

    def _collected(
        self, arm: Arm, mask: Tensor, iteration: int
    ) -> tuple[Tensor, LossSeries | None]:
        theta, images, lengths = self._origin * mask, self.images["train"], self.lengths
        if arm.trained:
            rng = self._generator(100 + iteration)
            theta = train(theta, mask, images, lengths.trained, RATE, rng)
        seed = 1000 * self.seed + iteration
        excitation = EXCITATIONS[arm.excitation]
        if arm.needs_series:
            return collect(theta, mask, images, excitation, lengths.steps, seed)
        return descend(theta, mask, images, excitation.rate, lengths.steps, seed), None

    def _judged(self, mask: Tensor) -> dict[str, float]:
        rng = self._generator(2)
        theta = train(self._origin, mask, self.images["train"], self.lengths.after, RATE, rng)
        return {
            f"{name}_accuracy": accuracy(theta, self.images[name])
            for name in ("validation", "test")
        }

    def _generator(self, use: int) -> torch.Generator:
        return torch.Generator().manual_seed(10_000 * self.seed + use)


def _flat(masks: Masks) -> Tensor:
    """Return a mask of all parameters; biases are kept."""
    kept = [torch.from_numpy(mask.ravel().astype(np.float32)) for mask in masks.kept.values()]
    total = len(new_parameters(torch.Generator()))
    return torch.cat([*kept, torch.ones(total - sum(len(k) for k in kept))])


def _by_layer(theta: Tensor) -> dict[str, np.ndarray]:
    return {
        name: theta[part].double().numpy().reshape(shape)
        for name, (part, shape) in layer_places().items()
    }


def _movement_sums(series: LossSeries) -> StepSums:
    """Return the sums that movement and Fisher information are taken from."""
    one, same = (series.names.index(name) for name in ("one", "same"))
    layers = []
    for name, (_, shape) in layer_places().items():
        sums = series.layers[name].sums
        x, xx, xy = sums.crossed[one, 0], sums.squares[0, 0], sums.crossed[same, 0]
        held = (array[None, None] for array in (x, xx, xy))
        layers.append(LayerSums(name, shape, *held, np.zeros_like(x), x))
    return StepSums(tuple(layers), (0,), False, (series.values[:, same],), {"response": "same"})
