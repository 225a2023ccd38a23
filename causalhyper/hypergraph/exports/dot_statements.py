"""What a DOT text states: its nodes and arcs, with their attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from causalhyper.hypergraph.exports.dot_tokens import Token, read_tokens

Attributes = dict[str, str]


@dataclass(frozen=True, slots=True)
class DotArc:
    """One arc between two nodes.

    Attributes
    ----------
    source, target : str
        As written, left and right of the arrow.
    arrow : str
        ``->``, ``<-`` or ``<->``.
    attributes : mapping of str to str
    token : Token
        The arrow, for messages.
    """

    source: str
    target: str
    arrow: str
    attributes: Mapping[str, str]
    token: Token


@dataclass(frozen=True, slots=True)
class Statements:
    """The content of a DOT text.

    Attributes
    ----------
    nodes : dict of str to dict
        The attributes of each node, in the order of first mention.
    places : dict of str to Token
        Where each node is first mentioned.
    arcs : list of DotArc
        In the order of the text, a chain or group spelled out.
    """

    nodes: dict[str, Attributes] = field(default_factory=dict)
    places: dict[str, Token] = field(default_factory=dict)
    arcs: list[DotArc] = field(default_factory=list)


def read_dot(text: str) -> Statements:
    """Read one directed graph in the DOT language, or in dagitty's form of it.

    Parameters
    ----------
    text : str
        ``digraph { ... }`` or ``dag { ... }``: nodes, arcs, chains, groups in braces,
        subgraphs, attributes, defaults (``node [...]``, ``edge [...]``), ports and comments.

    Returns
    -------
    Statements
        Graph attributes, ports and the names of subgraphs are left out: they draw only.

    Raises
    ------
    GraphError
        If the text is not one such graph; the message gives the line and column.

    Examples
    --------
    >>> [(arc.source, arc.target) for arc in read_dot("digraph { {N S} -> C -> G }").arcs]
    [('N', 'C'), ('S', 'C'), ('C', 'G')]
    """
    return _Reader(read_tokens(text)).graph()


class _Reader:
    """Walks over the words; each method reads one form of the grammar."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.place = 0
        self.found = Statements()

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def skip(self, *signs: str) -> bool:
        """Take the next word if it is one of some signs."""
        found = self.next.kind in ("sign", "arrow") and self.next.text in signs
        self.place += found
        return found

    def expect(self, sign: str, why: str) -> None:
        if not self.skip(sign):
            self.next.refuse(f"expected {sign!r} {why}")

    def keyword(self, *words: str) -> bool:
        return self.next.kind == "word" and self.next.text.lower() in words

    def graph(self) -> Statements:
        if self.keyword("strict"):
            self.take()
        if self.keyword("graph"):
            self.next.refuse("an undirected graph names no causes: write a digraph with ->")
        if not self.keyword("digraph", "dag"):
            self.next.refuse("expected 'digraph' (or dagitty's 'dag') and its statements in {}")
        self.take()
        if self.next.is_id:
            self.identifier()
        self.expect("{", "before the statements of the graph")
        self.block({}, {})
        if self.next.kind != "end":
            self.next.refuse("the text goes on behind the graph; give one graph at a time")
        return self.found

    def block(self, node: Attributes, edge: Attributes) -> list[str]:
        """Read statements up to the closing brace; return the nodes mentioned."""
        node, edge = dict(node), dict(edge)
        named: list[str] = []
        while not self.skip("}"):
            if self.keyword("node", "edge", "graph"):
                defaults = {"node": node, "edge": edge}.get(self.take().text.lower(), {})
                defaults |= self.attributes()
            elif not self.skip(";"):
                named += self.statement(node, edge)
        return list(dict.fromkeys(named))

    def statement(self, node: Attributes, edge: Attributes) -> list[str]:
        """Read a chain of one side or more with its attributes, or ``name = value``."""
        following = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        if self.next.is_id and (following.kind, following.text) == ("sign", "="):
            self.setting()
            return []
        sides, arrows = [self.side(node, edge)], []
        while self.next.kind == "arrow":
            arrows.append(self.take())
            if arrows[-1].text == "--":
                arrows[-1].refuse(
                    "an undirected arc names no cause: write ->, or <-> for a latent"
                )
            sides.append(self.side(node, edge))
        given = self.attributes()
        if not arrows and len(sides[0]) == 1:
            self.found.nodes[sides[0][0]].update(given)
        for arrow, (left, right) in zip(arrows, pairwise(sides), strict=True):
            attributes = edge | given
            self.found.arcs.extend(
                DotArc(a, b, arrow.text, attributes, arrow) for a in left for b in right
            )
        return [name for side in sides for name in side]

    def side(self, node: Attributes, edge: Attributes) -> list[str]:
        """Read the names on one side of an arrow: a name, a list of names, or a group."""
        named = self.group(node, edge)
        while self.skip(","):
            named += self.group(node, edge)
        return named

    def group(self, node: Attributes, edge: Attributes) -> list[str]:
        if self.keyword("subgraph"):
            self.take()
            if self.next.is_id:
                self.identifier()
            self.expect("{", "behind 'subgraph'")
            return self.block(node, edge)
        if self.skip("{"):
            return self.block(node, edge)
        token = self.next
        name = self.identifier()
        while self.skip(":"):
            self.identifier()
        if name not in self.found.nodes:
            self.found.nodes[name] = dict(node)
            self.found.places[name] = token
        return [name]

    def identifier(self) -> str:
        """Read a name; quoted pieces may be joined by ``+``."""
        if not self.next.is_id:
            closing = "; a brace is not closed" if self.next.kind == "end" else ""
            self.next.refuse(f"expected a name{closing}")
        quoted = self.next.kind == "quoted"
        text = self.take().text
        while quoted and self.skip("+"):
            if self.next.kind != "quoted":
                self.next.refuse("expected a quoted text behind '+'")
            text += self.take().text
        return text

    def attributes(self) -> Attributes:
        """Read any number of attribute lists; an attribute without a value is "true"."""
        found: Attributes = {}
        while self.skip("["):
            while not self.skip("]"):
                name, value = self.setting()
                found[name] = value
                self.skip(",", ";")
        return found

    def setting(self) -> tuple[str, str]:
        name = self.identifier()
        return name, self.identifier() if self.skip("=") else "true"
