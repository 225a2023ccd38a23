"""A simulated experiment: one grid of treatment values, one set of replicates, many worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.mechanisms import Polynomial, constant
from causalhyper.progress import Progress
from causalhyper.queries.experiments.adjustment import Adjustment
from causalhyper.queries.experiments.design import Design
from causalhyper.queries.experiments.questions import Question
from causalhyper.queries.experiments.uncertainty import Uncertainty
from causalhyper.results import Estimate
from causalhyper.scm.draws import Draws, Sampler
from causalhyper.scm.expansion import expand, expandable, expected_values, needed
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.worlds import World, extrapolation, simulate

ROUNDING = 64 * np.finfo(float).eps
"""What is below this share of the largest outcome, in every replicate, is no effect."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What all worlds of one chunk of replicates share.

    Attributes
    ----------
    replicates : Replicates
    draws : Draws
    natural : mapping of str to ndarray, broadcastable to shape (r, d, m)
        Every node under do(treatment) at the grid.
    twin_natural : mapping of str to ndarray, broadcastable to shape (r, d, m)
        The same from a second, independent set of draws with the same contexts: the random
        draws of a mediator that a randomised analogue needs. Empty where no world needs it.
    """

    replicates: Replicates
    draws: Draws
    natural: Mapping[str, Array]
    twin_natural: Mapping[str, Array]


Builder = Callable[[FittedModel, Shared], World]
"""Makes what a world intervenes on beside the treatment."""
Natural = Mapping[str, Any]
"""Values of nodes under do(treatment), or their expansions: what can be sliced by dose."""


@dataclass(frozen=True, slots=True)
class Spliced:
    """A builder of worlds that are put together from natural values and constants alone.

    Such a world can be expanded into a polynomial as well as simulated.

    Attributes
    ----------
    build : callable
        Makes the world from natural values, and from those of a second set of draws.
    """

    build: Callable[[Natural, Natural], World]

    def __call__(self, model: FittedModel, shared: Shared) -> World:
        """The world of simulated values."""
        return self.build(shared.natural, shared.twin_natural)


natural_world = Spliced(lambda natural, twin: World())
"""Intervenes on nothing but the treatment."""
Functional = Callable[[Array], Array]
"""Maps outcomes of shape (r, d, m) to what is asked of them, of shape (r, d, ...)."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Compare values of a treatment with a baseline, in any number of worlds.

    Attributes
    ----------
    model : FittedModel
    question : Question
    replicates : Replicates
        Row 0 is the model as fitted.
    uncertainty : Uncertainty
        How the other rows become intervals.
    sampler, twin : Sampler
    design : Design or None
        The design's own contrasts, where the treatment was assigned and all values were run.
    no_design : str
        Why there are none; "" where there are.
    adjustment : Adjustment or None
        The regression on a back-door set, where there is one.
    no_adjustment : str
        Why there is none; "" where there is.
    """

    model: FittedModel
    question: Question
    replicates: Replicates
    uncertainty: Uncertainty
    sampler: Sampler
    twin: Sampler
    design: Design | None
    no_design: str
    adjustment: Adjustment | None
    no_adjustment: str

    @property
    def treatment(self) -> str:
        """The node that is set."""
        return self.question.treatment

    @property
    def outcome(self) -> str:
        """The node that is asked about."""
        return self.question.outcome

    @property
    def size(self) -> float:
        """Largest absolute value of the outcome, which errors of rounding are held against."""
        return self.model.size(self.outcome)

    @property
    def at(self) -> tuple[float, ...]:
        """Compared values, without the baseline, in the unit of the treatment's column."""
        return self.question.at

    @property
    def baseline(self) -> float:
        """The value that the others are compared with."""
        return self.question.baseline

    @property
    def interval(self) -> str:
        """How intervals were made, in words."""
        return str(self.uncertainty)

    def means(
        self,
        builders: Mapping[str, Builder],
        progress: Progress | None = None,
        *,
        alone: bool = False,
    ) -> dict[str, Array]:
        """Mean outcome in each world, at each value of the grid, in each replicate.

        Parameters
        ----------
        builders : mapping of str to callable
        progress : callable, optional
        alone : bool
            Whether no world but the natural one is asked for, which needs fewer draws.

        Returns
        -------
        dict of str to ndarray, shape (replicates, d)
        """
        spliced = {k: b for k, b in builders.items() if isinstance(b, Spliced)}
        if len(spliced) == len(builders) and self._expandable():
            return self._expand(spliced, progress)
        return self.summarise(
            builders, lambda y: y.mean(axis=2), progress, alone=alone, averaged=True
        )

    def _expandable(self) -> bool:
        doses = len(self.at) + 1
        return expandable(self.model, self.treatment, self.outcome, doses)

    def _expand(
        self, builders: Mapping[str, Spliced], progress: Progress | None
    ) -> dict[str, Array]:
        """Means of spliced worlds from moments of their noise."""
        model, replicates = self.model, self.replicates
        nodes = needed(model, self.treatment, self.outcome)
        held = {self.treatment: constant(self.question.grid(model)[None, :])}
        natural, twin = (expand(model, replicates, nodes, held, draws=k) for k in (0, 1))
        outcomes: dict[str, Polynomial] = {}
        for name, build in builders.items():
            world = build.build(natural, twin)
            do = {**world.do, **held}
            outcomes[name] = expand(model, replicates, nodes, do, world.receives)[self.outcome]
        samplers = (self.sampler, self.twin)
        found = expected_values(model, replicates, samplers, outcomes, progress)
        shape = (len(replicates), len(self.at) + 1)
        return {name: np.broadcast_to(means, shape) for name, means in found.items()}

    def summarise(
        self,
        builders: Mapping[str, Builder],
        functional: Functional,
        progress: Progress | None = None,
        *,
        alone: bool = False,
        averaged: bool = False,
    ) -> dict[str, Array]:
        """Some functional of the outcome's distribution in each world and each replicate.

        Parameters
        ----------
        builders : mapping of str to callable
        functional : callable
            Maps outcomes of shape (r, d, m) to shape (r, d, ...).
        progress : callable, optional
        alone : bool
            Whether no world but the natural one is asked for, which needs fewer draws.
        averaged : bool
            Whether the functional is a mean, so that an outcome without effects may be replaced
            by its conditional mean.

        Returns
        -------
        dict of str to ndarray, shape (replicates, d, ...)
        """
        parts: dict[str, list[Array]] = {name: [] for name in builders}
        leaf = averaged and not self.model.graph.children(self.outcome)
        expected = self.outcome if leaf else None
        done = 0
        for chunk in self.replicates.chunks((len(self.at) + 1) * self.sampler.count):
            shared = self.share(chunk, alone=alone, expected=expected)
            for name, build in builders.items():
                values = self.run(shared, build, expected)[1][self.outcome]
                shape = (len(chunk), len(self.at) + 1, values.shape[-1])
                parts[name].append(functional(np.broadcast_to(values, shape)))
            done += len(chunk)
            if progress is not None:
                progress(done / len(self.replicates))
        return {name: np.concatenate(p) for name, p in parts.items()}

    def share(
        self, chunk: Replicates, *, alone: bool = False, expected: str | None = None
    ) -> Shared:
        """Draw and simulate what the worlds of a chunk have in common."""
        held, rows = (self.treatment,), self.sampler.rows(chunk)
        draws = self.sampler.draw(
            self.model, chunk, partners=not alone, fixed=held, averaged=expected, rows=rows
        )
        world = World(do={self.treatment: self.question.grid(self.model)[None, :, None]})
        natural = simulate(self.model, chunk, draws, world, expected=expected)
        if alone:
            return Shared(chunk, draws, natural, {})
        second = self.twin.draw(
            self.model, chunk, partners=False, fixed=held, averaged=expected, rows=rows
        )
        return Shared(chunk, draws, natural, simulate(self.model, chunk, second, world))

    def run(
        self, shared: Shared, build: Builder, expected: str | None = None
    ) -> tuple[World, dict[str, Array]]:
        """Simulate one world: do(treatment) at the grid, and what `build` adds."""
        added = build(self.model, shared)
        held = {self.treatment: shared.natural[self.treatment]}
        world = World({**added.do, **held}, added.receives, added.additive)
        values = simulate(
            self.model, shared.replicates, shared.draws, world, shared.natural, expected
        )
        return world, values

    def extrapolated(self, builders: Mapping[str, Builder]) -> dict[str, float]:
        """Share of simulated runs beyond the observed ones, in each world, as fitted."""
        shared = self.share(self.replicates.part(slice(1)))
        out = {}
        for name, build in builders.items():
            world, values = self.run(shared, build)
            out[name] = extrapolation(self.model, world, values, shared.draws)
        return out

    def estimates(
        self,
        query: str,
        quantities: Array,
        *,
        estimand: Callable[[float], str],
        method: str,
        assumptions: Sequence[str],
        subject: str = "",
        joint: bool = False,
    ) -> tuple[Estimate, ...]:
        """One estimate for each value of `at`, from quantities of shape (replicates, len(at)).

        The matching protocol is part of every estimand, so it is written behind each.
        """
        quantities = self._without_rounding(quantities)
        found = self.uncertainty.bands(quantities, self.size)
        return tuple(
            Estimate(
                query=query,
                treatment=self.treatment,
                value=value,
                baseline=self.baseline,
                estimand=f"{estimand(value)}; protocol: {self.model.protocol}",
                estimate=float(quantities[0, i]),
                se=float(found.se[i]),
                lower=float(found.lower[i]),
                upper=float(found.upper[i]),
                level=self.uncertainty.level,
                method=method,
                n=self.model.n,
                clusters=self.model.clusters,
                assumptions=(*assumptions, *self._interpolated(value)),
                seed=self.uncertainty.seed,
                subject=subject,
                joint_lower=float(found.joint_lower[i]) if joint else None,
                joint_upper=float(found.joint_upper[i]) if joint else None,
                df=float(found.df[i]),
            )
            for i, value in enumerate(self.at)
        )

    def _without_rounding(self, quantities: Array) -> Array:
        """Zeros where nothing but rounding stands, so that it is not taken for an effect."""
        rounding = np.abs(quantities).max(axis=0) <= ROUNDING * self.size
        return np.where(rounding, 0.0, quantities)

    def _interpolated(self, value: float) -> tuple[str, ...]:
        if self.model.graph.parents(self.treatment):
            return ()  # values of what was not assigned are hardly ever met twice
        column = self.model.roles[self.treatment].column
        missing = [v for v in (value, self.baseline) if v in self.question.never_run]
        return tuple(f"no run has {column} = {v:g}: interpolated" for v in missing)
