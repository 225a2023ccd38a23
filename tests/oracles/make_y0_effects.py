"""Numbers of another program: what y0's ID algorithm makes of an observed distribution.

    python -m tests.oracles.make_y0_effects

Needs y0 (0.2.11 made the stored numbers), which is no dependency of the project. For each graph a
model of binary nodes with hidden roots is drawn; its observed joint, y0's estimand as text,
the estimand's value on that joint and the model's own P(y | do(x)), both with `y` first, go to
``y0_effects.json``. Free variables other than the two stay at their first value.
"""

import json
from importlib.metadata import version
from pathlib import Path

import networkx as nx
import numpy as np
from y0.algorithm.identify import identify_outcomes
from y0.dsl import Expression, Fraction, One, Probability, Product, Sum, Variable
from y0.graph import NxMixedGraph

from tests.oracles.identification_graphs import GRAPHS, read

FOLDER = Path(__file__).parent


def draw_tables(text: str, rng: np.random.Generator) -> dict[str, tuple[list[str], np.ndarray]]:
    """A random model, nodes in topological order: binary nodes, hidden roots of three values."""
    arcs, latent = read(text)
    graph = nx.DiGraph(arcs)
    graph.add_nodes_from(v for pair in latent for v in pair)
    hidden = [f"{a}{b}" for a, b in latent]
    tables = {}
    for node in nx.lexicographical_topological_sort(graph):
        causes = [*graph.predecessors(node), *(u for u in hidden if node in u)]
        shape = [3 if len(cause) == 2 else 2 for cause in causes]
        tables[node] = ([*causes, node], rng.dirichlet(np.ones(2), size=shape))
    return tables | {name: ([name], rng.dirichlet(np.ones(3))) for name in hidden}


def multiply(tables: dict[str, tuple[list[str], np.ndarray]], keep: list[str]) -> np.ndarray:
    """The product of some tables, summed over all but `keep`."""
    place = {
        n: k for k, n in enumerate(sorted({n for names, _ in tables.values() for n in names}))
    }
    operands = []
    for names, values in tables.values():
        operands += [values, [place[n] for n in names]]
    return np.einsum(*operands, [place[n] for n in keep])


def value(expression: Expression, joint: np.ndarray, nodes: list[str]) -> np.ndarray:
    """The expression's table, one axis a node, of length one where it does not matter."""

    def margin(names: set[str]) -> np.ndarray:
        gone = tuple(k for k, node in enumerate(nodes) if node not in names)
        return joint.sum(axis=gone, keepdims=True)

    match expression:
        case Probability():
            given = {v.name for v in expression.parents}
            return margin({v.name for v in expression.children} | given) / margin(given)
        case Product():
            result = np.ones((1,) * len(nodes))
            for factor in expression.expressions:
                result = result * value(factor, joint, nodes)
            return result
        case Sum():
            axes = tuple(nodes.index(v.name) for v in expression.ranges)
            return value(expression.expression, joint, nodes).sum(axis=axes, keepdims=True)
        case Fraction():
            top = value(expression.numerator, joint, nodes)
            return top / value(expression.denominator, joint, nodes)
        case One():
            return np.ones((1,) * len(nodes))
    raise TypeError(f"unknown expression {expression!r}")


def answer(text: str, x: str, y: str, rng: np.random.Generator) -> dict:
    arcs, latent = read(text)
    tables = draw_tables(text, rng)
    nodes = [name for name in tables if len(name) == 1]
    joint = multiply(tables, nodes)
    cut = tables | {x: ([x], np.ones(2))}
    found = identify_outcomes(
        NxMixedGraph.from_str_edges(directed=arcs, undirected=latent),
        treatments=Variable(x),
        outcomes=Variable(y),
    )
    entry = {
        "nodes": nodes,
        "joint": joint.ravel().tolist(),
        "truth": multiply(cut, [y, x]).tolist(),
        "estimand": None,
        "effect": None,
    }
    if found is not None:
        table = value(found, joint, nodes)
        sizes = zip(nodes, table.shape, strict=True)
        table = np.broadcast_to(table, [2 if node in (x, y) else size for node, size in sizes])
        table = table[tuple(slice(None) if node in (x, y) else 0 for node in nodes)]
        table = table if nodes.index(y) < nodes.index(x) else table.T
        entry |= {"estimand": str(found), "effect": table.tolist()}
    return entry


def main() -> None:
    rng = np.random.default_rng(7)
    found = {name: answer(*case, rng) for name, case in GRAPHS.items()}
    document = {"y0": version("y0"), "answers": found}
    (FOLDER / "y0_effects.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
