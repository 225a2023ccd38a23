"""Numbers of another program: P(Y | do) of discrete models by pgmpy's exact elimination.

    python -m tests.oracles.make_pgmpy_elimination

Needs pgmpy (1.1.2 made the stored numbers). Writes ``pgmpy_runs.csv`` and
``pgmpy_elimination.json`` beside this file. pgmpy counts the tables itself, cuts the arcs into
the nodes that are set, and eliminates the others; for single nodes its own search for an
adjustment set, from the network as it is, must lead to the same.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from pgmpy.inference import CausalInference, VariableElimination
from pgmpy.models import DiscreteBayesianNetwork

FOLDER = Path(__file__).parent
ARCS = [("Z", "B"), ("Z", "M"), ("B", "M"), ("B", "S"), ("M", "S"), ("S", "Y"), ("M", "Y")]
ARCS += [("Z", "Y"), ("W", "Y")]
DOSES = (0, 1, 2)
SETTINGS = [{"B": b} for b in DOSES] + [{"M": m} for m in (0, 1)]
SETTINGS += [{"B": b, "M": 1} for b in DOSES] + [{"B": b, "S": 2, "Z": 0} for b in DOSES]


def make_runs() -> pd.DataFrame:
    """1,200 runs of five nodes with two or three states and a sixth beside them."""
    rng = np.random.default_rng(30)
    n = 1200
    Z, W = (rng.random(n) < 0.4).astype(int), (rng.random(n) < 0.7).astype(int)
    B = (rng.random(n) < 0.4 + 0.3 * Z).astype(int) + (rng.random(n) < 0.4)
    M = (rng.random(n) < 0.3 + 0.3 * Z * (B != 1) + 0.1 * B).astype(int)
    S = (rng.random(n) < 0.3 + 0.2 * M).astype(int) + (rng.random(n) < 0.3 + 0.2 * B * M)
    chance = 0.1 + 0.15 * S * (1 + M) + 0.2 * Z * W
    Y = (rng.random(n) < chance).astype(int) + 2 * (rng.random(n) < 0.3 + 0.2 * (S == 1))
    frame = pd.DataFrame({"Z": Z, "W": W, "B": B, "M": M, "S": S, "Y": Y})
    frame.insert(0, "seed", np.arange(n) % 20)
    frame.insert(0, "run_id", [f"r{i:04d}" for i in range(n)])
    return frame


def eliminate(
    network: DiscreteBayesianNetwork, do: dict[str, int], node: str, given: dict[str, int]
) -> dict[int, float]:
    """P(node | do, given), by elimination in the network without arcs into what is set."""
    cut = VariableElimination(network.do(list(do)))
    factor = cut.query([node], evidence=do | given, show_progress=False)
    return {y: float(factor.get_value(**{node: y})) for y in factor.state_names[node]}


def mean(probabilities: dict[int, float]) -> float:
    return sum(y * p for y, p in probabilities.items())


def mediate(network: DiscreteBayesianNetwork, high: int, low: int) -> dict[str, float]:
    """Effects of B on Y with M as mediator: sums over M, within Z where a run keeps its own."""

    def random(b: int, b_of_m: int) -> float:
        chances = eliminate(network, {"B": b_of_m}, "M", {})
        worlds = {m: eliminate(network, {"B": b, "M": m}, "Y", {}) for m in chances}
        return sum(p * mean(worlds[m]) for m, p in chances.items())

    def own(b: int, b_of_m: int) -> float:
        total = 0.0
        for z, share in eliminate(network, {"B": b}, "Z", {}).items():
            for m, p in eliminate(network, {"B": b_of_m}, "M", {"Z": z}).items():
                total += share * p * mean(eliminate(network, {"B": b, "M": m}, "Y", {"Z": z}))
        return total

    total = own(high, high) - own(low, low)
    direct, indirect = random(high, low) - random(low, low), random(high, high) - random(high, low)
    return {
        "total": total,
        "natural_direct": own(high, low) - own(low, low),
        "natural_indirect": own(high, high) - own(high, low),
        "natural_indirect_pure": own(low, high) - own(low, low),
        "direct": direct,
        "indirect": indirect,
        "remainder": total - direct - indirect,
    }


def main() -> None:
    runs = make_runs()
    nodes = runs[["Z", "W", "B", "M", "S", "Y"]]
    network = DiscreteBayesianNetwork(ARCS).fit(nodes)
    states = sorted(nodes["Y"].unique().tolist())
    found = []
    for setting in SETTINGS:
        probabilities = [eliminate(network, setting, "Y", {})[y] for y in states]
        if len(setting) == 1:
            adjusted = CausalInference(network).query(["Y"], do=setting, show_progress=False)
            other = [float(adjusted.get_value(Y=y)) for y in states]
            np.testing.assert_allclose(probabilities, other, atol=1e-12)
        found.append({"do": setting, "P(Y)": probabilities})
    runs.to_csv(FOLDER / "pgmpy_runs.csv", index=False)
    document = {
        "pgmpy": version("pgmpy"),
        "states of Y": states,
        "found": found,
        "mediation of B=2 against B=0 by M": mediate(network, 2, 0),
    }
    (FOLDER / "pgmpy_elimination.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
