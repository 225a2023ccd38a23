"""Numbers of another program: distributions under do and counterfactuals of dowhy's models.

    python -m tests.oracles.make_gcm_worlds

Needs dowhy (0.14 made the stored numbers), which is no dependency of the project. Reads
``gcm_runs.csv``, which `make_gcm_effects` wrote, and writes ``gcm_worlds.json`` beside this file.
Each mechanism is least squares on its causes and their product, as LINEAR is here. Standard errors
are those of simulation alone, from `BATCHES` equal parts of the draws.
"""

import json
from importlib.metadata import version
from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
from dowhy import gcm
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

FOLDER = Path(__file__).parent
ARCS = [("B", "N"), ("N", "S"), ("N", "C"), ("S", "C"), ("C", "G")]
SETTINGS = ({"B": 1.0}, {"B": 2.0}, {"B": 4.0}, {"B": 1.0, "S": 2.0}, {"B": 4.0, "S": 2.0})
ACTIONS = ({"B": 4.0}, {"B": 1.0}, {"S": 2.0}, {"B": 4.0, "S": 2.0}, {"N": 1.5})
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ABOVE = 0.0
DRAWS, BATCHES = 1_000_000, 20
RUNS = 30


def fit_model(runs: pd.DataFrame) -> gcm.InvertibleStructuralCausalModel:
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


def describe(outcomes: np.ndarray) -> dict[str, float]:
    found = {f"quantile {q:g}": float(np.quantile(outcomes, q)) for q in QUANTILES}
    found |= {"sd": float(outcomes.std()), "mean": float(outcomes.mean())}
    return found | {f"above {ABOVE:g}": float((outcomes > ABOVE).mean())}


def distribution(model: gcm.ProbabilisticCausalModel, setting: dict) -> dict:
    """Each number with its standard error."""
    fixed = {v: lambda _, x=x: x for v, x in setting.items()}
    drawn = gcm.interventional_samples(model, fixed, num_samples_to_draw=DRAWS)["G"].to_numpy()
    parts = [describe(part) for part in np.split(drawn, BATCHES)]
    whole = describe(drawn)
    errors = {k: float(np.std([p[k] for p in parts], ddof=1) / BATCHES**0.5) for k in whole}
    return {"setting": setting, "found": {k: (x, errors[k]) for k, x in whole.items()}}


def counterfactuals(
    model: gcm.InvertibleStructuralCausalModel, setting: dict, runs: pd.DataFrame
) -> dict:
    acted = {v: lambda _, x=x: x for v, x in setting.items()}
    rows = runs.head(RUNS)
    found = gcm.counterfactual_samples(model, acted, observed_data=rows[list("BNSCG")])
    return {"setting": setting, "found": dict(zip(rows["run_id"], found["G"], strict=True))}


def main() -> None:
    gcm.util.general.set_random_seed(1)
    gcm.config.disable_progress_bars()
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")
    model = fit_model(runs)
    document = {
        "dowhy": version("dowhy"),
        "draws": DRAWS,
        "distributions of G": [distribution(model, s) for s in SETTINGS],
        "counterfactual G": [counterfactuals(model, s, runs) for s in ACTIONS],
    }
    (FOLDER / "gcm_worlds.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
