"""One small analysis, shared by the tests of report and command line."""

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, Analysis, analyze, fit

GRAPH = "B -> N; N -> S; {N, S} -> C; C -> G"
ROLES = {
    "B": "log2(batch_size)",
    "N": "log10(grad_noise)",
    "S": "sharpness",
    "C": "weight_norm",
    "G": "test_accuracy",
}


def simulate_runs(seeds: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    rows = []
    for seed in range(seeds):
        for batch in (16, 64, 512):
            noise = 1.0 - 0.9 * np.log2(batch) * np.log10(2) + rng.normal(0, 0.1)
            sharp = 3 - noise + rng.normal(0, 0.2)
            norm = 5 + noise + 0.5 * sharp + 0.2 * noise * sharp + rng.normal(0, 0.2)
            accuracy = 0.8 + 0.01 * norm + rng.normal(0, 0.01)
            rows.append((seed, batch, 10**noise, sharp, norm, accuracy))
    columns = ["seed", "batch_size", "grad_noise", "sharpness", "weight_norm", "test_accuracy"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(run_id=[f"r{i}" for i in range(len(frame))], dataset="cora")


@pytest.fixture(scope="session")
def runs() -> pd.DataFrame:
    return simulate_runs()


@pytest.fixture(scope="session")
def analysis(runs: pd.DataFrame) -> Analysis:
    model = fit(GRAPH, runs, ROLES, protocol="equal updates", cluster="seed", mechanisms=LINEAR)
    return analyze(model, "B", "G", at=[16, 64], baseline=512, draws=200, seed=3)
