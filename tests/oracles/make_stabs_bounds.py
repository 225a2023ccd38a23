"""Numbers of another program: bounds on selections by chance, printed by the R package stabs.

    python -m tests.oracles.make_stabs_bounds

Writes ``stabs_bounds.json`` beside this file. R is not needed: the numbers are those that stabs
0.6 under R 4.0.3 prints in its own regression test (``tests/regtest-inference.Rout.save``) for
``stabsel_parameters(cutoff = 0.6, q = 1..10, p = 100, sampling.type = "SS")``, with 50 pairs.
"""

import json
from pathlib import Path

UNIMODAL = (
    0.02631579,
    0.1052632,
    0.2368421,
    0.4210526,
    0.6578947,
    0.9473684,
    1.289474,
    1.684211,
    2.131579,
    2.631579,
)
R_CONCAVE = (
    0.006971364,
    0.03342845,
    0.08691176,
    0.1637231,
    0.2605329,
    0.3820466,
    0.5295188,
    0.7042719,
    0.9077127,
    1.141338,
)
WORST_CASE = (0.05, 0.2, 0.45, 0.8, 1.25, 1.8, 2.45, 3.2, 4.05, 5.0)


def main() -> None:
    rows = [
        {
            "p": 100,
            "q": q,
            "cutoff": 0.6,
            "pairs": 50,
            "worst_case": worst,
            "unimodal": unimodal,
            "r_concave": concave,
        }
        for q, worst, unimodal, concave in zip(
            range(1, 11), WORST_CASE, UNIMODAL, R_CONCAVE, strict=True
        )
    ]
    text = json.dumps({"stabs": "0.6", "bounds": rows}, indent=1) + "\n"
    Path(__file__).with_name("stabs_bounds.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
