"""Levels: the outcome where one node is set to a grid of values, and others are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import intercepts
from causalhyper.queries.experiments.assumptions import refuse_confounding
from causalhyper.queries.experiments.questions import check_model, check_path, check_values
from causalhyper.scm.draws import Sampler
from causalhyper.scm.elimination import eliminate
from causalhyper.scm.model import FittedModel
from causalhyper.scm.replicates import Replicates
from causalhyper.scm.worlds import World, extrapolation, simulate

Setting = Mapping[str, float | Sequence[float]]
"""Nodes and what they are set to, in the units of their columns; one node may have several."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Nodes set to values: what is asked of a model where nothing is compared.

    Attributes
    ----------
    model : FittedModel
    outcome, treatment : str
        Nodes.
    at : tuple of float
        Values that the treatment is set to, in the unit of its column.
    held : mapping of str to float
        Other nodes, and the one value that each is set to.
    never_run : mapping of str to tuple of float
        For each node that is set, the values that no run has.
    """

    model: FittedModel
    outcome: str
    treatment: str
    at: tuple[float, ...]
    held: Mapping[str, float]
    never_run: Mapping[str, tuple[float, ...]]

    @property
    def nodes(self) -> tuple[str, ...]:
        """What is set."""
        return (self.treatment, *self.held)

    def world(self, at: Sequence[float] | None = None) -> World:
        """The world of all values, or of some; shape (1, d, 1) for the treatment."""
        roles = self.model.roles
        grid = roles[self.treatment].apply(np.array(self.at if at is None else at))
        held = {v: roles[v].apply(np.array([x]))[None, :, None] for v, x in self.held.items()}
        return World(do={self.treatment: grid[None, :, None]} | held)

    def simulate(
        self, replicates: Replicates, sampler: Sampler, *, averaged: bool = False
    ) -> Array:
        """Outcomes at every value, shape (r, d, m); averaged over a leaf's own noise if asked."""
        leaf = averaged and not self.model.graph.children(self.outcome)
        expected = self.outcome if leaf else None
        drawn = sampler.draw(
            self.model, replicates, partners=False, fixed=self.nodes, averaged=expected
        )
        values = simulate(self.model, replicates, drawn, self.world(), expected=expected)[
            self.outcome
        ]
        return np.broadcast_to(values, (len(replicates), len(self.at), sampler.count))

    def summarise(
        self,
        replicates: Replicates,
        sampler: Sampler,
        functional: Callable[[Array], Array],
        progress: Callable[[float], None] | None = None,
        *,
        averaged: bool = False,
    ) -> Array:
        """What a functional says of the outcomes in each replicate.

        Parameters
        ----------
        replicates : Replicates
        sampler : Sampler
        functional : callable
            Maps outcomes of shape (r, d, m) to shape (r, ...).
        progress : callable, optional
            Called with the share of the replicates done.
        averaged : bool
            Whether the functional is a mean, so that an outcome without effects may be replaced
            by its conditional mean.

        Returns
        -------
        ndarray, shape (replicates, ...)
        """
        parts, done = [], 0
        for chunk in replicates.chunks(len(self.at) * sampler.count):
            parts.append(functional(self.simulate(chunk, sampler, averaged=averaged)))
            done += len(chunk)
            if progress is not None:
                progress(done / len(replicates))
        return np.concatenate(parts)

    def distribution(self, replicates: Replicates) -> tuple[Array, Array]:
        """States of a discrete outcome, shape (s,), and their P(. | do), shape (r, d, s)."""
        roles = self.model.roles
        grid = roles[self.treatment].apply(np.array(self.at))
        held = {v: float(roles[v].apply(np.array(x))) for v, x in self.held.items()}
        return eliminate(self.model, replicates, self.treatment, grid, self.outcome, held)

    def extrapolated(self, replicates: Replicates, sampler: Sampler) -> tuple[float, ...]:
        """Share of simulated runs beyond the observed ones at each value, as fitted."""
        fitted = replicates.part(slice(1))
        drawn = sampler.draw(self.model, fitted, partners=False, fixed=self.nodes)
        shares = []
        for value in self.at:
            world = self.world([value])
            values = simulate(self.model, fitted, drawn, world)
            shares.append(extrapolation(self.model, world, values, drawn))
        return tuple(shares)

    def written(self, value: float) -> str:
        """One setting in words, such as "batch_size=16, sharpness=0.1"."""
        roles = self.model.roles
        pairs = [(self.treatment, value), *self.held.items()]
        return ", ".join(f"{roles[v].column}={x:g}" for v, x in pairs)

    def interpolated(self, value: float) -> tuple[str, ...]:
        """For each node set to a value that no run has, a sentence that says so."""
        pairs = [(self.treatment, value), *self.held.items()]
        return tuple(
            f"no run has {self.model.roles[v].column} = {x:g}: interpolated"
            for v, x in pairs
            if x in self.never_run[v]
        )

    @property
    def note(self) -> str:
        """That the treatment has no effect left, where that is so by construction."""
        graph = self.model.graph
        if not self.held or not intercepts(graph, self.treatment, self.outcome, set(self.held)):
            return ""
        return (
            f"Every directed path from {self.treatment} to {self.outcome} goes through what is "
            f"held ({', '.join(self.held)}): {self.outcome} is the same at every value of "
            f"{self.treatment} by construction"
        )


def ask_levels(model: FittedModel, setting: Setting, outcome: str) -> Levels:
    """Check a setting of nodes.

    Parameters
    ----------
    model : FittedModel
    setting : mapping of str to float or sequence of float
        Nodes and values in the units of their columns, within the range of the runs. One node
        may have several values: it is the treatment; otherwise the first node is.
    outcome : str
        An effect of every node that is set.

    Returns
    -------
    Levels

    Raises
    ------
    ConfigurationError
        If a node is unknown or without effect on the outcome, two nodes have several values, or
        a value lies outside the range of the runs.
    """
    check_model(model)
    if not isinstance(setting, Mapping) or not setting:
        raise ConfigurationError(
            f"name the nodes to set and their values, such as {{'B': [16, 32]}}; got {setting!r}"
        )
    model.graph.require(*setting, outcome)
    refuse_confounding(model, tuple(setting), outcome)
    values = {v: _numbers(v, given) for v, given in setting.items()}
    several = [v for v, x in values.items() if len(x) > 1]
    if len(several) > 1:
        raise ConfigurationError(
            f"{' and '.join(several)} have several values each: give several to one node and a "
            "single value to the others, and ask again for each"
        )
    never = {}
    for v, x in values.items():
        check_path(model, v, outcome)
        never[v] = check_values(model, v, x, others=setting)
    treatment = several[0] if several else next(iter(values))
    held = {v: x[0] for v, x in values.items() if v != treatment}
    return Levels(model, outcome, treatment, values[treatment], held, never)


def _numbers(node: str, given: float | Sequence[float]) -> tuple[float, ...]:
    """The values of one node, each once."""
    numbers = np.atleast_1d(np.asarray(given))
    if numbers.dtype.kind not in "iuf" or numbers.ndim != 1 or not numbers.size:
        raise ConfigurationError(
            f"{node} needs a number or a sequence of numbers such as [16, 32], got {given!r}"
        )
    if not np.isfinite(numbers).all():
        raise ConfigurationError(f"{node} needs finite values, got {given!r}")
    return tuple(dict.fromkeys(numbers.astype(np.float64).tolist()))
