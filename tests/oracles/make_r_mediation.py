"""Numbers of another program: R's mediation package, as published, and moments of its data.

    python -m tests.oracles.make_r_mediation jobs.csv

The numbers are the output of R's ``mediate`` (with ``boot=TRUE, sims=1000``) and ``lm`` in the
worked example https://inductivestep.github.io/Random-bits-and-pieces/mediator_effects.nb.html:
the data ``jobs`` of the package, ``depress2`` on ``treat`` through ``job_seek`` given
``econ_hard``, ``sex`` and ``age``. ``jobs.csv`` is csv/mediation/jobs.csv of
https://github.com/vincentarelbundock/Rdatasets (commit 1dcc2bf). Least squares sees no more of
the data than their means and covariances, so these alone are stored, in ``r_mediation.json``
beside this file.
"""

import json
import sys
from pathlib import Path

import pandas as pd

NODES = ("treat", "econ_hard", "sex", "age", "job_seek", "depress2")
PUBLISHED = {
    "ACME": -0.01574465,
    "ADE": -0.0402647,
    "Total Effect": -0.05600935,
    "ACME, percentile interval": (-0.0400, 0.01),
    "ADE, percentile interval": (-0.1237, 0.04),
    "Total Effect, percentile interval": (-0.1452, 0.03),
    "depress2 ~ treat + econ_hard + sex + age": {
        "(Intercept)": 1.3268664,
        "treat": -0.0560093,
        "econ_hard": 0.1357868,
        "sex": 0.1086375,
        "age": -0.0004517,
    },
}


def main(path: str) -> None:
    jobs = pd.read_csv(path)[list(NODES)]
    document = {
        "published": PUBLISHED,
        "n": len(jobs),
        "nodes": NODES,
        "means": jobs.mean().tolist(),
        "covariances": jobs.cov(ddof=0).to_numpy().tolist(),
    }
    target = Path(__file__).parent / "r_mediation.json"
    target.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
