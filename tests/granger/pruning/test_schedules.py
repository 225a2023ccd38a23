import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.granger.pruning.schedules import sparsity_schedule

KINDS = ("cubic", "geometric", "linear")


@pytest.mark.parametrize(
    ("share", "percent"), [(0.1, 65.13), (0.275, 95.99), (0.196, 88.71), (0.14, 77.87)]
)
def test_the_papers_shares_reach_the_papers_sparsities_in_ten_iterations(share, percent):
    # tables 3 and 2 of the paper: mag_prune_frac, and percent pruned by magnitude
    assert round(100 * (1 - (1 - share) ** 10), 2) == percent
    levels = sparsity_schedule(1 - (1 - share) ** 10, 10, kind="geometric")
    left = 1 - np.array([0.0, *levels])
    np.testing.assert_allclose(left[1:] / left[:-1], 1 - share, rtol=1e-12)


def test_the_cubic_schedule_is_zhu_and_guptas_equation_1():
    # s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3, by hand at a quarter, a half, three quarters
    levels = sparsity_schedule(0.9, 4, initial=0.1)
    by_hand = [0.9 - 0.8 * 27 / 64, 0.9 - 0.8 / 8, 0.9 - 0.8 / 64, 0.9]
    np.testing.assert_allclose(levels, by_hand, rtol=1e-14)


def test_the_linear_schedule_prunes_equally_many_each_time():
    np.testing.assert_allclose(
        sparsity_schedule(0.9, 3, kind="linear", initial=0.3), [0.5, 0.7, 0.9]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_one_iteration_prunes_everything_at_once(kind):
    assert sparsity_schedule(0.97, 1, kind=kind) == (0.97,)


@given(
    st.floats(0, 0.9999),
    st.floats(0, 0.9999),
    st.integers(1, 60),
    st.sampled_from(KINDS),
)
def test_levels_never_fall_and_end_at_the_final_share(first, last, iterations, kind):
    low, high = sorted((first, last))
    levels = sparsity_schedule(high, iterations, kind=kind, initial=low)
    assert len(levels) == iterations
    assert levels[-1] == high
    assert low <= levels[0]
    assert all(np.diff(levels) >= 0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"final": 1.0, "iterations": 3}, "got 0 and 1.*95% is 0.95"),
        ({"final": 95, "iterations": 3}, "got 0 and 95"),
        ({"final": 0.5, "iterations": 3, "initial": 0.6}, "got 0.6 and 0.5"),
        ({"final": float("nan"), "iterations": 3}, "got 0 and nan"),
        ({"final": 0.5, "iterations": 0}, "one iteration at least, got 0"),
        ({"final": 0.5, "iterations": 2.5}, "whole number, got 2.5"),
        ({"final": 0.5, "iterations": 2, "kind": "quadratic"}, "cubic, geometric, linear"),
    ],
)
def test_what_is_no_schedule_is_refused(call, said):
    with pytest.raises(ConfigurationError, match=said):
        sparsity_schedule(**call)
