"""Numbers of another program: interventional means of dowhy's graphical causal models.

    python -m tests.oracles.make_gcm_effects

Needs dowhy (0.14 made the stored numbers), which is no dependency of the project. Writes
``gcm_runs.csv`` and ``gcm_effects.json`` beside this file. Each mechanism is least squares on its
causes and their product, as LINEAR is here; each mean is over `DRAWS` draws.
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
DOSES = (1.0, 2.0, 4.0)
DRAWS = 1_000_000


def make_runs() -> pd.DataFrame:
    """60 seed blocks at three doses, with a product of N and S in C."""
    rng = np.random.default_rng(20)
    B = np.tile(DOSES, 60)
    N = 0.5 + 0.8 * B + rng.normal(size=180)
    S = 0.3 + 0.5 * N + rng.normal(size=180)
    C = 0.1 + 0.2 * N + 0.4 * S + 0.3 * N * S + 0.7 * rng.normal(size=180)
    G = 1.0 - 0.7 * C + 0.5 * rng.normal(size=180)
    frame = pd.DataFrame({"B": B, "N": N, "S": S, "C": C, "G": G}).round(6)
    frame.insert(0, "seed", np.repeat(np.arange(60), 3))
    frame.insert(0, "run_id", [f"r{i:03d}" for i in range(180)])
    return frame


def mean_and_error(
    model: gcm.ProbabilisticCausalModel, interventions: dict
) -> tuple[float, float]:
    drawn = gcm.interventional_samples(model, interventions, num_samples_to_draw=DRAWS)["G"]
    return float(drawn.mean()), float(drawn.std() / DRAWS**0.5)


def main() -> None:
    gcm.util.general.set_random_seed(1)
    gcm.config.disable_progress_bars()
    runs = make_runs()
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
    observed = runs["S"].to_numpy()
    rng = np.random.default_rng(2)
    found: dict[str, dict[str, tuple[float, float]]] = {"do": {}, "randomise S": {}}
    for dose in DOSES:
        fixed = {"B": lambda x, dose=dose: dose}
        mixed = fixed | {"S": lambda s: rng.choice(observed)}
        found["do"][f"{dose:g}"] = mean_and_error(model, fixed)
        found["randomise S"][f"{dose:g}"] = mean_and_error(model, mixed)
    runs.to_csv(FOLDER / "gcm_runs.csv", index=False)
    document = {"dowhy": version("dowhy"), "draws": DRAWS, "mean and standard error of G": found}
    (FOLDER / "gcm_effects.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
