"""The fitted structural causal model: a hypergraph with one mechanism a node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from causalhyper.hypergraph.drawing import picture
from causalhyper.mechanisms import Groups, MechanismFit
from causalhyper.mechanisms.grouping import context_means
from causalhyper.notebook import Shown
from causalhyper.scm.choice import Score
from causalhyper.scm.options import Rung

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Mechanism:
    """The mechanism of one node: its hyperedges, and which term belongs to which.

    Attributes
    ----------
    head : str
    parents : tuple of str
        Union of the tails, in topological order; the inputs of the term space.
    edges : tuple of Hyperedge
        The hyperedges into the head.
    owners : tuple of int
        For each term of a decomposed mechanism the position in `edges` of the smallest hyperedge
        that holds it (the first of several), so lower-order terms of their own hyperedges are
        taken out of larger ones.
    options : Additive, Binomial, Flow, Regressor or Table
        How it was fitted.
    fit : MechanismFit
    choice : tuple of Score
        What cross-validation compared; empty where the user chose.
    """

    head: str
    parents: tuple[str, ...]
    edges: tuple[Hyperedge, ...]
    owners: tuple[int, ...]
    options: Rung
    fit: MechanismFit[Any]
    choice: tuple[Score, ...] = ()

    def term_edges(self) -> tuple[tuple[Hyperedge, ...], ...]:
        """The hyperedges through which each term of the fit receives its causes."""
        if "decomposed" in self.fit.capabilities:
            return tuple((self.edges[owner],) for owner in self.owners)
        return (self.edges,)


@dataclass(frozen=True, slots=True)
class FittedModel(Shown):
    """A hypergraph structural causal model fitted to runs.

    Attributes
    ----------
    graph : DirectedHypergraph
    roles : Roles
    protocol : str
        What was held equal while the treatment varied, and how the learning rate was set.
    values : mapping of str to ndarray, shape (n,)
        Observed nodes on their model scale.
    groups : Groups
        Clusters and contexts of the rows.
    mechanisms : mapping of str to Mechanism
        One for each node with causes; roots keep their observed distribution.
    cluster, context : tuple of str
        Names of the columns behind `groups`.
    run_ids : ndarray, shape (n,)
        Names of the runs, in the order of `values`.
    labels : mapping of str to ndarray, shape (n,)
        Values of the columns behind `groups`.

    Raises
    ------
    ConfigurationError
        If these are not of one length.
    """

    graph: DirectedHypergraph
    roles: Roles
    protocol: str
    values: Mapping[str, Array]
    groups: Groups
    mechanisms: Mapping[str, Mechanism]
    cluster: tuple[str, ...]
    context: tuple[str, ...]
    run_ids: NDArray[Any]
    labels: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        lengths = {
            "contexts": len(self.groups.contexts),
            "run_ids": len(self.run_ids),
            **{f"label {c}": len(x) for c, x in self.labels.items()},
            **{f"values of {v}": len(x) for v, x in self.values.items()},
        }
        if wrong := [f"{k} {size}" for k, size in lengths.items() if size != self.n]:
            raise ConfigurationError(
                f"a model of {self.n} runs has other numbers of rows: {', '.join(wrong)}; cut all "
                "of values, groups, run_ids and labels to the same runs"
            )

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.groups.clusters)

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return self.groups.cluster_count

    @property
    def strata(self) -> int:
        """Number of strata of the cluster bootstrap."""
        return int(self.groups.strata.max()) + 1

    def size(self, node: str) -> float:
        """Largest absolute value of a node: a tiny share of it is rounding, whatever the unit."""
        return float(np.abs(self.values[node]).max())

    def r_squared(self, node: str) -> float:
        """Share of a node's variance within contexts that its mechanism explains."""
        fit = self.mechanisms[node].fit
        both = np.column_stack([fit.response, fit.fitted])
        both = both - context_means(both, self.groups)[self.groups.contexts]
        total = float((both[:, 0] ** 2).sum())
        return 1.0 - float(((both[:, 0] - both[:, 1]) ** 2).sum()) / total if total else 0.0

    def choices(self) -> pd.DataFrame:
        """What cross-validation compared: node, candidate, error, excess, se, chosen, reason."""
        names = [f.name for f in fields(Score)]
        rows = [
            {"node": v} | {name: getattr(score, name) for name in names}
            for v, m in self.mechanisms.items()
            for score in m.choice
        ]
        return pd.DataFrame(rows, columns=["node", *names])

    def plot(
        self, ax: Axes | None = None, *, treatment: str | None = None, outcome: str | None = None
    ) -> Axes:
        """Draw the hypergraph; hyperedges with several causes meet in a junction."""
        labels = {node: self.roles[node].label for node in self.graph.nodes}
        return self.graph.plot(ax, treatment=treatment, outcome=outcome, labels=labels)

    def to_frame(self) -> pd.DataFrame:
        """One row a mechanism: node, column, causes, mechanism, coefficients, r2, chosen.

        ``chosen`` says whether cross-validation chose the mechanism; ``coefficients`` is 0 where
        they are not counted.
        """
        rows = [
            (
                node,
                self.roles[node].label,
                ", ".join(m.parents),
                str(m.options),
                m.fit.size,
                self.r_squared(node),
                bool(m.choice),
            )
            for node, m in self.mechanisms.items()
        ]
        names = ["node", "column", "causes", "mechanism", "coefficients", "r2", "chosen"]
        return pd.DataFrame(rows, columns=names)

    def _picture(self) -> str:
        return picture(self.graph, self.plot)

    def summary(self) -> str:
        """The hypergraph and the fit of each mechanism, in text."""
        lines = [
            f"hypergraph: {self.graph}",
            f"protocol: {self.protocol}",
            f"{self.n} runs in {self.clusters} clusters, {self.groups.context_count} context(s)",
        ]
        lines += [
            f"  {m.head} <- {', '.join(m.parents)}: {m.options}; "
            f"{_count(m.fit.size)}R2 {self.r_squared(v):.3f}"
            f"{', chosen by cross-validation' if m.choice else ''}"
            for v, m in self.mechanisms.items()
        ]
        return "\n".join(lines)


def _count(size: int) -> str:
    """Number of coefficients in words; "" where they are not counted."""
    return f"{size} coefficient{'' if size == 1 else 's'}, " if size else ""


def assign_terms(
    parents: tuple[str, ...], edges: tuple[Hyperedge, ...]
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """All subsets of the tails, each once, with the hyperedge that owns it.

    Parameters
    ----------
    parents : tuple of str
    edges : tuple of Hyperedge

    Returns
    -------
    terms : tuple of tuple of int
        Positions in `parents`, single causes first.
    owners : tuple of int
        Position in `edges` of the smallest hyperedge holding the term; the first of several.
    """
    owner: dict[tuple[int, ...], int] = {}
    for rank in sorted(range(len(edges)), key=lambda e: (len(edges[e].tail), e)):
        places = sorted(parents.index(t) for t in edges[rank].tail)
        for size in range(1, len(places) + 1):
            for term in combinations(places, size):
                owner.setdefault(term, rank)
    terms = tuple(sorted(owner, key=lambda t: (len(t), t)))
    return terms, tuple(owner[t] for t in terms)
