"""Adjusted p-values against their definitions and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from causalhyper.errors import ConfigurationError
from causalhyper.inference import adjust_p_values

NAMES = {"holm": "holm", "bh": "fdr_bh", "by": "fdr_by"}
FAMILIES = st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), max_size=30)


@pytest.mark.parametrize("method", NAMES)
@given(FAMILIES.filter(bool))
def test_adjusted_p_values_are_those_of_statsmodels(method, p):
    expected = multipletests(p, method=NAMES[method])[1]
    np.testing.assert_allclose(adjust_p_values(p, method), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("method", NAMES)
@given(FAMILIES, st.floats(0.001, 0.5))
def test_rejections_are_those_of_the_published_step_rules(method, p, alpha):
    m, price = len(p), sum(1 / i for i in range(1, len(p) + 1)) if method == "by" else 1.0
    ordered = sorted(p)
    if method == "holm":
        passed = [q * (m - i) <= alpha for i, q in enumerate(ordered)]
        count = passed.index(False) if False in passed else m
    else:
        passed = [q * price * m / (i + 1) <= alpha for i, q in enumerate(ordered)]
        count = max((i + 1 for i, ok in enumerate(passed) if ok), default=0)
    cut = ordered[count - 1] if count else -1.0
    near = [abs(a - alpha) < 1e-12 for a in adjust_p_values(p, method)]
    for q, a, close in zip(p, adjust_p_values(p, method), near, strict=True):
        assert close or (a <= alpha) == (q <= cut)


@pytest.mark.parametrize("method", NAMES)
@given(FAMILIES)
def test_tests_that_do_not_apply_do_not_count_in_the_family(method, p):
    holed = [x for q in p for x in (q, float("nan"))]
    found = adjust_p_values(holed, method)
    np.testing.assert_array_equal(found[::2], adjust_p_values(p, method))
    assert np.isnan(found[1::2]).all()


@pytest.mark.parametrize("method", NAMES)
def test_the_adjusted_p_value_of_a_lone_test_is_its_p_value(method):
    assert adjust_p_values([0.03], method).tolist() == [0.03]


def test_benjamini_yekutieli_costs_the_harmonic_sum():
    p = [0.001, 0.002, 0.003]
    np.testing.assert_allclose(
        adjust_p_values(p, "by"), (1 + 1 / 2 + 1 / 3) * adjust_p_values(p, "bh")
    )


@pytest.mark.parametrize(
    ("p", "method", "said"),
    [
        ([0.5], "fdr", "use one of holm, bh, by"),
        ([0.5, -0.1], "bh", "got -0.1"),
        ([1.5], "bh", "got 1.5"),
        ([[0.5]], "bh", r"shape \(1, 1\)"),
    ],
)
def test_a_wrong_call_is_refused_with_what_to_do(p, method, said):
    with pytest.raises(ConfigurationError, match=said):
        adjust_p_values(p, method)


@pytest.mark.slow
def test_the_false_discovery_rate_of_bh_is_its_level_times_the_share_of_true_nulls():
    # exact for independent tests (Benjamini and Yekutieli 2001, theorem 5.1): 0.2 * 15 / 20
    rng = np.random.default_rng(3)
    p = rng.random((20_000, 20))
    p[:, 15:] **= 8
    shares = []
    for row in p:
        found = adjust_p_values(row) <= 0.2
        shares.append(found[:15].sum() / max(1, found.sum()))
    error = np.std(shares) / len(shares) ** 0.5
    assert abs(np.mean(shares) - 0.15) < 4 * error
