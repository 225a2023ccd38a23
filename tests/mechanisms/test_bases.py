"""Natural splines and their orthonormal bases, against scipy and by brute force."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import make_basis
from causalhyper.mechanisms.bases import natural_spline

KNOTS = np.array([-2.0, -0.5, 1.0, 1.75, 4.0])


def _columns(x, knots=KNOTS):
    return np.column_stack([np.ones(len(x)), *natural_spline(x, knots)])


def test_the_span_holds_every_natural_interpolating_spline_of_scipy():
    rng = np.random.default_rng(0)
    x = np.linspace(KNOTS[0], KNOTS[-1], 301)
    for _ in range(5):
        y = rng.normal(size=len(KNOTS))
        weights = np.linalg.solve(_columns(KNOTS), y)
        spline = CubicSpline(KNOTS, y, bc_type="natural")
        assert _columns(x) @ weights == pytest.approx(spline(x), abs=1e-11)


def test_beyond_the_outer_knots_the_span_goes_on_along_scipys_end_tangents():
    y = np.array([0.3, -1.0, 2.0, 0.1, 1.5])
    weights = np.linalg.solve(_columns(KNOTS), y)
    spline = CubicSpline(KNOTS, y, bc_type="natural")
    for end, away in ((-2.0, -3.7), (4.0, 9.1)):
        tangent = spline(end) + spline(end, 1) * (away - end)
        assert _columns(np.array([away])) @ weights == pytest.approx([tangent], abs=1e-10)


def test_functions_are_twice_continuously_differentiable_at_the_knots_and_linear_outside():
    step = 1e-3
    for knot in KNOTS:
        side = {}
        for sign in (-1, 1):
            # one-sided: a cubic through four points lying on one side of the knot is exact there
            points = knot + sign * step * np.arange(4)
            for j, f in enumerate(natural_spline(points, KNOTS)):
                cubic = np.polyfit(points - knot, f, 3)
                side[sign, j] = np.polyval(cubic, 0), cubic[2], 2 * cubic[1]
        for j in range(len(KNOTS) - 1):
            assert side[-1, j] == pytest.approx(side[1, j], abs=1e-5)
            if knot in KNOTS[[0, -1]]:
                assert side[-1, j][2] == pytest.approx(0, abs=1e-5)
    for far in (np.array([-9.0, -6.0, -3.0]), np.array([5.0, 7.0, 9.0])):
        assert [np.diff(f, 2).item() for f in natural_spline(far, KNOTS)] == pytest.approx(
            np.zeros(4), abs=1e-9
        )


@pytest.mark.parametrize("df", [1, 2, 3, 6])
def test_a_basis_is_centred_and_orthonormal_in_its_data(df):
    x = np.random.default_rng(df).gamma(1.0, size=200)
    table = make_basis(x, df)(x)
    assert table.shape == (200, df)
    assert table.mean(axis=0) == pytest.approx(np.zeros(df), abs=1e-10)
    assert table.T @ table / 200 == pytest.approx(np.eye(df), abs=1e-8)


@pytest.mark.parametrize("x", [[1.0, 2.0, 4.0, 9.0], [9.0, -3.0, 4.0]])
def test_a_basis_of_size_one_is_the_standardised_variable_up_to_its_sign(x):
    x = np.array(x)
    found = make_basis(x, 1)(x)[:, 0]
    assert found * np.sign(found[0] * (x[0] - x.mean())) == pytest.approx((x - x.mean()) / x.std())


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=40),
    st.integers(1, 7),
)
def test_any_data_that_vary_give_an_orthonormal_basis(values, df):
    x = np.array(values, dtype=float)
    assume(len(np.unique(x)) > 1)
    basis = make_basis(x, df)
    table = basis(x)
    assert basis.size <= min(df, len(np.unique(x)) - 1)
    assert table.T @ table / len(x) == pytest.approx(np.eye(basis.size), abs=1e-6)


def test_recoding_a_variable_affinely_leaves_its_basis_at_the_data_as_it_was():
    x = np.random.default_rng(1).normal(size=80)
    assert make_basis(10 * x + 3, 4)(10 * x + 3) == pytest.approx(make_basis(x, 4)(x), abs=1e-9)


@pytest.mark.parametrize(("values", "df"), [([1.0, 2.0], 0), ([3.0, 3.0, 3.0], 2)])
def test_no_function_or_no_variation_is_refused(values, df):
    with pytest.raises(ConfigurationError):
        make_basis(np.array(values), df)
