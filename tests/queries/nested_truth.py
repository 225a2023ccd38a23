"""Means of nested counterfactuals of tests/simulated.py, in closed form and by brute force.

In C the cause N comes from a run at b_C, S responds to an N of a run at b_N and to b directly at
b_S. With mu(b) = n0 + a b,

    S = s0 + d b_S + (c + h b_S) N(b_N) + e2,
    E[C] = c0 + p mu(b_C) + q E[S] + r (mu(b_C) E[S] + (c + h b_S) k),   E[G] = g0 + g E[C],

where k is the covariance of the noise of N in the two runs: v1 if it is the same run or noise is
shared, 0 if it is independent, -v1 if it is antithetic (normal noise).
"""

import numpy as np

from tests.simulated import Truth, draw_noise

KEPT = {"shared": 1.0, "independent": 0.0, "antithetic": -1.0}


def mean(
    t: Truth,
    b_into_c: float,
    b_into_n: float,
    b_into_s: float,
    *,
    v1: float,
    coupling: str = "shared",
    s: float | None = None,
) -> float:
    """E[G]; with `s`, S is set to it."""
    mu = {b: t.n0 + t.a * b for b in (b_into_c, b_into_n)}
    slope = t.c + t.h * b_into_s
    mean_s = t.s0 + t.d * b_into_s + slope * mu[b_into_n] if s is None else s
    k = v1 * (1.0 if b_into_c == b_into_n else KEPT[coupling])
    joint = mu[b_into_c] * mean_s + (slope * k if s is None else 0.0)
    return t.g0 + t.g * (t.c0 + t.p * mu[b_into_c] + t.q * mean_s + t.r * joint)


def brute_mean(
    t: Truth,
    b_into_c: float,
    b_into_n: float,
    b_into_s: float,
    rng: np.random.Generator,
    *,
    coupling: str = "shared",
    size: int = 2 * 10**5,
) -> float:
    """The same by drawing runs; noise of N in two runs has the correlation 1, 0 or -1."""
    e = draw_noise(t, rng, size)
    other = {"shared": e["N"], "antithetic": -e["N"], "independent": draw_noise(t, rng, size)["N"]}
    noise = e["N"] if b_into_c == b_into_n else other[coupling]
    received = t.n0 + t.a * b_into_n + noise
    s = t.s0 + t.d * b_into_s + (t.c + t.h * b_into_s) * received + e["S"]
    n = t.n0 + t.a * b_into_c + e["N"]
    c = t.c0 + t.p * n + t.q * s + t.r * n * s + e["C"]
    return float((t.g0 + t.g * c + e["G"]).mean())
