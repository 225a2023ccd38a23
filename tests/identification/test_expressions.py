"""The algebra of estimands: printing, free variables, short forms and values on a table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.identification import (
    Derivation,
    Fraction,
    NestedEffect,
    Probability,
    Product,
    Renamed,
    Sum,
    evaluate,
    free,
    star,
)
from causalhyper.identification.algebra import divide, multiply, sum_out
from causalhyper.identification.expressions import ONE

Y_XZ = Probability(("Y",), ("X", "Z"))
X, Z, Z_X = Probability(("X",)), Probability(("Z",)), Probability(("Z",), ("X",))
FRONT = Sum(("Z",), Product((Z_X, Sum(("X",), Product((Y_XZ, X))))))


def joint_of(seed, sizes=(2, 3, 2)):
    return np.random.default_rng(seed).dirichlet(np.ones(np.prod(sizes))).reshape(sizes)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (Probability(("C", "G"), ("N", "S")), "P(c, g | n, s)"),
        (FRONT, "Σ_{z} P(z | x) Σ_{x′} P(y | x′, z) P(x′)"),
        (Product((Sum(("X",), X), Z)), "[Σ_{x} P(x)] P(z)"),
        (Product((Z, Fraction(X, Z))), "P(z) [P(x) / P(z)]"),
        (Fraction(Product((X, Z)), Sum(("Z",), Z)), "[P(x) P(z)] / [Σ_{z′} P(z′)]"),
        (Sum(("Z",), Fraction(X, Z)), "Σ_{z} [P(x) / P(z)]"),
        (ONE, "1"),
        (Renamed(FRONT, "X", "x*"), "Σ_{z} P(z | x*) Σ_{x} P(y | x, z) P(x)"),
        (Product((Z_X, Renamed(Z_X, "X", "x*"))), "P(z | x) P(z | x*)"),
        (Probability(("N",), ("n",)), "P(N | n)"),
        (Sum(("X",), Product((X, Sum(("X",), X)))), "Σ_{x} P(x) Σ_{x′} P(x′)"),
    ],
)
def test_an_expression_prints_readably_and_no_two_variables_share_a_sign(expression, text):
    assert str(expression) == text


def test_a_variable_summed_over_is_not_free_and_a_renamed_one_goes_by_its_symbol():
    assert free(FRONT) == {"X", "Y"}
    assert free(Renamed(FRONT, "X", "x*")) == {"x*", "Y"}
    assert free(Fraction(X, Z)) == {"X", "Z"}
    assert star(Z, "X") == Z
    assert star(Z_X, "X") == Renamed(Z_X, "X", "x*")


@given(st.integers(0, 1000))
def test_the_front_door_formula_has_the_value_of_loops(seed):
    joint = joint_of(seed)
    p_x, p_zx = joint.sum((1, 2)), joint.sum(2)
    expected = np.zeros((2, 2))
    for y, x, z, other in np.ndindex(2, 2, 3, 2):
        term = joint[other, z, y] / p_zx[other, z] * p_x[other]
        expected[y, x] += p_zx[x, z] / p_x[x] * term
    np.testing.assert_allclose(evaluate(FRONT, joint, "XZY", "YX"), expected, rtol=1e-12)


@given(st.integers(0, 1000))
def test_a_renamed_variable_has_an_axis_of_its_own(seed):
    joint = joint_of(seed)
    both = Sum(("Z",), Product((Y_XZ, star(Z_X, "X"))))
    value = evaluate(both, joint, "XZY", ["Y", "X", "x*"])
    y_xz = joint / joint.sum(2, keepdims=True)
    z_x = joint.sum(2) / joint.sum((1, 2))[:, None]
    np.testing.assert_allclose(value, np.einsum("xzy,tz->yxt", y_xz, z_x), rtol=1e-12)


@given(st.integers(0, 1000))
def test_short_forms_have_the_value_of_the_long_ones(seed):
    joint = joint_of(seed)
    long = Sum(("Y", "Z"), Product((Y_XZ, Z_X)))
    short = sum_out({"Y", "Z"}, Product((Y_XZ, Z_X)))
    assert short == ONE
    np.testing.assert_allclose(
        evaluate(long, joint, "XZY", "X"), evaluate(short, joint, "XZY", "X"), rtol=1e-12
    )
    pair = Probability(("Y", "Z"), ("X",))
    assert sum_out({"Y"}, multiply([pair, X])) == Product((Z_X, X))
    assert divide(Z, ONE) == Z
    assert sum_out({"X"}, Sum(("Z",), Fraction(Y_XZ, X))).over == ("X", "Z")


def test_summing_over_what_does_not_matter_counts_its_values():
    joint = joint_of(1)
    value = evaluate(Sum(("Z",), X), joint, "XZY", "X")
    np.testing.assert_allclose(value, 3 * joint.sum((1, 2)))


def test_a_free_variable_that_is_not_kept_stays_at_its_first_value():
    joint = joint_of(2)
    value = evaluate(Y_XZ, joint, "XZY", "YX")
    np.testing.assert_allclose(value, (joint / joint.sum(2, keepdims=True))[:, 0].T)


def test_a_probability_given_the_impossible_is_not_a_number():
    joint = joint_of(3)
    joint[0] = 0
    value = evaluate(Z_X, joint / joint.sum(), "XZY", "XZ")
    assert np.isnan(value[0]).all()
    assert np.isfinite(value[1]).all()


@pytest.mark.parametrize(
    ("joint", "axes", "keep", "message"),
    [
        (joint_of(1), "XZ", "X", "3 axes for X, Z"),
        (joint_of(1), "XXY", "X", "one axis a node"),
        (joint_of(1) * 2, "XZY", "X", "its sum is 2"),
        (joint_of(1), "XZY", "XQ", "no axis for Q"),
        (joint_of(1), "XWY", "X", "no axis for Z"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(joint, axes, keep, message):
    with pytest.raises(ConfigurationError, match=message):
        evaluate(Z_X, joint, axes, keep)


def test_an_answer_is_an_estimand_or_a_witness_and_not_both():
    with pytest.raises(CausalHyperError, match="both or none"):
        Derivation(None, (), None)
    with pytest.raises(CausalHyperError, match="both or neither"):
        NestedEffect(X, "recanting witness N", "")
