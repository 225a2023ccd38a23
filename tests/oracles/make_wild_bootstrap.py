"""Numbers of another program: wild cluster bootstrap p-values of wildboottest, CR1 of statsmodels.

    python -m tests.oracles.make_wild_bootstrap

Needs wildboottest (0.3.2 made the stored numbers) and statsmodels, neither a dependency of the
project. Writes ``wild_runs.csv`` and ``wild_bootstrap.json`` beside this file. The null is
imposed; with signs and at most 12 clusters wildboottest enumerates all sets of weights.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from wildboottest.wildboottest import wildboottest

FOLDER = Path(__file__).parent
DRAWS = 99_999


def make_runs() -> pd.DataFrame:
    """10 clusters of unequal size, a treatment that varies within them, a covariate."""
    rng = np.random.default_rng(7)
    k = np.repeat(np.arange(10), [4, 5, 6, 7, 8, 8, 9, 10, 11, 12])
    x = rng.normal(size=len(k)) + rng.normal(size=10)[k]
    z = 0.5 * x + rng.normal(size=len(k))
    slope = 0.25 + 0.5 * rng.normal(size=10)[k]
    y = slope * x + 0.4 * z + rng.normal(size=10)[k] + rng.normal(size=len(k))
    return pd.DataFrame({"k": k, "x": x, "z": z, "y": y}).round(6)


def p_values(runs: pd.DataFrame, column: str, draws: int, weights: str) -> float:
    model = smf.ols("y ~ x + z", runs)
    found = wildboottest(
        model,
        param=column,
        cluster=runs["k"],
        B=draws,
        weights_type=weights,
        impose_null=True,
        bootstrap_type="11",
        seed=12,
        show=False,
    )
    return float(found["p-value"].iloc[0])


def main() -> None:
    runs = make_runs()
    runs.to_csv(FOLDER / "wild_runs.csv", index=False)
    fitted = smf.ols("y ~ x + z", runs).fit(
        cov_type="cluster", cov_kwds={"groups": runs["k"]}, use_t=True
    )
    found = {
        column: {
            "estimate": float(fitted.params[column]),
            "se": float(fitted.bse[column]),
            "t": float(fitted.tvalues[column]),
            "t_p_value": float(fitted.pvalues[column]),
            "rademacher, enumerated": p_values(runs, column, DRAWS, "rademacher"),
            "webb, sampled": p_values(runs, column, DRAWS, "webb"),
        }
        for column in ("x", "z")
    }
    versions = {name: version(name) for name in ("wildboottest", "statsmodels")}
    document = {**versions, "draws": DRAWS, "coefficients": found}
    (FOLDER / "wild_bootstrap.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
