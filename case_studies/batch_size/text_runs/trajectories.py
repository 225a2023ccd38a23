"""Train a stack, and read its rows off at the stopping times."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from case_studies.batch_size.text_runs.design import epoch_updates, noise_factor, quarters
from case_studies.batch_size.text_runs.ends import (
    geometry,
    gradient_moments,
    scores,
    training_losses,
)
from case_studies.batch_size.text_runs.networks import initial_parameters, weighted_gradients
from case_studies.batch_size.text_runs.stacks import Cell, Stack, minibatches, noise_partition
from case_studies.batch_size.text_runs.texts import draw_parts
from case_studies.batch_size.text_runs.updates import StackedAdamW, update
from collectors.ensembles.stacked_optimizers import Stacked

Row = dict[str, object]
Told = Callable[[int], None]
"""Called with the example gradients that have been computed."""
MEASURED_AT_ONCE = 8


class Trajectory:
    """A stack on its way.

    Parameters
    ----------
    cell : Cell
        The data set and the model.
    stack : Stack
        What is trained together.
    """

    def __init__(self, cell: Cell, stack: Stack) -> None:
        self.cell, self.stack = cell, stack
        flipped = [member.arm == "label_noise" for member in stack.members]
        self.parts = draw_parts(cell.texts, cell.study, stack.seeds, flipped)
        self.parameters = initial_parameters(cell.recipe, cell.texts, cell.encoder, stack.seeds)
        self.start = {k: p.clone() for k, p in self.parameters.items()}
        self.moments: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.optimizer = StackedAdamW(
            self.parameters,
            [member.rate for member in stack.members],
            breaks=sorted({stack.active(m.updates) for m in stack.members}),
            weight_decay=cell.study.weight_decay,
        )

    def rows(self, told: Told | None = None) -> list[Row]:
        """Train, and measure at every stopping time."""
        rows: list[Row] = []
        passage = _Passage(self) if self.stack.target is not None else None
        stops, points = self._stops(), self._points()
        for number, example_gradients in enumerate(self.advance(), start=1):
            if number in points:
                self._note_moments(number)
            if passage is not None and not passage.ended:
                passage.look(number)
            for design, places in stops.get(number, ()):
                rows += self.measure(design, places, self.parameters, [number] * len(places))
            if told is not None:
                told(example_gradients)
        return rows + (passage.rows() if passage is not None else [])

    def final_scores(self, told: Told | None = None) -> dict[str, np.ndarray]:
        """Train to the end, and score alone."""
        for example_gradients in self.advance():
            if told is not None:
                told(example_gradients)
        return scores(self.cell, self.parts, self.parameters)

    def chosen(self, places: list[int] | slice, of: Stacked) -> Stacked:
        """Parameters of some members."""
        return {k: p[places] for k, p in of.items()}

    def advance(self) -> Iterator[int]:
        """Make one update after the other; yield the example gradients of each."""
        study, stack = self.cell.study, self.stack
        passes = 1 if stack.rho is None else 2
        for number, (order, weights) in enumerate(minibatches(stack, study.n_train), start=1):
            first = slice(stack.active(number))
            gradients = weighted_gradients(
                self.cell.training,
                self.parts.take(first).batch,
                order[first],
                None if weights is None else weights[first],
                study.together,
            )
            update(self.chosen(first, self.parameters), gradients, self.optimizer, stack.rho)
            yield passes * order[first].numel()

    def _stops(self) -> dict[int, list[tuple[str, list[int]]]]:
        """Designs and members by the update at which they end."""
        stops: dict[int, list[tuple[str, list[int]]]] = {}
        budget = self._budget()
        for arm in dict.fromkeys(member.arm for member in self.stack.members):
            places = self.stack.places(arm)
            design = "tuned" if arm == "tuned" else "equal_epochs"
            stops.setdefault(budget, []).append((design, places))
            if arm == "plain":
                stops.setdefault(self.cell.recipe.updates, []).append(("equal_updates", places))
        return stops

    def _budget(self) -> int:
        """Updates of equal epochs: with noise removed those of the batch that is accumulated."""
        return epoch_updates(self.cell.study, self.cell.recipe, self._treatment())

    def _treatment(self) -> int:
        """Batch size that the rows are of."""
        removed = bool(self.stack.places("noise_removed"))
        return min(self.cell.study.batch_sizes) if removed else self.stack.batch_size

    def _points(self) -> set[int]:
        """Updates after which the gradient noise is measured."""
        budget = self._budget()
        if not self.stack.places("plain"):
            return set(quarters(budget))
        early = self.cell.recipe.check_every
        return {early, *quarters(budget), *quarters(self.cell.recipe.updates)}

    def _note_moments(self, number: int) -> None:
        active = self.stack.active(number)
        first = slice(active)
        self.moments[number] = gradient_moments(
            self.cell,
            self.parts.take(first),
            self.chosen(first, self.parameters),
            noise_partition(self.stack, active, self.cell.study, number),
        )

    def measure(
        self, design: str, places: list[int], parameters: Stacked, updates: list[int]
    ) -> list[Row]:
        """Measure members, a few at once, and make their rows."""
        rows: list[Row] = []
        for begin in range(0, len(places), MEASURED_AT_ONCE):
            some = places[begin : begin + MEASURED_AT_ONCE]
            now = self.chosen(some, parameters)
            parts = self.parts.take(some)
            seeds = [self.stack.members[place].seed for place in some]
            found = scores(self.cell, parts, now)
            found |= geometry(self.cell, parts, now, self.chosen(some, self.start), seeds)
            rows += [
                self._row(design, place, updates[begin + i])
                | {name: values[i].item() for name, values in found.items()}
                for i, place in enumerate(some)
            ]
        return rows

    def _row(self, design: str, place: int, updates: int) -> Row:
        member, stack, study = self.stack.members[place], self.stack, self.cell.study
        tuned = member.arm == "tuned"
        noise, squared = self._mean_moments(place, updates)
        return {
            "dataset": self.cell.source.name,
            "model": self.cell.recipe.name,
            "domain": "text",
            "design": design,
            "arm": "plain" if tuned else member.arm,
            "seed": member.seed,
            "batch_size": self._treatment(),
            "noise_of": stack.noise_of,
            "optimizer": "AdamW" if stack.rho is None else "SAM(AdamW)",
            "learning_rate": member.rate,
            "learning_rate_rule": "tuned" if tuned else "fixed",
            "rate_at_edge": member.at_edge,
            "updates": updates,
            "epochs": updates * stack.batch_size / study.n_train,
            "reached": True,
            "n_train": study.n_train,
            "n_validation": len(self.parts.validation),
            "n_test": len(self.parts.test),
            "grad_noise": noise * noise_factor(study.n_train, stack.noise_of)
            if stack.rho is None
            else np.nan,
            "example_noise": noise,
            "noise_scale": noise / squared if squared > 0 else np.nan,
        }

    def _mean_moments(self, place: int, updates: int) -> tuple[float, float]:
        """S and |g|^2, means over the measured points nearest to the quarters of the updates."""
        known = [u for u in sorted(self.moments) if place < len(self.moments[u][0])]
        nearest = [min(known, key=lambda u, at=at: abs(u - at)) for at in quarters(updates)]
        both = np.array([[moment[place] for moment in self.moments[u]] for u in nearest])
        return float(both[:, 0].mean()), float(both[:, 1].mean())


class _Passage:
    """When the plain members' training loss first was at the target, and where they were."""

    def __init__(self, trajectory: Trajectory) -> None:
        self._of = trajectory
        self._places = trajectory.stack.places("plain")
        self._held = trajectory.chosen(self._places, trajectory.start)
        self._updates = np.zeros(len(self._places), dtype=int)
        self._reached = np.zeros(len(self._places), dtype=bool)
        self.ended = False

    def look(self, number: int) -> None:
        """Take the members that have passed; at the cap take all that are left."""
        recipe = self._of.cell.recipe
        if number % recipe.check_every and number != recipe.updates:
            return
        now = self._of.chosen(slice(len(self._places)), self._of.parameters)
        losses = training_losses(self._of.cell, self._of.parts.take(self._places), now)
        waiting = self._updates == 0
        passed = waiting & (losses <= self._of.stack.target)
        self._reached |= passed
        taken = waiting if number >= recipe.updates else passed
        for place in np.flatnonzero(taken):
            for name, held in self._held.items():
                held[place] = now[name][place]
        self._updates[taken] = number
        self.ended = bool((self._updates > 0).all())

    def rows(self) -> list[Row]:
        """Measure the members where they were taken."""
        made = self._of.measure("equal_loss", self._places, self._held, self._updates.tolist())
        reached = self._reached.tolist()
        return [row | {"reached": r} for row, r in zip(made, reached, strict=True)]
