"""Nested worlds: the treatment's value travels along some directed paths and no others.

A node is asked for its value in a *state*: the set of paths from the treatment to it along which
the new value comes. Each hyperedge that it stands in may ask for another state of it. A node
asked for in two states is a recanting witness: one run would need both of its values at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from causalhyper.arrays import Array
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge, directed_paths
from causalhyper.hypergraph.paths import reached
from causalhyper.queries.experiments.experiment import Experiment, Shared
from causalhyper.queries.mediation.couplings import Coupling, couple
from causalhyper.scm.draws import Draws
from causalhyper.scm.model import FittedModel
from causalhyper.scm.worlds import World, simulate

Path = tuple[str, ...]
Paths = frozenset[Path]


@dataclass(frozen=True, slots=True)
class Routes:
    """Which states of which nodes an effect along some paths asks for.

    Attributes
    ----------
    graph : DirectedHypergraph
    treatment, outcome : str
    paths : frozenset of tuple of str
        Along which the treatment has its new value; elsewhere it has the baseline.
    states : mapping of str to tuple of frozenset
        States of the outcome and of its causes that descend from the treatment, in topological
        order, the fullest state of a node first.
    whole : mapping of str to frozenset
        For each of these nodes all paths to it.
    """

    graph: DirectedHypergraph
    treatment: str
    outcome: str
    paths: Paths
    states: Mapping[str, tuple[Paths, ...]]
    whole: Mapping[str, Paths]

    @property
    def witnesses(self) -> tuple[str, ...]:
        """Recanting witnesses: nodes asked for in more than one state."""
        return tuple(v for v, asked in self.states.items() if len(asked) > 1)

    def causes(self, node: str, state: Paths) -> dict[str, Paths]:
        """The state of each cause that a node in some state asks for.

        Causes that do not descend from the treatment are left out; the treatment's own state
        holds its trivial path, or nothing.
        """
        return _causes(self.graph, self.treatment, set(self.states), node, state)


def find_routes(graph: DirectedHypergraph, treatment: str, outcome: str, paths: Paths) -> Routes:
    """Follow some directed paths back from the outcome.

    Parameters
    ----------
    graph : DirectedHypergraph
    treatment, outcome : str
        Nodes.
    paths : frozenset of tuple of str
        Directed paths from treatment to outcome.

    Returns
    -------
    Routes

    Notes
    -----
    Source: Avin, Shpitser and Pearl 2005, "Identifiability of path-specific effects"; Shpitser
    2013, "Counterfactual graphical models for longitudinal mediation analysis" (edge
    g-formula).

    Examples
    --------
    >>> graph = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> find_routes(graph, "B", "G", frozenset({("B", "N", "C", "G")})).witnesses
    ('N',)
    """
    inside = reached(graph, treatment, avoiding=())
    found: dict[str, set[Paths]] = {}
    todo = [(outcome, paths)]
    while todo:
        node, state = todo.pop()
        if node != treatment and state not in found.setdefault(node, set()):
            found[node].add(state)
            todo += _causes(graph, treatment, inside, node, state).items()
    asked = [v for v in graph.order() if v in found]
    states = {v: tuple(sorted(found[v], key=lambda s: (-len(s), sorted(s)))) for v in asked}
    whole = {v: frozenset(directed_paths(graph, treatment, v)) for v in asked}
    return Routes(graph, treatment, outcome, paths, states, whole)


def _causes(
    graph: DirectedHypergraph, treatment: str, inside: set[str], node: str, state: Paths
) -> dict[str, Paths]:
    return {
        cause: frozenset(path[:-1] for path in state if path[-2] == cause)
        for cause in graph.parents(node)
        if cause == treatment or cause in inside
    }


def nested_world(
    experiment: Experiment, shared: Shared, routes: Routes, coupling: Coupling
) -> World:
    """The world in which the outcome receives each cause in the state that the paths ask for.

    Parameters
    ----------
    experiment : Experiment
        Its grid has the baseline first.
    shared : Shared
    routes : Routes
    coupling : {"shared", "independent", "antithetic"}
        How the noise of a witness hangs together between its states.

    Returns
    -------
    World
        The outcome in it is exact. Every other node in several states shows one of them, so
        that support can be judged.
    """
    if routes.paths == routes.whole[routes.outcome]:
        return World()
    worlds = [
        couple(experiment, shared, routes.witnesses, coupling, copy) if copy else shared.draws
        for copy in range(max(len(states) for states in routes.states.values()))
    ]
    natural = shared.natural
    values: dict[tuple[str, Paths], Array] = {
        (routes.treatment, frozenset()): natural[routes.treatment][:, :1],
        (routes.treatment, frozenset({(routes.treatment,)})): natural[routes.treatment],
    }
    receives: dict[tuple[Hyperedge, str], Array] = {}
    for node, states in routes.states.items():
        for copy, state in enumerate(states):
            if state == routes.whole[node]:
                values[node, state] = natural[node]
            elif not state and coupling == "shared" and node != routes.outcome:
                values[node, state] = natural[node][:, :1]
            else:
                causes = routes.causes(node, state)
                received = {cause: values[cause, s] for cause, s in causes.items()}
                receives |= {
                    (edge, cause): received[cause]
                    for edge in routes.graph.into(node)
                    for cause in edge.tail
                    if cause in received
                }
                if node != routes.outcome:
                    inputs = {v: received.get(v, natural[v]) for v in routes.graph.parents(node)}
                    model = experiment.model
                    values[node, state] = _respond(model, node, shared, worlds[copy], inputs)
    return World(receives=receives)


def _respond(
    model: FittedModel, node: str, shared: Shared, draws: Draws, inputs: Mapping[str, Array]
) -> Array:
    """One node's value at given causes."""
    alone = replace(
        model,
        graph=DirectedHypergraph(model.graph.into(node)),
        mechanisms={node: model.mechanisms[node]},
    )
    return simulate(alone, shared.replicates, draws, World(do=inputs))[node]
