"""Numbers of another program: PySensemakr's partial-R2 sensitivity of two regressions.

    python -m tests.oracles.make_sensemakr

Needs PySensemakr (0.0.8 made the stored numbers, with pandas 2.2 and statsmodels 0.14: it fails
with pandas 3), which is no dependency of the project.
Reads ``gcm_runs.csv`` beside this file, and the Darfur survey that PySensemakr ships, of which
only the sensitivity statistics are stored. Writes ``sensemakr.json``.
"""

import json
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import sensemakr
import statsmodels.formula.api as smf

FOLDER = Path(__file__).parent
STRENGTHS = [(0.1, 0.2), (0.3, 0.3), (0.05, 0.9)]


def describe(
    formula: str, frame: pd.DataFrame, treatment: str, benchmark: str, times: list
) -> dict:
    """Statistics, bounds and adjusted estimates of one regression."""
    model = smf.ols(formula, frame).fit()
    stats = sensemakr.sensitivity_stats(model=model, treatment=treatment, alpha=0.05, q=1)
    bounds = sensemakr.ovb_bounds(
        model=model, treatment=treatment, benchmark_covariates=benchmark, kd=times, ky=times
    )
    dof = float(model.df_resid)
    adjusted = [
        float(
            sensemakr.adjusted_estimate(
                r2dz_x=d, r2yz_dx=y, estimate=stats["estimate"], se=stats["se"], dof=dof
            )
        )
        for d, y in STRENGTHS
    ]
    rows = bounds[["r2dz_x", "r2yz_dx", "adjusted_estimate"]]
    return {
        "estimate": float(stats["estimate"]),
        "t": float(stats["t_statistic"]),
        "dof": dof,
        "partial r2": float(stats["r2yd_x"]),
        "rv": float(stats["rv_q"]),
        "rv 5%": float(stats["rv_qa"]),
        "times": times,
        "bounds": rows.astype(float).to_numpy().tolist(),
        "adjusted": adjusted,
    }


def main() -> None:
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")
    runs["block"] = runs["seed"].map("b{:02d}".format)
    darfur = sensemakr.load_darfur()
    survey = (
        "peacefactor ~ directlyharmed + age + farmer_dar + herder_dar + pastvoted + hhsize_darfur"
        " + female + village"
    )
    found = {
        "C ~ S + N": describe("C ~ S + N", runs, "S", "N", [0.25, 0.5]),
        "C ~ S + N + block": describe("C ~ S + N + block", runs, "S", "N", [0.25, 0.5]),
        "darfur": describe(survey, darfur, "directlyharmed", "female", [1, 2, 3]),
    }
    weak = []
    for t, dof in [(1.2, 40), (2.1, 40), (25.0, 12), (-3.0, 200)]:
        value = sensemakr.robustness_value(t_statistic=t, dof=dof, q=1, alpha=0.05)
        weak.append([t, dof, float(pd.Series(value).iloc[0])])
    document = {
        "PySensemakr": version("PySensemakr"),
        "strengths": STRENGTHS,
        "regressions": found,
        "robustness values at 5%": weak,
    }
    (FOLDER / "sensemakr.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
