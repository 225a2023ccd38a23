"""Numbers of another program: fixed nodes and cut arcs by dowhy's graphical causal models.

    python -m tests.oracles.make_gcm_cuts

Needs dowhy (0.14 made the stored numbers). Reads the runs that ``make_gcm_effects`` wrote and
writes ``gcm_cuts.json`` beside this file: means of G with B and S set, and what
`gcm.arrow_strength` finds for the mean of C when one arc into it is cut (Janzing et al. 2013).
"""

import json
from importlib.metadata import version

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from tests.oracles.make_gcm_effects import ARCS, DOSES, FOLDER, mean_and_error

S_VALUES = (0.5, 2.0)
REPEATS = 10
"""Runs of `arrow_strength`, whose spread is its Monte Carlo error."""


def fitted(runs: pd.DataFrame) -> gcm.InvertibleStructuralCausalModel:
    model = gcm.InvertibleStructuralCausalModel(nx.DiGraph(ARCS))
    model.set_causal_mechanism("B", gcm.EmpiricalDistribution())
    for node in "NSCG":
        steps = (
            PolynomialFeatures(2, interaction_only=True, include_bias=False),
            LinearRegression(),
        )
        regressor = gcm.ml.SklearnRegressionModel(make_pipeline(*steps))
        model.set_causal_mechanism(node, gcm.AdditiveNoiseModel(regressor))
    gcm.fit(model, runs[list("BNSCG")])
    return model


def shifts(model: gcm.ProbabilisticCausalModel) -> dict[str, tuple[float, float]]:
    """Mean of C with the arc cut less the mean of C, for each arc into it."""
    found: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        strength = gcm.arrow_strength(
            model,
            "C",
            num_samples_conditional=100,
            max_num_runs=500,
            tolerance=0.0,
            n_jobs=1,
            difference_estimation_func=lambda plain, cut: float(np.mean(cut) - np.mean(plain)),
        )
        for arc, value in strength.items():
            found.setdefault(" -> ".join(arc), []).append(float(value))
    return {
        arc: (float(np.mean(v)), float(np.std(v, ddof=1) / len(v) ** 0.5))
        for arc, v in found.items()
    }


def main() -> None:
    gcm.util.general.set_random_seed(3)
    gcm.config.disable_progress_bars()
    gcm.config.set_default_n_jobs(1)
    model = fitted(pd.read_csv(FOLDER / "gcm_runs.csv"))
    fixed = {
        f"B={dose:g}, S={value:g}": mean_and_error(
            model, {"B": lambda x, b=dose: b, "S": lambda x, s=value: s}
        )
        for dose in DOSES
        for value in S_VALUES
    }
    document = {
        "dowhy": version("dowhy"),
        "mean and standard error of G, B and S set": fixed,
        "shift of the mean of C and its standard error, arc cut": shifts(model),
    }
    (FOLDER / "gcm_cuts.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
