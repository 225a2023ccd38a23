"""The numbers that docs/falsification.md claims hold."""

from pathlib import Path

import numpy as np
import pytest

from causalhyper.inference import partial_correlation
from causalhyper.mechanisms import make_groups

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "falsification.md").read_text("utf-8")


def test_the_hidden_cause_of_the_page_biases_the_chain_by_half_and_is_hardly_seen() -> None:
    a, b, k = 0.05, 0.5, 0.5
    # covariances of B, S, G
    s = a * a + 2
    V = np.array(
        [[1, a, a * b], [a, s, b * s + k], [a * b, b * s + k, b * b * s + 2 * b * k + k * k + 1]]
    )
    chain, total = a * V[1, 2] / V[1, 1], a * b
    assert (round(chain, 3), total) == (0.037, 0.025)
    P = np.linalg.inv(V)
    partial = -P[0, 2] / (P[0, 0] * P[2, 2]) ** 0.5
    assert round(partial, 3) == -0.012
    # 80% power at 5%: (1.96 + 0.84)^2 / partial^2
    assert 50_000 < 2.8**2 / partial**2 < 60_000
    rng = np.random.default_rng(0)
    B, U, e, f = rng.normal(size=(4, 100_000))
    S = a * B + U + e
    groups = make_groups(np.arange(100_000) % 50, np.zeros(100_000, dtype=int))
    found = partial_correlation(B, b * S + k * U + f, [S], groups, rng=rng, df=1)
    assert found.estimate == pytest.approx(partial, abs=4 / 100_000**0.5)


@pytest.mark.parametrize("words", ["method", "adjust", "permutations=1000", "keep=", "df=3"])
def test_the_page_names_the_options(words: str) -> None:
    assert words in PAGE
