"""Truth of small discrete models, cell by cell: loops over every value of every noise.

A node's noise is a number u in (0, 1), and the node is the smallest state at which the
distribution function of its table reaches u: what the library declares. Between two steps of
all rows of a table nothing changes, so the unit interval falls into finitely many cells, and a
mean over runs is a sum over cells. The outcome's own noise is summed out by its conditional mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import prod

import numpy as np
import pandas as pd

from causalhyper.inference import lay_out_rows
from causalhyper.scm.draws import Sampler

Noise = dict[str, float]


class Enumerated:
    """Conditional tables of a frame, one column a node, by counting runs.

    `causes` maps nodes in topological order to their causes; roots have none.
    """

    def __init__(self, frame: pd.DataFrame, causes: Mapping[str, Sequence[str]]):
        self.causes = {v: tuple(c) for v, c in causes.items()}
        self.rows = frame[list(causes)].to_dict("records")
        self.states = {v: sorted(frame[v].unique()) for v in causes}
        self.tables: dict[str, dict[tuple, np.ndarray]] = {}
        self.cells: dict[str, list[tuple[float, float]]] = {}
        for v, given in self.causes.items():
            keys = [tuple(row[c] for c in given) for row in self.rows]
            self.tables[v] = {
                key: np.array(
                    [
                        np.mean(
                            [r[v] == s for r, k in zip(self.rows, keys, strict=True) if k == key]
                        )
                        for s in self.states[v]
                    ]
                )
                for key in set(keys)
            }
            steps = np.concatenate([np.cumsum(p)[:-1] for p in self.tables[v].values()])
            edges = [0.0, *np.unique(np.round(steps, 12)), 1.0]
            self.cells[v] = [
                ((low + high) / 2, high - low) for low, high in pairwise(edges) if high > low
            ]

    def respond(self, node: str, received: tuple, u: float) -> float:
        """The state that a noise stands for."""
        reached = np.cumsum(self.tables[node][received])[:-1]
        return self.states[node][int((reached < u).sum())]

    def mean(self, node: str, received: tuple) -> float:
        """Conditional mean."""
        return float(self.tables[node][received] @ np.array(self.states[node]))

    def noises(self, nodes: Sequence[str]) -> Iterator[tuple[Noise, float]]:
        """Every combination of noises with its probability."""
        for cell in product(*(self.cells[v] for v in nodes)):
            yield dict(zip(nodes, (u for u, _ in cell), strict=True)), prod(w for _, w in cell)

    def run(
        self,
        noise: Noise,
        do: Mapping[str, float],
        receives: Mapping[tuple[str, str], float] | None = None,
    ) -> dict[str, float]:
        """One run of every node with noise, and of those that are set.

        `receives` maps (cause, head) to what the head gets in place of the cause.
        """
        out: dict[str, float] = {}
        for v in self.causes:
            if v in do:
                out[v] = do[v]
            elif v in noise:
                out[v] = self.respond(v, self.received(v, out, receives), noise[v])
        return out

    def received(
        self,
        node: str,
        values: Mapping[str, float],
        receives: Mapping[tuple[str, str], float] | None = None,
    ) -> tuple:
        """What a node gets from its causes."""
        return tuple((receives or {}).get((c, node), values[c]) for c in self.causes[node])

    def outcome(
        self,
        node: str,
        noise: Noise,
        do: Mapping[str, float],
        receives: Mapping[tuple[str, str], float] | None = None,
    ) -> float:
        """Mean of a node that has no effects, over its own noise, in one run."""
        values = self.run(noise, do, receives)
        return self.mean(node, self.received(node, values, receives))

    def distribution(self, node: str, do: Mapping[str, float]) -> np.ndarray:
        """P(node | do) over its states."""
        order = list(self.causes)
        before = [v for v in order[: order.index(node)] if v not in do]
        total = np.zeros(len(self.states[node]))
        for noise, weight in self.noises(before):
            total += weight * self.tables[node][self.received(node, self.run(noise, do))]
        return total


def factorial_samplers(
    model, own: Mapping[str, int], twin: Mapping[str, int], partners: Mapping[str, int]
) -> tuple[Sampler, Sampler]:
    """Samplers whose draws are every combination of cells, each once.

    Each mapping gives a node's number of equally likely cells: of its noise, of that of a second,
    independent set of draws, and of the random observed run whose value it lends. The first two
    are in the order of the unit interval, so a table whose entries are multiples of one over the
    number of cells is then summed, not sampled.
    """
    sizes = [*own.values(), *twin.values(), *partners.values()]
    count = prod(sizes)
    digits = np.unravel_index(np.arange(count), sizes)
    # the leading digit of a permuted grid says which cell a draw is in
    orders = [np.argsort(np.argsort(d, kind="stable"), kind="stable") for d in digits]
    plain = dict.fromkeys(model.graph.nodes, np.arange(count))
    layout = lay_out_rows(model.groups.clusters, model.groups.contexts)
    first, second = len(own), len(own) + len(twin)
    mine = plain | dict(zip(own, orders[:first], strict=True))
    other = plain | dict(zip(twin, orders[first:second], strict=True))
    lent = plain | dict(zip(partners, orders[second:], strict=True))
    return Sampler(count, layout, mine, lent), Sampler(count, layout, other, lent)
