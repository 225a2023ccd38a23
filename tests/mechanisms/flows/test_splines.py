"""Monotone splines: bijections of the line, of mean zero and variance one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad
from scipy.stats import norm

from causalhyper.mechanisms.flows.splines import EDGE, make_monotone_spline

LOGS = arrays(float, 6, elements=st.floats(-3, 3))


def test_equal_slopes_give_the_identity() -> None:
    spline = make_monotone_spline(7)
    u = np.linspace(-9, 9, 1001)
    assert spline.push(u, np.full(7, 0.3)) == pytest.approx(u, abs=1e-12)


@given(LOGS)
def test_every_spline_is_increasing_and_its_inverse_gives_back_what_went_in(logs) -> None:
    spline, theta = make_monotone_spline(6), np.exp(logs)
    u = np.concatenate([np.linspace(-8, 8, 401), spline.knots, [-1e3, 1e3]])
    e = spline.push(u, theta)
    assert (np.diff(e[:401]) > 0).all()
    back = spline.pull(e, theta[None])
    # rounding of e is worth this much of u where the spline is flat
    room = 8 * np.finfo(float).eps * (1 + np.abs(u)) * theta.max() / theta.min()
    assert (np.abs(back - u) <= room + 1e-13).all()
    assert spline.push(back, theta) == pytest.approx(e, rel=1e-12, abs=1e-12)


def test_rows_with_slopes_of_their_own_are_inverted_one_by_one() -> None:
    rng = np.random.default_rng(0)
    spline, theta = make_monotone_spline(5), np.exp(rng.normal(size=(50, 5)))
    u = 2 * rng.normal(size=50)
    e = spline.push(u, theta)
    alone = [spline.push(u[i : i + 1], theta[i])[0] for i in range(50)]
    assert e == pytest.approx(np.array(alone), abs=1e-13)
    assert spline.pull(e, theta) == pytest.approx(u, abs=1e-11)


@pytest.mark.parametrize("size", [2, 6])
def test_mean_and_variance_are_zero_and_one_by_numerical_integration(size) -> None:
    spline = make_monotone_spline(size)
    theta = np.exp(np.random.default_rng(1).normal(size=size))

    def moment(power: int) -> float:
        ends = [-13, *spline.knots, 13]
        parts = [
            quad(lambda u: spline.push(np.array([u]), theta)[0] ** power * norm.pdf(u), a, b)[0]
            for a, b in pairwise(ends)
        ]
        return sum(parts)

    assert moment(1) == pytest.approx(0, abs=1e-9)
    assert moment(2) == pytest.approx(1, abs=1e-9)


def test_slopes_and_their_slopes_are_differences_of_values() -> None:
    spline, h = make_monotone_spline(6), 1e-5
    u = np.linspace(-4, 4, 333)
    _, bumps, bends = spline.table(u)
    ahead, behind = spline.table(u + h), spline.table(u - h)
    assert (ahead[0] - behind[0]) / (2 * h) == pytest.approx(bumps, abs=1e-8)
    # the second derivative is continuous, not smooth
    assert (ahead[1] - behind[1]) / (2 * h) == pytest.approx(bends, abs=2e-5)
    assert bumps.sum(axis=1) == pytest.approx(np.ones(333))
    assert bumps.min() >= 0
    assert not bends[np.abs(u) > EDGE].any()


def test_tails_are_straight_lines() -> None:
    spline, theta = make_monotone_spline(4), np.array([0.5, 1.0, 2.0, 4.0])
    u = np.array([EDGE, EDGE + 1, EDGE + 20])
    right, left = spline.push(u, theta), spline.push(-u, theta)
    steps = np.array([1.0, 20.0]) / spline.deviation(theta)
    assert right[1:] - right[0] == pytest.approx(4.0 * steps)
    assert left[0] - left[1:] == pytest.approx(0.5 * steps)
