"""Numbers of arch 8.0: long-run covariances, and bandwidths of Newey and West 1994.

    python -m tests.oracles.make_long_run

Writes ``long_run.json`` beside this file. arch rounds the lags of the bandwidth up where Newey and
West take the whole part: with 100 steps both are 4. Its Bartlett bandwidth is one less than here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np


def series() -> np.ndarray:
    """Two series without randomness, of mean zero and root mean square one."""
    t = np.arange(100)
    x = np.column_stack([np.sin(0.7 * t) + np.cos(0.011 * t**2), np.cos(0.05 * t) + (t % 3)])
    x -= x.mean(axis=0)
    return x / np.sqrt((x**2).mean(axis=0))


def numbers() -> dict[str, dict[str, object]]:
    """What arch says of them."""
    from arch.covariance.kernel import Bartlett, QuadraticSpectral

    found = {}
    for name, kernel in (("bartlett", Bartlett), ("quadratic_spectral", QuadraticSpectral)):
        found[name] = {
            "newey_west": float(kernel(series(), center=False).opt_bandwidth),
            "covariance_7": kernel(series(), bandwidth=7.0, center=False).cov.long_run.tolist(),
        }
    return found


if __name__ == "__main__":
    out = Path(__file__).with_name("long_run.json")
    out.write_text(json.dumps(numbers(), indent=1) + "\n", "utf-8")
