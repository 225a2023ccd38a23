"""The queries of a study file: each option checked, and put as its verb takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import DirectedHypergraph, between
from causalhyper.hypergraph.names import nearest
from causalhyper.queries.ablations.operations import (
    CutEdge,
    CutHyperedge,
    DropInteraction,
    FixNode,
    Operation,
    RandomiseNode,
)
from causalhyper.study.faults import Faults, shown
from causalhyper.study.keys import Key, read_table
from causalhyper.study.plan import AskedQuery
from causalhyper.study.verbs import DEFAULT_ASK, OPERATIONS, VERBS

NODES = ("treatment", "outcome", "mediators", "keep", "node", "setting", "controlled", "pairs")
"""Options that name nodes, or are tables of them."""


def read_queries(
    tables: object,
    question: Mapping[str, Any],
    uncertainty: Mapping[str, Any],
    graph: DirectedHypergraph | None,
    faults: Faults,
) -> tuple[AskedQuery, ...]:
    """Read the tables [[query]]; without any, the whole analysis is asked.

    Parameters
    ----------
    tables : object
        What stands in the file; None without any.
    question, uncertainty : mapping
        What holds for all queries.
    graph : DirectedHypergraph or None
        None where it is at fault itself.
    faults : Faults
        Gets what is wrong.

    Returns
    -------
    tuple of AskedQuery
        Those that are right.
    """
    found = []
    given = [{"ask": DEFAULT_ASK}] if tables is None else tables
    for number, table in enumerate(given if isinstance(given, list) else [], start=1):
        asked = table.get("ask") if isinstance(table, dict) else None
        if not isinstance(asked, str) or asked not in VERBS:
            hint = nearest(asked, VERBS) if isinstance(asked, str) else ""
            names = ", ".join(VERBS)
            faults.add(
                f"[[query]] {number} ask",
                f"expected the name of a query, one of {names}; got {shown(asked)}{hint}",
            )
            continue
        found.append(_read_query(number, asked, table, question, uncertainty, graph, faults))
    return tuple(found)


def _read_query(
    number: int,
    name: str,
    table: dict[str, Any],
    question: Mapping[str, Any],
    uncertainty: Mapping[str, Any],
    graph: DirectedHypergraph | None,
    faults: Faults,
) -> AskedQuery:
    verb, place = VERBS[name], f"[[query]] {number} ({name})"
    options = read_table(table, (Key("ask", "text"), *verb.keys), place, faults)
    del options["ask"]
    shared = {key: value for key, value in uncertainty.items() if verb.shares(key)}
    shared |= {key: value for key, value in question.items() if key in verb.shared}
    arguments = shared | options
    for key in ("at", "baseline"):
        if key in verb.required and key not in arguments and key not in table and question:
            faults.add(f"{place} {key}", "is missing; give it here, or in [question] for all")
    if graph is not None:
        _check_nodes(name, options, arguments, graph, place, faults)
    arguments = _as_taken(name, arguments, graph, place, faults)
    return AskedQuery(number, name, options, arguments)


def _check_nodes(
    name: str,
    options: Mapping[str, Any],
    arguments: Mapping[str, Any],
    graph: DirectedHypergraph,
    place: str,
    faults: Faults,
) -> None:
    unknown = False
    for key in NODES:
        for node in _flat(options.get(key, ())):
            known = node in graph.nodes
            unknown = unknown or not known
            if not known:
                faults.attempt(f"{place} {key}", graph.require, node)
    ends = str(arguments.get("treatment")), str(arguments.get("outcome"))
    if name == "identify" or unknown or not set(ends) <= set(graph.nodes):
        return
    inside = between(graph, *ends) if len(set(ends)) == 2 else ()
    for node in _flat(options.get("mediators", ())):
        if node not in inside:
            listed = ", ".join(inside) or "none"
            faults.add(
                f"{place} mediators",
                f"{node} is not between {ends[0]} and {ends[1]}; these are: {listed}",
            )


def _flat(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    names = value if isinstance(value, Iterable) else ()
    return tuple(n for part in names for n in (part if isinstance(part, tuple) else (part,)))


def _as_taken(
    name: str,
    arguments: dict[str, Any],
    graph: DirectedHypergraph | None,
    place: str,
    faults: Faults,
) -> dict[str, Any]:
    """The arguments in the form that the verb takes."""
    taken = dict(arguments)
    if name == "do" and "setting" in taken:
        taken["setting"] = {v: x[0] if len(x) == 1 else x for v, x in taken["setting"].items()}
    if "cost" in taken:
        taken["cost"] = _cost(taken["cost"])
    if name == "ablate":
        names = [key.name for key in OPERATIONS]
        asked = {key: taken.pop(key) for key in names if key in taken}
        kind = taken.pop("reference", None)
        if len(asked) != 1:
            faults.add(place, f"expected one of {', '.join(names)}; got {len(asked)} of them")
            return taken
        (key, part), *_ = asked.items()
        taken["operation"] = faults.attempt(f"{place} {key}", _operation, key, part, kind, graph)
    for key in ("edge", "paths"):
        if key in taken and graph is not None:
            faults.attempt(f"{place} {key}", _within, taken[key], graph)
    return taken


def _cost(cost: Mapping[str, float]) -> Mapping[Any, float]:
    """Keys that are all numbers are treatment values: keys of TOML are texts."""
    try:
        return {float(key): price for key, price in cost.items()}
    except ValueError:
        return cost


def _operation(
    key: str, part: Any, kind: str | None, graph: DirectedHypergraph | None
) -> Operation:
    kinds = {} if kind is None else {"reference_kind": kind}
    if kind is not None and key not in ("cut_hyperedge", "drop_interaction"):
        raise ConfigurationError("takes no reference: cut_hyperedge and drop_interaction do")
    if key == "fix_node":
        if len(part) != 1:
            raise ConfigurationError(f"expected one node and its value; got {shown(part)}")
        ((node, value),) = part.items()
        _within_nodes(graph, node)
        return FixNode(node, value)
    if key == "randomise_node":
        _within_nodes(graph, part)
        return RandomiseNode(part)
    if key == "cut_edge":
        arc = CutEdge(part)
        _within_nodes(graph, arc.cause, arc.head)
        return arc
    make: Callable[..., Operation] = CutHyperedge if key == "cut_hyperedge" else DropInteraction
    if graph is not None:
        _within(part, graph)
    return make(part, **kinds)


def _within_nodes(graph: DirectedHypergraph | None, *nodes: str) -> None:
    if graph is not None:
        graph.require(*nodes)


def _within(texts: str | tuple[str, ...], graph: DirectedHypergraph) -> None:
    """Refuse hyperedges or paths that the hypergraph does not have."""
    for text in (texts,) if isinstance(texts, str) else texts:
        asked = DirectedHypergraph.parse(text)
        graph.require(*asked.nodes)
        if isinstance(texts, str) and (
            missing := [e for e in asked.edges if e not in graph.edges]
        ):
            raise ConfigurationError(f"{missing[0]} is no hyperedge of {graph}: name one that is")
        if lost := [a for a in asked.arcs if a not in graph.arcs]:
            raise ConfigurationError(f"{' -> '.join(lost[0])} is no arc of {graph}")
