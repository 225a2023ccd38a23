"""Numbers of another program: dowhy's graph falsification and its tests of independence.

    python -m tests.oracles.make_falsification

Needs dowhy (0.14 made the stored numbers), which is no dependency of the project. Reads
``gcm_runs.csv`` and writes ``falsification.json`` beside this file: for three graphs the counts of
`falsify_graph` over all 120 permutations, with the p-value of every independence that it can have
asked for (linear partial correlation, rows independent); and for simulated samples, stored with
them, the p-values of `generalised_cov_based` and `kernel_based`.
"""

import itertools
import json
from importlib.metadata import version
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from dowhy.gcm.falsify import FalsifyConst, falsify_graph
from dowhy.gcm.independence_test import generalised_cov_based, kernel_based
from scipy import stats

FOLDER = Path(__file__).parent
NODES = "BNSCG"
GRAPHS = {
    "B -> N; N -> S; {N, S} -> C; C -> G": ["BN", "NS", "NC", "SC", "CG"],
    "B -> S; S -> N; {N, B} -> G; G -> C": ["BS", "SN", "NG", "BG", "GC"],
    "B -> C; N -> C; C -> G; S": ["BC", "NC", "CG"],
}
ROWS = 150


def partial_correlation(x: np.ndarray, y: np.ndarray, z: np.ndarray | None = None) -> float:
    """The p-value of a linear partial correlation, all rows independent."""
    Z = np.ones((len(x), 1)) if z is None else np.column_stack([np.ones(len(x)), z])
    u, v = (w - Z @ np.linalg.lstsq(Z, w, rcond=None)[0] for w in (np.ravel(x), np.ravel(y)))
    r, df = u @ v / np.sqrt(u @ u * (v @ v)), len(x) - Z.shape[1] - 1
    return float(2 * stats.t.sf(abs(r) * np.sqrt(df / (1 - r * r)), df))


def falsify(arcs: list[str], runs: pd.DataFrame) -> dict:
    graph = nx.DiGraph()
    graph.add_nodes_from(NODES)
    graph.add_edges_from(arcs)
    found = falsify_graph(
        graph,
        runs,
        independence_test=partial_correlation,
        conditional_independence_test=partial_correlation,
        n_permutations=-1,
        n_jobs=1,
        show_progress_bar=False,
    )
    lmc = found.summary[FalsifyConst.VALIDATE_LMC]
    tpa = found.summary[FalsifyConst.VALIDATE_TPA]
    return {
        "violated": lmc[FalsifyConst.PERM_VIOLATIONS],
        "given violated": lmc[FalsifyConst.GIVEN_VIOLATIONS],
        "tests": lmc[FalsifyConst.N_TESTS],
        "p": lmc[FalsifyConst.P_VALUE],
        "foreign": tpa[FalsifyConst.PERM_VIOLATIONS],
        "p equivalent": tpa[FalsifyConst.P_VALUE],
        "falsifiable": found.falsifiable,
        "falsified": found.falsified,
    }


def triples() -> list[tuple[str, str, tuple[str, ...]]]:
    """Every pair of nodes with every set of the others."""
    return [
        (x, y, given)
        for x, y in itertools.combinations(NODES, 2)
        for size in range(len(NODES) - 1)
        for given in itertools.combinations([v for v in NODES if v not in (x, y)], size)
    ]


def p_values(runs: pd.DataFrame) -> dict[str, float]:
    found = {}
    for x, y, given in triples():
        z = runs[list(given)].to_numpy() if given else None
        p = partial_correlation(runs[x].to_numpy(), runs[y].to_numpy(), z)
        found[f"{x}{y}|{''.join(given)}"] = p
    return found


def samples() -> dict[str, np.ndarray]:
    """Columns x, y and, where there is one, z; independent rows."""
    rng = np.random.default_rng(8)
    z, e, f = rng.normal(size=(3, ROWS))
    x = z + e
    drawn = {
        "independent": [e, f],
        "linear": [e, 0.5 * e + f],
        "quadratic": [e, 0.7 * e**2 + 0.7 * f],
        "independent given z": [np.sin(2 * z) + 0.5 * e, np.sin(2 * z) + 0.5 * f, z],
        "spread by z": [z + np.exp(z / 2) * e, z + np.exp(z / 2) * f, z],
        "linear given z": [x, z + 0.5 * x + f, z],
        "quadratic given z": [x, z + 0.7 * e**2 + 0.7 * f, z],
    }
    return {name: np.column_stack(columns).round(6) for name, columns in drawn.items()}


def test_sample(columns: np.ndarray) -> dict:
    x, y, *z = columns.T
    given = np.column_stack(z) if z else None
    gcm.util.general.set_random_seed(1)
    linear = {"prediction_model_X": gcm.ml.create_linear_regressor}
    linear["prediction_model_Y"] = gcm.ml.create_linear_regressor
    return {
        "columns": columns.T.tolist(),
        "generalised covariance": float(generalised_cov_based(x, y, given, **linear)),
        "kernel": float(kernel_based(x, y, given)),
    }


def main() -> None:
    gcm.config.disable_progress_bars()
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")[list(NODES)]
    document = {
        "dowhy": version("dowhy"),
        "p-values": p_values(runs),
        "graphs": {text: falsify(arcs, runs) for text, arcs in GRAPHS.items()},
        "samples": {name: test_sample(columns) for name, columns in samples().items()},
    }
    text = json.dumps(document, separators=(",", ":"))
    (FOLDER / "falsification.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
