"""Numbers of another program: dowhy's E-values of risk ratios and standardised differences.

    python -m tests.oracles.make_e_values

Needs dowhy (0.14 made the stored numbers), which is no dependency of the project. Writes
``e_values.json`` beside this file. dowhy writes 1.78 where 0.91 * 1.96 = 1.7836 is meant, so the
ends of its intervals are those of a half width of 1.78 / 0.91 standard errors.
"""

import json
from importlib.metadata import version
from pathlib import Path

from dowhy.causal_refuters.evalue_sensitivity_analyzer import EValueSensitivityAnalyzer

FOLDER = Path(__file__).parent
RATIOS = [(3.9, 1.8, 8.7), (0.8, 0.71, 0.91), (1.1, 0.9, 1.34), (0.5, 0.2, 1.3)]
DIFFERENCES = [(0.42, 0.14), (-0.8, 0.2), (0.1, 0.3)]


def read(found: dict) -> list[float]:
    """E-value of the estimate, and of the end of its interval nearest 1."""
    ends = [found["evalue_lower_ci"], found["evalue_upper_ci"]]
    return [float(found["evalue_estimate"]), float(next(e for e in ends if e is not None))]


def main() -> None:
    # the analyser wants a fitted estimate; its formulas need none
    formulas = object.__new__(EValueSensitivityAnalyzer)
    document = {
        "dowhy": version("dowhy"),
        "ratios": [[*r, *read(formulas._evalue_RR(*r))] for r in RATIOS],
        "differences": [[*d, *read(formulas._evalue_MD(*d))] for d in DIFFERENCES],
    }
    (FOLDER / "e_values.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
