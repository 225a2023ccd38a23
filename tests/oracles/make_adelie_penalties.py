"""Store group lasso and elastic net paths of adelie 1.1.52 (needs adelie; run by hand).

    python -m tests.oracles.make_adelie_penalties

Columns and y are standardised here, which adelie is not asked to do; its groups weigh the roots
of their sizes.
"""

import json
from pathlib import Path

import adelie as ad
import numpy as np

EDGES = [0, 3, 6, 10, 11, 17, 24]
SHARES = [0.5, 0.2, 0.05]


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    shared = rng.normal(size=(30, 8, 1))
    x = (shared + 0.3 * rng.normal(size=(30, 8, 3))).reshape(30, 24)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = x[:, :4] @ [1.0, -1.0, 2.0, 0.5] + rng.normal(size=30)
    return x, (y - y.mean()) / y.std()


def fit(x: np.ndarray, y: np.ndarray, groups: list[int], alpha: float) -> dict:
    sizes = np.diff([*groups, 24])
    slopes = x.T @ y / 30
    lengths = [np.linalg.norm(slopes[a : a + n]) for a, n in zip(groups, sizes, strict=True)]
    lambdas = max(lengths / np.sqrt(sizes)) / alpha * np.array(SHARES)
    state = ad.grpnet(
        np.asfortranarray(x),
        ad.glm.gaussian(y),
        groups=np.array(groups),
        alpha=alpha,
        lmda_path=lambdas,
        tol=1e-16,
        newton_tol=1e-14,
        early_exit=False,
        intercept=False,
        progress_bar=False,
    )
    return {"lambdas": lambdas.tolist(), "coefficients": state.betas.toarray().tolist()}


if __name__ == "__main__":
    x, y = data()
    stored = {
        "made_by": "adelie 1.1.52",
        "edges": EDGES,
        "x": x.tolist(),
        "y": y.tolist(),
        "group lasso": fit(x, y, EDGES[:-1], 1.0),
        "elastic net": fit(x, y, list(range(24)), 0.3),
    }
    Path(__file__).with_name("adelie_penalties.json").write_text(json.dumps(stored) + "\n")
