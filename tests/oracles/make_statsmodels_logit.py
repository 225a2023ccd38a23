"""Numbers of another program: statsmodels' mediation analysis with a logit outcome.

    python -m tests.oracles.make_statsmodels_logit

statsmodels 0.15.0 made the stored numbers. Writes ``logit_runs.csv`` and
``statsmodels_logit.json`` beside this file. Effects are those of Imai, Keele and Tingley's
algorithm twice over: with the parameters at their estimates, which leaves no error but that of
simulated mediators, and with parameters drawn around them (quasi-Bayesian), for standard errors.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.special import expit, ndtri
from statsmodels.stats.mediation import Mediation

FOLDER = Path(__file__).parent
OUTCOMES = {"additive": "y ~ x + n", "interaction": "y ~ x * n"}
SIMULATED = 500


class AtTheEstimate(Mediation):
    """With parameters as estimated in every repetition."""

    def _simulate_params(self, result, rng):
        return result.params


def make_runs() -> pd.DataFrame:
    """600 runs with and without a treatment; the mediator's noise is normal by quantiles."""
    rng = np.random.default_rng(40)
    e = ndtri((np.arange(300) + 0.5) / 300)
    x = np.repeat([0.0, 1.0], 300)
    n = 0.2 + 0.8 * x + np.concatenate([rng.permutation(e), rng.permutation(e)])
    y = (rng.random(600) < expit(-0.5 + 0.6 * x + 0.9 * n - 0.7 * x * n)).astype(int)
    frame = pd.DataFrame({"x": x, "n": n.round(6), "y": y, "n_test": 1})
    frame.insert(0, "run_id", [f"r{i:03d}" for i in range(600)])
    return frame


def main() -> None:
    runs = make_runs()
    runs.to_csv(FOLDER / "logit_runs.csv", index=False)
    runs = pd.read_csv(FOLDER / "logit_runs.csv")
    document = {"statsmodels": version("statsmodels"), "repetitions": SIMULATED}
    for name, formula in OUTCOMES.items():
        outcome = sm.GLM.from_formula(formula, runs, family=sm.families.Binomial())
        mediator = sm.OLS.from_formula("n ~ x", runs)
        effects = {}
        for kind, algorithm in (("plugged in", AtTheEstimate), ("quasi-Bayesian", Mediation)):
            fitted = algorithm(outcome, mediator, "x", "n").fit(n_rep=SIMULATED, rng=1)
            drawn = {
                "natural_direct": fitted.ADE_ctrl,
                "natural_direct_total": fitted.ADE_tx,
                "natural_indirect_pure": fitted.ACME_ctrl,
                "natural_indirect": fitted.ACME_tx,
                "total": fitted.total_effect,
            }
            effects[kind] = {
                part: {"mean": float(np.mean(x)), "sd": float(np.std(x, ddof=1))}
                for part, x in drawn.items()
            }
        coefficients = outcome.fit(tol=1e-14).params.to_dict()
        document[name] = {"coefficients": coefficients} | effects
    (FOLDER / "statsmodels_logit.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
