"""Claims about bounds on selections by chance, against optimisation by brute force."""

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.stability.bounds import (
    bound_selections,
    concave_tail,
    times_needed,
)


def largest_tail_by_search(mean, at, atoms, power, rng, starts=12):
    """Maximise P(X >= at) over all positive r-concave distributions with at most the mean."""
    steps = np.arange(atoms + 1.0)

    def weights(u):
        shape = np.exp(u - u.max())
        return shape / shape.sum()

    limits = [
        {"type": "ineq", "fun": lambda u: mean - weights(u) @ steps},
        {"type": "ineq", "fun": lambda u: np.diff(np.exp(power * (u - u.max())), 2)},
    ]
    best = 0.0
    for _ in range(starts):
        offset = np.exp(rng.uniform(-3, 2))
        start = np.log(offset + steps) / power
        start = start + 0.01 * rng.normal(size=atoms + 1)
        found = minimize(
            lambda u: -weights(u)[at:].sum(),
            start,
            constraints=limits,
            bounds=[(-25, 5)] * (atoms + 1),
            method="SLSQP",
            options={"maxiter": 500, "ftol": 1e-12},
        )
        slack = min(float(np.min(limit["fun"](found.x))) for limit in limits)
        if slack > -1e-7:
            best = max(best, -found.fun)
    return best


@pytest.mark.parametrize(
    ("mean", "at", "atoms", "power"),
    [(0.3, 3, 5, -0.5), (0.6, 3, 6, -0.25), (0.2, 2, 4, -0.5), (1.0, 4, 6, -0.5)],
)
def test_no_r_concave_distribution_found_by_search_has_a_larger_tail(mean, at, atoms, power):
    found = concave_tail(mean, at, atoms, power)
    searched = largest_tail_by_search(mean, at, atoms, power, np.random.default_rng(0))
    assert searched <= found * (1 + 1e-4)
    assert searched >= found * (1 - 1e-2)


def test_less_concave_means_a_larger_tail_up_to_that_of_unimodal_distributions():
    # unimodal with mode 0 is decreasing: a linear program; a mode further right raises the mean
    mean, at, atoms = 0.5, 6, 12
    steps = np.arange(atoms + 1.0)
    bound = max(
        -linprog(
            -(steps >= at).astype(float),
            A_ub=np.vstack([steps, _falling_beyond(mode, atoms)]),
            b_ub=np.append(mean, np.zeros(atoms)),
            A_eq=np.ones((1, atoms + 1)),
            b_eq=[1.0],
        ).fun
        for mode in range(2)
    )
    tails = [concave_tail(mean, at, atoms, -1 / s) for s in (16, 4, 2, 1.2)]
    assert (np.diff(tails) > 0).all()
    assert tails[-1] < bound


def _falling_beyond(mode, atoms):
    """Rows that say: rising to the mode, falling from it on."""
    rows = np.diff(np.eye(atoms + 1), axis=0)
    rows[:mode] *= -1
    return rows


def test_the_log_concave_limit_is_a_geometric_tail_of_the_mean():
    # among log-concave distributions on 0, 1, ... the geometric one is extreme far out
    mean, at, atoms = 0.5, 8, 400
    geometric = (mean / (1 + mean)) ** at
    near = concave_tail(mean, at, atoms, -1 / 2000)
    assert near == pytest.approx(geometric, rel=0.35)
    assert near >= geometric * (1 - 1e-6)


def test_the_worst_case_is_theta_q_over_two_tau_less_one():
    found = bound_selections(200, 10, 0.8, 50)
    assert found.worst_case == pytest.approx(0.05 * 10 / 0.6)
    assert found.meinshausen_buehlmann == found.worst_case


def test_a_threshold_is_read_as_the_next_that_frequencies_reach():
    assert times_needed(0.75, 50) == 75
    assert times_needed(0.7, 50) == 70
    assert bound_selections(100, 5, 0.601, 50) == bound_selections(100, 5, 0.61, 50)


def test_the_unimodal_bound_does_not_speak_of_columns_selected_more_than_rarely():
    assert np.isnan(bound_selections(10, 6, 0.9, 50).unimodal)
    assert np.isnan(bound_selections(100, 5, 0.51, 50).unimodal)


@pytest.mark.parametrize("bad", [(0, 1, 0.8, 50), (9, 10, 0.8, 50), (9, 1, 0.5, 50), (9, 1, 1, 1)])
def test_meaningless_numbers_are_refused(bad):
    with pytest.raises(ConfigurationError, match="expected columns"):
        bound_selections(*bad)
