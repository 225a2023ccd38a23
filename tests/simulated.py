"""Data and truths for tests: structural models that are written down here, not in the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

ROLES = {"B": "b", "N": "n", "S": "s", "C": "c", "G": "g"}
CHAIN = "B -> N; N -> S; {N, S} -> C; C -> G"
SPLIT = "B -> N; N -> S; N -> C; S -> C; {N, S} -> C; C -> G"
TWO_WAYS = "B -> N; {B, N} -> S; {N, S} -> C; C -> G"
NOISES = ("N", "S", "C", "G")


@dataclass(frozen=True, slots=True)
class Truth:
    """N = n0 + a B + e1; S = s0 + c N + d B + h B N + e2; C = c0 + p N + q S + r N S + e3;
    G = g0 + g C + e4, with normal noise of variances v in the order of NOISES.
    """

    n0: float = 0.5
    a: float = 0.8
    s0: float = 0.3
    c: float = 0.5
    d: float = 0.0
    h: float = 0.0
    c0: float = 0.1
    p: float = 0.2
    q: float = 0.4
    r: float = 0.3
    g0: float = 1.0
    g: float = -0.7
    direct: float = 0.0
    v: tuple[float, float, float, float] = (1.0, 0.8, 0.5, 0.3)


def draw_noise(truth: Truth, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
    """Independent normal noise for each node."""
    return {k: rng.normal(scale=v**0.5, size=size) for k, v in zip(NOISES, truth.v, strict=True)}


def respond(
    t: Truth,
    e: dict[str, np.ndarray],
    b: float | np.ndarray,
    *,
    n: np.ndarray | None = None,
    s: np.ndarray | None = None,
    n_into_s: np.ndarray | None = None,
    into_c: tuple[np.ndarray, np.ndarray] | None = None,
    product: tuple[np.ndarray, np.ndarray] | None = None,
    product_value: float | None = None,
    centre: tuple[float, float] = (0.0, 0.0),
) -> dict[str, np.ndarray]:
    """One world of the true model; keyword arguments overrule what a node or mechanism sees.

    `product` and `product_value` overrule r (N - centre_N)(S - centre_S) alone.
    """
    N = t.n0 + t.a * b + e["N"] if n is None else n
    seen = N if n_into_s is None else n_into_s
    S = t.s0 + t.c * seen + t.d * b + t.h * b * seen + e["S"] if s is None else s
    x, y = (N, S) if into_c is None else into_c
    k, m = centre
    u, w = (x, y) if product is None else product
    joint = t.r * (u - k) * (w - m) if product_value is None else product_value
    # r x y = r (x - k)(y - m) + r m x + r k y - r k m
    main = t.c0 + (t.p + t.r * m) * x + (t.q + t.r * k) * y - t.r * k * m
    C = main + joint + e["C"]
    return {"N": N, "S": S, "C": C, "G": t.g0 + t.g * C + t.direct * b + e["G"]}


def design(clusters: int, doses: Sequence[float], repeats: int) -> tuple[np.ndarray, np.ndarray]:
    """Complete block design: cluster of each row, dose of each row."""
    b = np.tile(np.repeat(np.asarray(doses, dtype=float), repeats), clusters)
    return np.repeat(np.arange(clusters), len(doses) * repeats), b


def runs(
    t: Truth,
    rng: np.random.Generator,
    *,
    clusters: int = 24,
    doses: Sequence[float] = (1.0, 2.0, 4.0),
    repeats: int = 2,
    block_sd: float = 0.0,
) -> pd.DataFrame:
    """Runs of the true model; each node has its own independent cluster effects."""
    k, b = design(clusters, doses, repeats)
    e = draw_noise(t, rng, len(b))
    e = {v: x + rng.normal(scale=block_sd, size=clusters)[k] for v, x in e.items()}
    return as_frame(k, b, respond(t, e, b))


def exact_runs(
    t: Truth,
    rng: np.random.Generator,
    *,
    clusters: int = 40,
    doses: Sequence[float] = (1.0, 2.0, 4.0),
    repeats: int = 25,
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Runs whose noise is exactly uncorrelated with what precedes it, and that noise.

    Least squares then finds the true coefficients to rounding, so that closed forms hold with
    the sample moments of the noise in place of the variances.
    """
    k, b = design(clusters, doses, repeats)
    e = draw_noise(t, rng, len(b))
    e["N"] = _residual(e["N"], b)
    N = respond(t, e, b)["N"]
    e["S"] = _residual(e["S"], N, b, b * N)
    S = respond(t, e, b)["S"]
    e["C"] = _residual(e["C"], N, S, N * S)
    e["G"] = _residual(e["G"], respond(t, e, b)["C"])
    return as_frame(k, b, respond(t, e, b)), e


def as_frame(k: np.ndarray, b: np.ndarray, nodes: dict[str, np.ndarray]) -> pd.DataFrame:
    """The runs frame: run_id, cluster k, dose b and the nodes in small letters."""
    columns = {name.lower(): x for name, x in nodes.items()}
    return pd.DataFrame(
        {"run_id": [f"run{i:05d}" for i in range(len(b))], "k": k, "b": b} | columns
    )


def _residual(y: np.ndarray, *columns: np.ndarray) -> np.ndarray:
    X = np.column_stack([np.ones(len(y)), *columns])
    return y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
