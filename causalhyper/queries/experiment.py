"""A simulated experiment: one grid of treatment values, one set of replicates, many worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.paths import reached
from causalhyper.inference import Bands, bands
from causalhyper.mechanisms.bases import Array
from causalhyper.queries.design import Design, find_design
from causalhyper.results import Estimate
from causalhyper.scm.draws import Draws, Sampler, make_sampler
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates, resample
from causalhyper.scm.worlds import World, extrapolation, simulate

SIMULATED = 512
"""Simulated runs a world and a replicate, at least; at most four times as many."""

Progress = Callable[[float], None]
"""Called with the share of the work done, in [0, 1]."""


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


@dataclass(frozen=True, slots=True)
class Experiment:
    """Compare values of a treatment with a baseline, in any number of worlds.

    Attributes
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    at : tuple of float
        Compared values of the treatment's column, in its own unit, without the baseline.
    baseline : float
    level : float
    seed : int
    replicates : Replicates
        Row 0 is the model as fitted.
    sampler, twin : Sampler
    design : Design
    """

    model: FittedModel
    treatment: str
    outcome: str
    at: tuple[float, ...]
    baseline: float
    level: float
    seed: int
    replicates: Replicates
    sampler: Sampler
    twin: Sampler
    design: Design

    @property
    def doses(self) -> Array:
        """Baseline first, then `at`, on the model scale; shape (1, d, 1)."""
        grid = np.array([self.baseline, *self.at])
        return self.model.roles[self.treatment].apply(grid)[None, :, None]

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
        parts: dict[str, list[Array]] = {name: [] for name in builders}
        done = 0
        for chunk in self.replicates.chunks():
            shared = self.share(chunk, alone=alone)
            for name, build in builders.items():
                values = self.run(shared, build)[1][self.outcome]
                shape = (len(chunk), len(self.at) + 1, values.shape[-1])
                parts[name].append(np.broadcast_to(values, shape).mean(axis=2))
            done += len(chunk)
            if progress is not None:
                progress(done / len(self.replicates))
        return {name: np.concatenate(p) for name, p in parts.items()}

    def share(self, chunk: Replicates, *, alone: bool = False) -> Shared:
        """Draw and simulate what the worlds of a chunk have in common."""
        draws = self.sampler.draw(self.model, chunk, partners=not alone)
        world = World(do={self.treatment: self.doses})
        natural = simulate(self.model, chunk, draws, world)
        if alone:
            return Shared(chunk, draws, natural, {})
        second = self.twin.draw(self.model, chunk, partners=False)
        return Shared(chunk, draws, natural, simulate(self.model, chunk, second, world))

    def run(self, shared: Shared, build: Builder) -> tuple[World, dict[str, Array]]:
        """Simulate one world: do(treatment) at the grid, and what `build` adds."""
        added = build(self.model, shared)
        held = {self.treatment: shared.natural[self.treatment]}
        world = World({**added.do, **held}, added.receives, added.additive)
        return world, simulate(self.model, shared.replicates, shared.draws, world, shared.natural)

    def extrapolated(self, builders: Mapping[str, Builder]) -> dict[str, float]:
        """Share of simulated runs beyond the observed ones, in each world, as fitted."""
        shared = self.share(self.replicates.part(slice(1)))
        out = {}
        for name, build in builders.items():
            world, values = self.run(shared, build)
            out[name] = extrapolation(self.model, world, values, shared.draws)
        return out

    def bands(self, quantities: Array) -> Bands:
        """Bands of quantities of shape (replicates, q), whose row 0 is the estimate."""
        return bands(
            quantities[0],
            quantities[1:],
            df=self.model.clusters - self.model.strata,
            level=self.level,
            seed=self.seed,
        )

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
        found = self.bands(quantities)
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
                level=self.level,
                method=method,
                n=self.model.n,
                clusters=self.model.clusters,
                assumptions=tuple(assumptions),
                seed=self.seed,
                subject=subject,
                joint_lower=float(found.joint_lower[i]) if joint else None,
                joint_upper=float(found.joint_upper[i]) if joint else None,
            )
            for i, value in enumerate(self.at)
        )

    @property
    def interval(self) -> str:
        """How intervals were made, in words."""
        df = self.model.clusters - self.model.strata
        again = f", {self.replicates.redrawn} drawn again" if self.replicates.redrawn else ""
        return (
            f"cluster bootstrap standard errors ({len(self.replicates) - 1} replicates of "
            f"{self.model.clusters} clusters{again}), t({df}) intervals"
        )


def natural_world(model: FittedModel, shared: Shared) -> World:
    """Intervene on nothing but the treatment."""
    return World()


def make_experiment(
    model: FittedModel,
    treatment: str,
    outcome: str,
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
) -> Experiment:
    """Check a question and draw the replicates that answer it.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes; the treatment an ancestor of the outcome.
    at : sequence of float
        Values to compare, in the unit of the treatment's column; the baseline itself is left
        out, repeated values count once.
    baseline : float
    draws : int
        Bootstrap replicates.
    seed : int
        Not negative; the same seed gives the same replicates in every query.
    level : float
        Of the intervals, in (0, 1).

    Returns
    -------
    Experiment

    Raises
    ------
    ConfigurationError
        If a node is unknown, the outcome is no effect of the treatment, or a value was never
        run.
    """
    _check_types(at, draws, seed)
    model.graph.require(treatment, outcome)
    if not 0 < level < 1:
        raise ConfigurationError(f"the level must lie between 0 and 1, got {level}: use 0.95")
    if seed < 0:
        raise ConfigurationError(f"the seed must not be negative, got {seed}")
    _check_path(model, treatment, outcome)
    if causes := model.graph.parents(treatment):
        raise ConfigurationError(
            f"{treatment} has causes in {model.graph} ({', '.join(causes)}), so it was not "
            "assigned and the design has no contrast of it: ask about a node without causes"
        )
    values = tuple(dict.fromkeys(float(a) for a in at if float(a) != float(baseline)))
    if not values:
        raise ConfigurationError(f"no value to compare with the baseline {baseline:g}: give some")
    _check_observed(model, treatment, (float(baseline), *values))
    weights, first, second = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
    grid = model.roles[treatment].apply(np.array([float(baseline), *values]))
    design = find_design(model, treatment, outcome, grid)
    return Experiment(
        model=model,
        treatment=treatment,
        outcome=outcome,
        at=values,
        baseline=float(baseline),
        level=level,
        seed=seed,
        replicates=resample(model, draws, weights, design.enough),
        sampler=make_sampler(model, count_simulated(model.n), first),
        twin=make_sampler(model, count_simulated(model.n), second),
        design=design,
    )


def _check_types(at: Sequence[float], draws: int, seed: int) -> None:
    if isinstance(at, str | int | float):
        raise ConfigurationError(f"at needs a sequence of numbers such as [16, 32], got {at!r}")
    for name, number in (("draws", draws), ("seed", seed)):
        if not isinstance(number, int | np.integer):
            raise ConfigurationError(f"{name} must be a whole number, got {number!r}")


def count_simulated(n: int) -> int:
    """Simulated runs for a sample of n: a multiple of n where that is affordable.

    Then the model as fitted draws every observed run equally often where clusters and contexts
    are of equal size, and the means of what is drawn are exact.
    """
    return min(n * -(-SIMULATED // n), 4 * SIMULATED)


def _check_path(model: FittedModel, treatment: str, outcome: str) -> None:
    if treatment == outcome or outcome not in reached(model.graph, treatment, avoiding=()):
        raise ConfigurationError(
            f"{outcome} is no effect of {treatment} in {model.graph}: its effect is zero by "
            "assumption, and there is nothing to estimate"
        )


def _check_observed(model: FittedModel, treatment: str, grid: tuple[float, ...]) -> None:
    role = model.roles[treatment]
    seen = np.unique(model.values[treatment])
    for value in grid:
        if role.is_logarithmic and value <= 0:
            raise ConfigurationError(
                f"{role.label} is analysed on a logarithmic scale, so no value may be {value!r}: "
                "compare values above 0"
            )
        if not np.isclose(seen, role.apply(np.array([value]))[0], rtol=1e-9, atol=1e-12).any():
            back = {"identity": seen, "log": np.exp(seen), "log2": 2**seen, "log10": 10**seen}
            runs = ", ".join(f"{v:.9g}" for v in back[role.transform][:12])
            raise ConfigurationError(
                f"no run has {role.column} = {value:.9g}, so the design says nothing there; runs "
                f"have {runs}{', ...' if len(seen) > 12 else ''}"
            )
