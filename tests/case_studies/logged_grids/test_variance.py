"""The split of variance is exact; an index of factors explains what depends on it alone."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.formula.api import ols

from case_studies.batch_size.logged_grids.variance import (
    best_exponents,
    index_share,
    split_variance,
)
from causalhyper.errors import ConfigurationError


def test_sums_of_squares_are_those_of_statsmodels() -> None:
    values = np.random.default_rng(1).normal(size=(3, 4, 2))
    levels = list(product(range(3), range(4), range(2)))
    frame = pd.DataFrame(levels, columns=["a", "b", "c"]).assign(y=values.ravel())
    table = sm.stats.anova_lm(ols("y ~ (C(a) + C(b) + C(c)) ** 2", frame).fit(), typ=2)
    parts = split_variance(values, ("a", "b", "c"), 2)
    for term, found in parts.items():
        name = ":".join(f"C({v})" for v in term) or "Residual"
        assert values.size * found == pytest.approx(table.loc[name, "sum_sq"], rel=1e-10)


def test_terms_are_what_their_definition_says_cell_by_cell() -> None:
    values = np.random.default_rng(2).normal(size=(2, 3, 4))
    effects = {(): np.full(values.shape, values.mean())}
    for size in (1, 2, 3):
        for term in combinations(range(3), size):
            effect = np.empty(values.shape)
            for cell in np.ndindex(values.shape):
                chosen = tuple(cell[i] if i in term else slice(None) for i in range(3))
                inner = [t for t in effects if set(t) < set(term)]
                effect[cell] = values[chosen].mean() - sum(effects[t][cell] for t in inner)
            effects[term] = effect
    parts = split_variance(values, ("x", "y", "z"), 3)
    for term, effect in effects.items():
        if term:
            name = tuple("xyz"[i] for i in term)
            assert parts[name] == pytest.approx((effect**2).mean(), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.tuples(st.integers(2, 4), st.integers(2, 4), st.integers(2, 3)), st.integers(0, 99))
def test_parts_sum_to_the_variance_whatever_the_order(shape, seed) -> None:
    values = np.random.default_rng(seed).normal(size=shape)
    for order in (1, 2, 3):
        parts = split_variance(values, ("a", "b", "c"), order)
        assert sum(parts.values()) == pytest.approx(values.var(), rel=1e-10)


def test_an_additive_surface_has_no_interaction_and_a_product_of_centred_lines_nothing_else() -> (
    None
):
    a, b = np.array([-1.0, 0.0, 1.0])[:, None], np.array([-3.0, -1.0, 1.0, 3.0])
    additive = split_variance(2 * a + b, ("a", "b"), 2)
    assert additive[("a",)] == pytest.approx(4 * 2 / 3)
    assert additive[("b",)] == pytest.approx(5)
    assert additive[("a", "b")] == pytest.approx(0, abs=1e-12)
    joint = split_variance(a * b, ("a", "b"), 2)
    assert joint[("a", "b")] == pytest.approx(2 / 3 * 5)
    assert joint[("a",)] == joint[("b",)] == pytest.approx(0, abs=1e-12)


def test_a_wrong_number_of_names_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="a name for each of 2 axes"):
        split_variance(np.zeros((2, 2)), ("a",), 1)


BATCH, RATE = 2.0 ** np.arange(2, 8), 10.0 ** np.linspace(-4, 0, 7)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_a_polynomial_of_an_index_is_explained_by_it_alone(exponent: float) -> None:
    index = np.log(RATE) - exponent * np.log(BATCH)[:, None]
    surface = 0.1 * index**3 - index**2
    assert index_share(surface, BATCH, RATE, exponent) == pytest.approx(1, abs=1e-12)
    assert best_exponents(surface[None], BATCH, RATE)[0] == pytest.approx(exponent, abs=1e-9)
    for other in {0.0, 0.5, 1.0} - {exponent}:
        assert index_share(surface, BATCH, RATE, other) < 1 - 1e-4


def test_the_rate_alone_explains_nothing_of_what_batch_size_does() -> None:
    surface = np.log(BATCH)[:, None] + 0 * RATE
    assert index_share(surface, BATCH, RATE, 0.0) == pytest.approx(0, abs=1e-12)


def test_the_share_of_an_index_is_the_r_squared_of_least_squares() -> None:
    surface = np.random.default_rng(3).normal(size=(len(BATCH), len(RATE)))
    index = (np.log(RATE) - 0.5 * np.log(BATCH)[:, None]).ravel()
    powers = sm.add_constant(np.column_stack([(index / 10) ** k for k in range(1, 6)]))
    expected = sm.OLS(surface.ravel(), powers).fit().rsquared
    assert index_share(surface, BATCH, RATE, 0.5) == pytest.approx(expected, rel=1e-8)
