"""The fitted curve: against scipy's curve_fit in another form, and a search by brute force."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from causalhyper.granger.pruning.transition import fit_transition, to_sparsity, to_x
from tests.granger.pruning.simulated import LEVELS, Truth, draw_runs


def noisy(seed):
    truth = Truth(point=0.975, width=0.15)
    frame = draw_runs({"a": truth}, np.random.default_rng(seed), run_sd=0.02)
    return frame["sparsity"].to_numpy(), frame["test_accuracy"].to_numpy()


def hill(kept, top, floor, half, slope):
    """The same curve as it is written for doses: of the share kept, with a slope."""
    return floor + (top - floor) / (1 + (half / kept) ** slope)


@pytest.mark.parametrize("seed", range(5))
def test_the_fit_is_that_of_scipys_curve_fit_to_the_hill_curve_of_the_share_kept(seed):
    sparsity, y = noisy(seed)
    found = fit_transition(to_x(sparsity, "kept"), y, np.ones(len(y)))
    start = [0.7, 0.1, 0.03, 3.0]
    top, floor, half, slope = curve_fit(hill, 1 - sparsity, y, p0=start, xtol=1e-12, ftol=1e-14)[0]
    np.testing.assert_allclose(
        [found.top, found.floor, 10**-found.middle, 1 / (found.width * np.log(10))],
        [top, floor, half, slope],
        rtol=1e-5,
    )
    assert found.rss == pytest.approx(
        ((y - hill(1 - sparsity, top, floor, half, slope)) ** 2).sum()
    )


@pytest.mark.parametrize("floor", [None, 0.1])
def test_no_curve_of_a_fine_grid_fits_better(floor):
    sparsity, y = noisy(7)
    x = to_x(sparsity, "kept")
    found = fit_transition(x, y, np.ones(len(y)), floor)
    best = np.inf
    for middle in np.linspace(1.2, 2.0, 60):
        for width in np.geomspace(0.05, 0.5, 60):
            share = 1 / (1 + np.exp((x - middle) / width))
            if floor is None:
                design = np.stack([np.ones_like(x), share], axis=1)
                target = y
            else:
                design, target = share[:, None], y - floor
            left = np.linalg.lstsq(design, target, rcond=None)[1]
            best = min(best, float(left[0]))
    assert found.rss <= best
    assert found.rss == pytest.approx(best, rel=0.02)
    assert floor is None or found.floor == floor


def test_weights_count_as_repeated_rows():
    sparsity, y = noisy(1)
    x = to_x(sparsity, "kept")
    weights = np.arange(len(y)) % 3
    again = fit_transition(np.repeat(x, weights), np.repeat(y, weights), np.ones(weights.sum()))
    found = fit_transition(x, y, weights.astype(float))
    np.testing.assert_allclose(
        [found.top, found.floor, found.middle, found.width, found.rss],
        [again.top, again.floor, again.middle, again.width, again.rss],
        rtol=1e-6,
    )


@pytest.mark.parametrize("times", [1e-6, 1e6])
def test_the_outcomes_unit_does_not_matter(times):
    sparsity, y = noisy(2)
    x = to_x(sparsity, "kept")
    plain, scaled = (fit_transition(x, k * y, np.ones(len(y))) for k in (1.0, times))
    np.testing.assert_allclose(
        [scaled.top / times, scaled.floor / times, scaled.middle, scaled.width],
        [plain.top, plain.floor, plain.middle, plain.width],
        rtol=1e-6,
    )


def test_a_curve_never_rises():
    x = to_x(np.array(LEVELS), "kept")
    curve = fit_transition(x, np.linspace(0.1, 0.7, len(x)), np.ones(len(x)))
    assert (np.diff(curve(x)) <= 1e-12).all()


@pytest.mark.parametrize("scale", ["kept", "pruned"])
def test_shares_pruned_come_back_from_the_scale(scale):
    shares = np.array([0.0, *LEVELS])
    np.testing.assert_allclose(to_sparsity(to_x(shares, scale), scale), shares, atol=1e-14)
