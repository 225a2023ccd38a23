"""Sets of another program: dowhy's back-door, efficient and front-door sets.

    PYTHONHASHSEED=0 python -m tests.oracles.make_dowhy_sets

Needs dowhy (0.14 made the stored sets), which is no dependency of the project. Writes
``dowhy_sets.json`` beside this file: for each graph with a directed path from treatment to
outcome every back-door set of dowhy's exhaustive search, its efficient set where nothing is
hidden ("fails" where two directed paths share their first arc, which it cannot handle), and its
front-door set, null where it finds none.
"""

import json
from importlib.metadata import version
from pathlib import Path

import networkx as nx
from dowhy.causal_identifier.auto_identifier import (
    BackdoorAdjustment,
    identify_backdoor,
    identify_efficient_backdoor,
    identify_frontdoor,
)

from tests.oracles.identification_graphs import GRAPHS, read

FOLDER = Path(__file__).parent


def answer(text: str, x: str, y: str) -> dict:
    arcs, latent = read(text)
    observed = sorted({v for pair in (*arcs, *latent) for v in pair})
    graph = nx.DiGraph(arcs)
    graph.add_edges_from((f"hidden {a} {b}", v) for a, b in latent for v in (a, b))
    nx.set_node_attributes(graph, {v: "yes" if v in observed else "no" for v in graph}, "observed")
    exhaustive = BackdoorAdjustment.BACKDOOR_EXHAUSTIVE
    found = identify_backdoor(graph, [x], [y], observed, exhaustive)
    sets = sorted({tuple(sorted(s.get_adjustment_variables())) for s in found})
    efficient = None
    if not latent:
        kind = BackdoorAdjustment.BACKDOOR_EFFICIENT
        try:
            best = identify_efficient_backdoor(graph, [x], [y], observed, kind, costs=None)
            efficient = sorted(best[0].get_adjustment_variables())
        except nx.NetworkXError:  # removes the first arc of the causal paths once for each path
            efficient = "fails"
    door = identify_frontdoor(graph, [x], [y], observed)
    mediators = sorted(door.get_variables() if hasattr(door, "get_variables") else door or [])
    return {"back-door": sets, "efficient": efficient, "front-door": mediators or None}


def main() -> None:
    found = {}
    for name, (text, x, y) in GRAPHS.items():
        if nx.has_path(nx.DiGraph(read(text)[0]), x, y):
            found[name] = answer(text, x, y)
    document = {"dowhy": version("dowhy"), "sets": found}
    (FOLDER / "dowhy_sets.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
