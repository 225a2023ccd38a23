"""Games: who shares an effect, and the world in which each coalition is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import between
from causalhyper.queries.ablations.operation_list import list_operations
from causalhyper.queries.ablations.operations import (
    CutHyperedge,
    Operation,
    RandomiseNode,
    check_operations,
)
from causalhyper.queries.ablations.query import check_operation
from causalhyper.queries.experiments.experiment import Builder, Experiment, Shared
from causalhyper.queries.mediation.couplings import COUPLED
from causalhyper.queries.paths.groups import group_paths
from causalhyper.queries.paths.nested import Routes, find_routes, nested_world
from causalhyper.scm.model import FittedModel
from causalhyper.scm.worlds import World

PLAYERS = 10
"""Players at most: every coalition of them is a world."""

Coalition = frozenset[str]


@dataclass(frozen=True, slots=True)
class Game:
    """Who plays, and the world in which a coalition is kept and all others are removed.

    Attributes
    ----------
    players : tuple of str
    references : tuple of str
        What each is replaced by where it is removed.
    worlds : mapping of frozenset of str to callable
        One for each of the 2^n coalitions.
    alone : tuple of str
        Players whose removal alone makes the effect vanish by construction.
    assumes : tuple of str
    """

    players: tuple[str, ...]
    references: tuple[str, ...]
    worlds: Mapping[Coalition, Builder]
    alone: tuple[str, ...]
    assumes: tuple[str, ...]


def _coalitions(players: Sequence[str]) -> list[Coalition]:
    if not 1 <= len(players) <= PLAYERS:
        raise ConfigurationError(
            f"{len(players)} players: shares need 1 to {PLAYERS}, because every coalition of them "
            "is simulated; name the operations to share the effect among"
        )
    if len(set(players)) < len(players):
        raise ConfigurationError(f"a player is named twice among {', '.join(players)}")
    sizes = range(len(players) + 1)
    return [frozenset(c) for c in chain.from_iterable(combinations(players, k) for k in sizes)]


def removal_game(experiment: Experiment, players: str | Sequence[Operation]) -> Game:
    """Parts share the effect: one that is left out is removed by its operation."""
    operations = _operations(experiment, players)
    check_operations(operations)
    for operation in operations:
        check_operation(experiment, operation)
    names = tuple(str(o) for o in operations)
    worlds = {}
    for kept in _coalitions(names):
        worlds[kept] = _without([o for o in operations if str(o) not in kept])
    _check_apart(experiment, operations)
    ends = experiment.model.graph, experiment.treatment, experiment.outcome
    return Game(
        players=names,
        references=tuple(o.reference for o in operations),
        worlds=worlds,
        alone=tuple(str(o) for o in operations if o.tautology(*ends)),
        assumes=tuple(f"Q of {o}: {o.reference}" for o in operations),
    )


def _operations(experiment: Experiment, players: str | Sequence[Operation]) -> list[Operation]:
    graph = experiment.model.graph
    if players == "mediators":
        inside = between(graph, experiment.treatment, experiment.outcome)
        return [RandomiseNode(v) for v in inside]
    if players == "hyperedges":
        listed = list_operations(graph, experiment.treatment, experiment.outcome)
        return [o for o in listed if isinstance(o, CutHyperedge)]
    if isinstance(players, str) or not isinstance(players, Iterable):
        raise ConfigurationError(
            f"unknown players {players!r}: use 'mediators', 'hyperedges', 'paths' or operations "
            "such as RandomiseNode('S')"
        )
    return list(players)


def _without(removed: Sequence[Operation]) -> Builder:
    def build(model: FittedModel, shared: Shared) -> World:
        worlds = [operation.world(model, shared) for operation in removed]
        return World(
            do={k: x for w in worlds for k, x in w.do.items()},
            receives={k: x for w in worlds for k, x in w.receives.items()},
            additive={k: x for w in worlds for k, x in w.additive.items()},
        )

    return build


def _check_apart(experiment: Experiment, operations: Sequence[Operation]) -> None:
    """Refuse two operations on the same part, of which one would overrule the other."""
    shared = experiment.share(experiment.replicates.part(slice(1)))
    taken: dict[object, Operation] = {}
    for operation in operations:
        world = operation.world(experiment.model, shared)
        for part in (*world.do, *world.receives, *world.additive):
            if part in taken:
                raise ConfigurationError(
                    f"'{taken[part]}' and '{operation}' act on the same part: keep one of them"
                )
            taken[part] = operation


def _along(experiment: Experiment, routes: Routes) -> Builder:
    return lambda _, shared: nested_world(experiment, shared, routes, "shared")


def path_game(experiment: Experiment) -> Game:
    """Directed paths share the effect: one that is left out has the treatment's baseline."""
    graph, ends = experiment.model.graph, (experiment.treatment, experiment.outcome)
    groups = group_paths(graph, *ends, None)
    worlds: dict[Coalition, Builder] = {}
    witnesses: dict[str, None] = {}
    for kept in _coalitions(tuple(groups)):
        paths = frozenset(path for name in kept for path in groups[name])
        routes = find_routes(graph, *ends, paths)
        witnesses |= dict.fromkeys(routes.witnesses)
        worlds[kept] = _along(experiment, routes)
    assumes = [f"cross-world: {COUPLED['shared']}"]
    if witnesses:
        assumes.append(
            f"not identified without the model: {', '.join(witnesses)} has two values in one run "
            "(recanting witness)"
        )
    return Game(
        players=tuple(groups),
        references=("the treatment's baseline along the path",) * len(groups),
        worlds=worlds,
        alone=tuple(groups) if len(groups) == 1 else (),
        assumes=tuple(assumes),
    )
