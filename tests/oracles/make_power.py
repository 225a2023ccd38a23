"""Numbers of another program: power and sample sizes of t tests by statsmodels.

    python -m tests.oracles.make_power

Writes ``power.json`` beside this file; statsmodels 0.15 made the stored numbers.
"""

import json
from importlib.metadata import version
from pathlib import Path

from statsmodels.stats.power import TTestIndPower, TTestPower

TESTS = {1: TTestPower(), 2: TTestIndPower()}


def powers() -> list[dict[str, float]]:
    return [
        {"arms": arms, "effect": effect, "clusters": n, "alpha": alpha, "power": float(power)}
        for arms, test in TESTS.items()
        for effect in (0.1, 0.3, 0.5, 0.8, 1.5)
        for n in (3, 5, 10, 24, 40, 200)
        for alpha in (0.05, 0.01)
        for power in [test.power(effect, n, alpha=alpha)]
        if power == power  # statsmodels has no number far out
    ]


def sizes() -> list[dict[str, float]]:
    return [
        {"arms": arms, "effect": effect, "target": target, "clusters": float(n)}
        for arms, test in TESTS.items()
        for effect in (0.1, 0.3, 0.5, 0.8, 1.5)
        for target in (0.5, 0.8, 0.9)
        for n in [test.solve_power(effect, power=target, alpha=0.05)]
    ]


def effects() -> list[dict[str, float]]:
    return [
        {"arms": arms, "clusters": n, "target": target, "effect": float(effect)}
        for arms, test in TESTS.items()
        for n in (5, 10, 24, 40)
        for target in (0.5, 0.8, 0.9)
        for effect in [test.solve_power(None, n, alpha=0.05, power=target)]
    ]


def main() -> None:
    found = {"powers": powers(), "sizes": sizes(), "effects": effects()}
    document = {"statsmodels": version("statsmodels")} | found
    text = json.dumps(document, indent=1) + "\n"
    Path(__file__).with_name("power.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
