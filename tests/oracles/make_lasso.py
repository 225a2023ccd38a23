"""Numbers of other programs: objectives of lasso paths by adelie, glmnet, celer and skglm.

    python -m tests.oracles.make_lasso

Writes those of the programs that are installed into ``lasso.json`` beside this file, and keeps
what it has of the others. adelie 1.1.52, python-glmnet 2.6.1, celer 0.7.4 and skglm 0.5 made the
stored numbers; adelie pins numpy below 2, and works with a later one (``--no-deps``).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

SHARES = (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Penalties, as shares of the largest."""


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Squared changes like those of a training, of 60 steps and 400 parameters."""
    rng = np.random.default_rng(12)
    speed = np.exp(-np.linspace(0, 2, 60))[:, None] * np.exp(rng.normal(size=400))
    x = (speed * rng.normal(size=(60, 400))) ** 2
    return x, -x.sum(axis=1) / 40 + rng.normal(size=60)


def standardised() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of mean zero and standard deviation one, y of mean zero, and the penalties."""
    x, y = problem()
    x, y = (x - x.mean(axis=0)) / x.std(axis=0), y - y.mean()
    return np.asfortranarray(x), y, np.abs(x.T @ y).max() / len(y) * np.array(SHARES)


def with_adelie(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    import adelie

    state = adelie.grpnet(
        x,
        adelie.glm.gaussian(y),
        lmda_path=penalties,
        early_exit=False,
        intercept=False,
        tol=1e-16,
        max_iters=10**7,
        progress_bar=False,
    )
    return state.betas.toarray().T


def with_glmnet(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    from glmnet import ElasticNet

    fit = ElasticNet(
        alpha=1,
        lambda_path=penalties,
        standardize=False,
        fit_intercept=False,
        n_splits=0,
        tol=1e-16,
        max_iter=10**7,
    )
    return fit.fit(x, y).coef_path_


def with_celer(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    from celer import celer_path

    return celer_path(x, y, pb="lasso", alphas=penalties, tol=1e-13, max_iter=1000)[1]


def with_skglm(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    from skglm import Lasso

    fits = [Lasso(a, tol=1e-12, fit_intercept=False).fit(x, y).coef_ for a in penalties]
    return np.stack(fits, axis=1)


SOLVERS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "adelie": with_adelie,
    "python-glmnet": with_glmnet,
    "celer": with_celer,
    "skglm": with_skglm,
}


def main() -> None:
    path = Path(__file__).with_name("lasso.json")
    stored = json.loads(path.read_text("utf-8")) if path.exists() else {}
    x, y, penalties = standardised()
    for name, solver in SOLVERS.items():
        try:
            found = solver(x, y, penalties)
        except ImportError:
            continue
        left = ((y[:, None] - x @ found) ** 2).sum(axis=0) / (2 * len(y))
        objectives = left + penalties * np.abs(found).sum(axis=0)
        stored[name] = {"version": version(name), "objectives": objectives.tolist()}
    path.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
