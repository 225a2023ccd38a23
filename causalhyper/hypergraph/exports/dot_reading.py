"""Reading a hypergraph from the DOT language."""

from __future__ import annotations

from collections.abc import Mapping

from causalhyper.errors import GraphError
from causalhyper.hypergraph.exports.dot_statements import DotArc, Statements, read_dot
from causalhyper.hypergraph.exports.observed import is_observed
from causalhyper.hypergraph.exports.tails import join_tails, measured_part
from causalhyper.hypergraph.hyperedges import Hyperedge
from causalhyper.hypergraph.names import hyperedge_fault, is_name, nearest
from causalhyper.hypergraph.structure import DirectedHypergraph


def from_dot(
    text: str, *, joint: bool = False, names: Mapping[str, str] | None = None
) -> DirectedHypergraph:
    """Read a hypergraph from the DOT language, or from dagitty's form of it.

    Parameters
    ----------
    text : str
        ``digraph { ... }`` or ``dag { ... }``, by `to_dot` or as people write it. Each arc is a
        hyperedge of its own; ``{N S} -> C`` is two arcs, as everywhere in DOT. Causes meet in
        one hyperedge at a node with ``kind=hyperedge``. ``A <-> B``, ``A -> B [dir=both]`` and
        a node ``U [observed="no"]`` or ``U [latent]`` are latent common causes; unmeasured
        nodes are projected out (`project_out`).
    joint : bool
        Whether all causes of a node act jointly: one hyperedge a head.
    names : mapping of str to str, optional
        Node names for those of the text that no node can have, such as
        ``{"batch size": "B"}``.

    Returns
    -------
    DirectedHypergraph
        Nodes and hyperedges in the order of the text, an arc stated twice taken once;
        ``from_dot(to_dot(h)) == h`` for every `h`.

    Raises
    ------
    GraphError
        If the text cannot be read, with line and column, or is no valid hypergraph.

    Examples
    --------
    >>> print(from_dot('digraph { B -> N -> S; {N S} -> C; U [observed="no"]; U -> {N C} }'))
    B -> N; N -> S; N -> C; S -> C; N <-> C
    >>> print(from_dot("digraph { {N S} -> C }", joint=True))
    {N, S} -> C
    """
    found = read_dot(text)
    named = _name_nodes(found, names or {})
    junctions = [v for v, given in found.nodes.items() if given.get("kind") == "hyperedge"]
    hidden = [v for v, given in found.nodes.items() if not is_observed(v, given)]
    pairs = dict.fromkeys(
        (min(pair), max(pair))
        for arc in found.arcs
        if (pair := _latent_pair(arc, junctions, named))
    )
    h = DirectedHypergraph(
        _hyperedges(found, junctions, named),
        tuple(named[v] for v in found.nodes if v not in junctions),
        tuple(pairs),
    )
    h = measured_part(h, [named[v] for v in hidden])
    return join_tails(h) if joint else h


def _name_nodes(found: Statements, names: Mapping[str, str]) -> dict[str, str]:
    """Return the node's name for each name of the text; what is not measured may have any."""
    if unknown := [name for name in names if name not in found.nodes]:
        hint = nearest(unknown[0], found.nodes)
        raise GraphError(f"the text has no node {unknown[0]!r}, which 'names' renames{hint}")
    named = {}
    for place, (text, given) in enumerate(found.nodes.items()):
        named[text] = names.get(text, text)
        if given.get("kind") == "hyperedge" or is_name(named[text]):
            continue
        if is_observed(text, given):
            found.places[text].refuse(
                "no node can have this name: start with a letter or _, then letters, digits, _ "
                f"and .; give it another, such as names={{{text!r}: {_suggest(text)!r}}}"
            )
        named[text] = f"U_{place}" + "_" * len(found.nodes)
    return named


def _suggest(text: str) -> str:
    """Make a valid name of any text."""
    name = "".join(sign if sign.isalnum() or sign in "_." else "_" for sign in text)
    return name if is_name(name) else f"_{name}"


def _latent_pair(
    arc: DotArc, junctions: list[str], named: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return the two nodes of a latent arc, None for a directed one."""
    ends = arc.attributes.get("dir", "forward")
    if ends not in ("forward", "both"):
        arc.token.refuse(
            f"the arc has dir={ends}, so it does not point from cause to effect: "
            "write the cause first, and no dir"
        )
    if arc.arrow != "<->" and ends != "both":
        return None
    if arc.source in junctions or arc.target in junctions:
        arc.token.refuse("a latent common cause joins two nodes; got a hyperedge")
    if arc.source == arc.target:
        arc.token.refuse(f"a latent common cause joins two nodes; got {arc.source!r} twice")
    return named[arc.source], named[arc.target]


def _hyperedges(
    found: Statements, junctions: list[str], named: Mapping[str, str]
) -> tuple[Hyperedge, ...]:
    """Collect the hyperedges, in the order in which the text comes to them."""
    tails: dict[tuple[str, ...], list[str]] = {}
    heads: dict[tuple[str, ...], list[str]] = {}
    for arc in found.arcs:
        if _latent_pair(arc, junctions, named):
            continue
        ends = (arc.source, arc.target) if arc.arrow == "->" else (arc.target, arc.source)
        meeting = [end for end in ends if end in junctions]
        if len(meeting) == 2:
            arc.token.refuse("the arc joins two hyperedges; a hyperedge has causes and one head")
        key = tuple(meeting) or ends
        if ends[0] not in junctions:
            tails.setdefault(key, []).append(named[ends[0]])
        if ends[1] not in junctions:
            heads.setdefault(key, []).append(named[ends[1]])
        if not meeting and (fault := hyperedge_fault(tails[key][:1], heads[key][0])):
            arc.token.refuse(fault)
    for junction in junctions:
        _check_junction(found, junction, tails.get((junction,), []), heads.get((junction,), []))
    keys = dict.fromkeys([*tails, *heads])
    return tuple(
        dict.fromkeys(Hyperedge(tuple(dict.fromkeys(tails[k])), heads[k][0]) for k in keys)
    )


def _check_junction(found: Statements, junction: str, tail: list[str], heads: list[str]) -> None:
    """Refuse a hyperedge without causes, or without exactly one head."""
    if len(dict.fromkeys(heads)) != 1:
        listed = ", ".join(heads) or "none"
        found.places[junction].refuse(f"this hyperedge has heads {listed}; expected exactly one")
    if fault := hyperedge_fault(list(dict.fromkeys(tail)), heads[0]):
        found.places[junction].refuse(fault)
