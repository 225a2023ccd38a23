"""The worlds that a mediation compares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between, recanting_witnesses
from causalhyper.queries.experiments.experiment import (
    Builder,
    Experiment,
    Natural,
    Shared,
    Spliced,
)
from causalhyper.queries.experiments.questions import scale_value
from causalhyper.queries.mediation.couplings import Coupling, alternative, check_coupling, couple
from causalhyper.scm.worlds import World, simulate


def mediation_worlds(
    experiment: Experiment,
    names: tuple[str, ...],
    coupling: Coupling = "shared",
    controlled: Mapping[str, float] | None = None,
) -> dict[str, Builder]:
    """The worlds that a mediation compares with the natural one, by key.

    Parameters
    ----------
    experiment : Experiment
    names : tuple of str
        The mediators.
    coupling : {"shared", "independent", "antithetic"}
    controlled : mapping of str to float, optional
        A value for each mediator, in the unit of its column.

    Returns
    -------
    dict of str to callable

    Raises
    ------
    ConfigurationError
        If a mediator is not between treatment and outcome, or a value is out of range.
    """
    check_coupling(coupling)
    _check(experiment, names)
    witnesses = find_witnesses(experiment, names)
    worlds: dict[str, Builder] = {
        "fixed": Spliced(lambda _, twin: World(do={v: twin[v][:, :1] for v in names})),
        "moving": Spliced(lambda _, twin: World(do={v: twin[v] for v in names})),
    }
    worlds |= _crossed(experiment, names, witnesses, coupling)
    if witnesses:
        other = _crossed(experiment, names, witnesses, alternative(coupling))
        worlds["nested, other coupling"] = other["nested"]
    if controlled is not None:
        held = _controlled(experiment, names, controlled)
        worlds["controlled"] = Spliced(lambda natural, twin: World(do=held))
    return {world_key(name, names): build for name, build in worlds.items()}


def world_key(world: str, names: tuple[str, ...]) -> str:
    """The key of a world of one mediation among those of a whole analysis."""
    return f"mediate {', '.join(names)}: {world}"


def find_witnesses(experiment: Experiment, names: tuple[str, ...]) -> tuple[str, ...]:
    """Recanting witnesses of a mediation."""
    return recanting_witnesses(
        experiment.model.graph, experiment.treatment, set(names), experiment.outcome
    )


def _check(experiment: Experiment, names: tuple[str, ...]) -> None:
    graph = experiment.model.graph
    graph.require(*names)
    inside = between(graph, experiment.treatment, experiment.outcome)
    if wrong := [v for v in names if v not in inside]:
        raise ConfigurationError(
            f"{', '.join(wrong)} is on no directed path from {experiment.treatment} to "
            f"{experiment.outcome}; mediators are {', '.join(inside) or 'none'}"
        )
    if not names:
        raise ConfigurationError(f"name a mediator; there are {', '.join(inside) or 'none'}")


def _controlled(
    experiment: Experiment, names: tuple[str, ...], controlled: Mapping[str, float]
) -> dict[str, Array]:
    if not isinstance(controlled, Mapping):
        raise ConfigurationError(
            f"controlled must map each mediator to a value, such as {{'S': 0.1}}; got "
            f"{controlled!r}"
        )
    if set(controlled) != set(names):
        raise ConfigurationError(
            f"controlled needs one value for each of {', '.join(names)}, got "
            f"{', '.join(map(str, controlled)) or 'none'}"
        )
    model = experiment.model
    others = (experiment.treatment, *names)
    return {v: np.full((1, 1, 1), scale_value(model, v, controlled[v], others)) for v in names}


def _crossed(
    experiment: Experiment, names: tuple[str, ...], witnesses: tuple[str, ...], coupling: Coupling
) -> dict[str, Builder]:
    """Worlds whose mediators come from another world of the same runs."""
    if coupling == "shared" or not witnesses:
        return {
            "nested": Spliced(lambda natural, _: _nest(natural, names)),
            "carried": Spliced(lambda natural, _: _carry(experiment, natural, natural, names)),
        }

    def elsewhere(shared: Shared) -> Natural:
        draws = couple(experiment, shared, witnesses, coupling)
        world = World(do={experiment.treatment: shared.natural[experiment.treatment]})
        return simulate(experiment.model, shared.replicates, draws, world)

    return {
        "nested": lambda _, s: _nest(elsewhere(s), names),
        "carried": lambda _, s: _carry(experiment, s.natural, elsewhere(s), names),
    }


def _nest(elsewhere: Natural, names: tuple[str, ...]) -> World:
    """The mediators as they would have been in the same run at the baseline."""
    return World(do={v: elsewhere[v][:, :1] for v in names})


def _carry(
    experiment: Experiment, natural: Natural, elsewhere: Natural, names: tuple[str, ...]
) -> World:
    """Everything at the baseline but the mediators, which are as in the same run at b."""
    treatment = experiment.treatment
    start = natural[treatment][:, :1]
    edges = [edge for edge in experiment.model.graph.edges if treatment in edge.tail]
    return World(
        do={v: elsewhere[v] for v in names}, receives={(edge, treatment): start for edge in edges}
    )
