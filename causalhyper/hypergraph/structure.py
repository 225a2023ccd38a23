"""Directed acyclic hypergraphs with single heads: who causes what, and what acts jointly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.errors import GraphError
from causalhyper.hypergraph.drawing import arcs_frame, draw_graph, picture
from causalhyper.hypergraph.hyperedges import Hyperedge, as_tuple, check_edges, sort_pairs
from causalhyper.hypergraph.names import nearest, nodes_fault
from causalhyper.hypergraph.notation import read_statements
from causalhyper.hypergraph.order import find_cycle, topological_order
from causalhyper.hypergraph.printing import write_hypergraph
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class DirectedHypergraph(Shown):
    """An acyclic directed hypergraph with single heads.

    Two hypergraphs are equal when they have the same nodes, hyperedges and latent pairs, in any
    order; equal ones print alike and have the same topological order.

    Parameters
    ----------
    edges : tuple of Hyperedge
        The hyperedges in the order written, none twice.
    nodes : tuple of str
        Every node: those given (give the isolated ones), then those of the hyperedges, then
        those of the latent pairs.
    latent : tuple of (str, str)
        Pairs of nodes with an unmeasured common cause, none twice; each pair is sorted. They
        change what can be identified, and leave arcs, parents and order as they are.

    Raises
    ------
    GraphError
        If there is no node, a name is not valid, a node, hyperedge or latent pair is given
        twice, a latent pair names one node twice, or the arcs cause -> head have a cycle (the
        message shows it).

    Examples
    --------
    >>> h = DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G")
    >>> h.parents("C"), h.roots(), h.order()
    (('N', 'S'), ('B',), ('B', 'N', 'S', 'C', 'G'))
    >>> DirectedHypergraph.parse("B -> N; N -> G; N <-> G").latent
    (('G', 'N'),)
    """

    edges: tuple[Hyperedge, ...]
    nodes: tuple[str, ...] = ()
    latent: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        edges = as_tuple(self.edges, "the hyperedges")
        declared = as_tuple(self.nodes, "the nodes")
        check_edges(edges)
        if fault := nodes_fault(declared):
            raise GraphError(fault)
        pairs = sort_pairs(self.latent)
        named = [name for edge in edges for name in (*edge.tail, edge.head)]
        named += [name for pair in pairs for name in pair]
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "nodes", tuple(dict.fromkeys((*declared, *named))))
        object.__setattr__(self, "latent", pairs)
        if not self.nodes:
            raise GraphError("a hypergraph needs a node: got no hyperedge and no declared node")
        if cycle := find_cycle(self.arcs):
            raise GraphError(
                f"the hypergraph has a cycle, {' -> '.join(cycle)}: remove an edge of it"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DirectedHypergraph):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[frozenset[object], ...]:
        return frozenset(self.nodes), frozenset(self.edges), frozenset(self.latent)

    def __str__(self) -> str:
        hyperedges = ((edge.tail, edge.head) for edge in self.edges)
        return write_hypergraph(hyperedges, self.order(), self.latent)

    @classmethod
    def parse(cls, text: str) -> DirectedHypergraph:
        """Read the papers' notation.

        Parameters
        ----------
        text : str
            As `causalhyper.hypergraph.notation.read_statements` reads it.

        Returns
        -------
        DirectedHypergraph
            With ``parse(str(h)) == h`` for every `h`.

        Raises
        ------
        GraphError
            If the text cannot be read, or the hypergraph is not valid.

        Examples
        --------
        >>> print(DirectedHypergraph.parse("{N, S} -> C; B -> N -> S; Z"))
        B -> N; N -> S; {N, S} -> C; Z
        """
        statements = read_statements(text)
        edges = tuple(Hyperedge(s.tail, s.head) for s in statements if s.tail and not s.latent)
        nodes = dict.fromkeys(name for s in statements for name in (*s.tail, s.head))
        pairs = tuple((s.tail[0], s.head) for s in statements if s.latent)
        return cls(edges, tuple(nodes), pairs)

    @property
    def arcs(self) -> tuple[tuple[str, str], ...]:
        """The arcs (cause, effect) of the expanded graph, each once, in the order written."""
        return tuple(dict.fromkeys(arc for edge in self.edges for arc in edge.arcs))

    def into(self, node: str) -> tuple[Hyperedge, ...]:
        """Return the hyperedges with one head.

        Parameters
        ----------
        node : str
            A node; GraphError if there is none of this name.

        Returns
        -------
        tuple of Hyperedge
            Those whose head is `node`, in the order written.

        Examples
        --------
        >>> print(*DirectedHypergraph.parse("N -> C; {S, N} -> C").into("C"), sep="; ")
        N -> C; {S, N} -> C
        """
        self.require(node)
        return tuple(edge for edge in self.edges if edge.head == node)

    def parents(self, node: str) -> tuple[str, ...]:
        """Return the causes of a node.

        Parameters
        ----------
        node : str
            A node; GraphError if there is none of this name.

        Returns
        -------
        tuple of str
            The union of the tails into `node`, in the order written.

        Examples
        --------
        >>> DirectedHypergraph.parse("N -> C; {S, N} -> C").parents("C")
        ('N', 'S')
        """
        tails = (edge.tail for edge in self.into(node))
        return tuple(dict.fromkeys(cause for tail in tails for cause in tail))

    def children(self, node: str) -> tuple[str, ...]:
        """Return the effects of a node.

        Parameters
        ----------
        node : str
            A node; GraphError if there is none of this name.

        Returns
        -------
        tuple of str
            The heads of the hyperedges with `node` in their tail, in the order written.

        Examples
        --------
        >>> DirectedHypergraph.parse("N -> C; {S, N} -> C").children("S")
        ('C',)
        """
        self.require(node)
        return tuple(dict.fromkeys(edge.head for edge in self.edges if node in edge.tail))

    def roots(self) -> tuple[str, ...]:
        """Return the nodes without causes.

        Returns
        -------
        tuple of str
            In topological order.

        Examples
        --------
        >>> DirectedHypergraph.parse("N -> C; {S, N} -> C").roots()
        ('N', 'S')
        """
        heads = {edge.head for edge in self.edges}
        return tuple(name for name in self.order() if name not in heads)

    def order(self) -> tuple[str, ...]:
        """Return the nodes in topological order.

        Returns
        -------
        tuple of str
            Causes before effects, ties in the order of the alphabet.

        Examples
        --------
        >>> DirectedHypergraph.parse("N -> C; {S, N} -> C").order()
        ('N', 'S', 'C')
        """
        return topological_order(self.nodes, self.arcs)

    def require(self, *names: str) -> None:
        """Check that every name is a node.

        Parameters
        ----------
        *names : str
            The names asked for.

        Raises
        ------
        GraphError
            If one is not; the message lists the nodes.

        Examples
        --------
        >>> DirectedHypergraph.parse("Bs -> N").require("bs")
        Traceback (most recent call last):
        ...
        causalhyper.errors.GraphError: no node 'bs'; the nodes are Bs, N; did you mean 'Bs'?
        """
        for name in names:
            if name not in self.nodes:
                hint = nearest(name, self.nodes)
                raise GraphError(f"no node {name!r}; the nodes are {', '.join(self.nodes)}{hint}")

    def to_frame(self) -> pd.DataFrame:
        """Return one row a cause of a hyperedge: hyperedge, tail, head."""
        return arcs_frame(self.edges)

    def summary(self) -> str:
        """Return the hypergraph in the papers' notation."""
        return str(self)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        treatment: str | None = None,
        outcome: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Axes:
        """Draw the hypergraph; hyperedges with several causes meet in a junction.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.
        treatment, outcome : str, optional
            Nodes to mark.
        labels : mapping of str to str, optional
            A second line of each node, such as its column's name.

        Returns
        -------
        matplotlib.axes.Axes

        Examples
        --------
        >>> axes = DirectedHypergraph.parse("{N, S} -> C").plot(outcome="C")
        >>> [text.get_text() for text in axes.texts]
        ['N', 'S', 'C']
        """
        self.require(*[name for name in (treatment, outcome) if name is not None])
        roles = {treatment: "treatment", outcome: "outcome"}
        nodes = [
            (name, (labels or {}).get(name, ""), roles.get(name, "mediator"))
            for name in self.order()
        ]
        return draw_graph(nodes, self.to_frame(), self.latent, ax)

    def _picture(self) -> str:
        return picture(self, self.plot)

    def without(self, edge: Hyperedge) -> DirectedHypergraph:
        """Return the hypergraph without one hyperedge; every node and latent pair stays.

        Parameters
        ----------
        edge : Hyperedge
            One of `edges`, its tail in any order.

        Returns
        -------
        DirectedHypergraph
            A new one; GraphError if `edge` is not one of `edges`.

        Examples
        --------
        >>> h = DirectedHypergraph.parse("N -> S; {N, S} -> C")
        >>> print(h.without(Hyperedge(("S", "N"), "C")))
        N -> S; C
        """
        if edge not in self.edges:
            listed = "; ".join(str(other) for other in self.edges) or "none"
            raise GraphError(f"no hyperedge '{edge}'; the hyperedges are {listed}")
        left = tuple(other for other in self.edges if other != edge)
        return DirectedHypergraph(left, self.nodes, self.latent)
