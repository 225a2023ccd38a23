"""Effects are those of paired t tests; rates are tuned by other seeds than those that judge."""

import numpy as np
import pytest
from scipy import stats

from case_studies.batch_size.logged_grids.effects import (
    PROTOCOLS,
    estimate_by_rate,
    estimate_effects,
    seed_outcomes,
    tuned_places,
)
from case_studies.batch_size.logged_grids.surfaces import (
    departures,
    describe_surfaces,
    list_tuned_rates,
)
from tests.case_studies.logged_grids.synthetic import cells_of


def random_cells(maximise: bool = True):
    rng = np.random.default_rng(5)
    return cells_of(rng.normal(size=(6, 3, 4, 5)), maximise=maximise)


def paired(first: np.ndarray, second: np.ndarray) -> tuple[float, float, float]:
    found = stats.ttest_1samp(first - second, 0.0)
    interval = found.confidence_interval(0.95)
    return (first - second).mean(), interval.low, interval.high


def test_effects_are_paired_t_intervals_over_seeds_and_over_data_sets() -> None:
    cells = random_cells()
    best = np.random.default_rng(6).normal(size=(6, 3, 5))
    table = estimate_effects(cells, best)
    for protocol in PROTOCOLS:
        outcome = best if protocol == PROTOCOLS[2] else seed_outcomes(cells, protocol)
        own = table[table["protocol"] == protocol]
        for d, name in enumerate(cells.datasets):
            rows = own[own["dataset"] == name].set_index("value")
            for b, batch in enumerate(cells.batch[:-1]):
                found = rows.loc[batch, ["estimate", "lower", "upper"]].tolist()
                assert found == pytest.approx(paired(outcome[d, b], outcome[d, -1]), rel=1e-8)
        mean = outcome.mean(axis=-1)
        rows = own[own["dataset"] == ""].set_index("value")
        found = rows.loc[cells.batch[0], ["estimate", "lower", "upper"]].tolist()
        assert found == pytest.approx(paired(mean[:, 0], mean[:, -1]), rel=1e-8)


def test_the_wild_p_value_over_data_sets_is_that_of_all_sign_flips() -> None:
    cells = random_cells()
    table = estimate_effects(cells, seed_outcomes(cells, PROTOCOLS[1]))
    row = table[(table["protocol"] == PROTOCOLS[0]) & (table["dataset"] == "")].iloc[0]
    mean = seed_outcomes(cells, PROTOCOLS[0]).mean(axis=-1)
    gaps = mean[:, 0] - mean[:, -1]
    signs = 1 - 2 * (np.arange(2**6)[:, None] >> np.arange(6) & 1)
    flipped = signs * gaps
    t = flipped.mean(axis=1) / flipped.std(axis=1, ddof=1)
    seen = abs(gaps.mean() / gaps.std(ddof=1))
    assert row["wild_p"] == pytest.approx((np.abs(t) >= seen * (1 - 1e-9)).mean())


def test_effects_by_rate_are_paired_over_data_sets() -> None:
    cells = random_cells()
    table = estimate_by_rate(cells)
    mean = cells.outcome.mean(axis=-1)
    assert len(table) == 4
    for i, row in enumerate(table.itertuples()):
        expected = paired(mean[:, 0, i], mean[:, -1, i])
        assert (row.estimate, row.lower, row.upper) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("maximise", [True, False])
def test_no_seed_has_a_part_in_the_rate_at_which_it_judges(maximise: bool) -> None:
    cells = random_cells(maximise)
    before = tuned_places(cells)
    changed = cells.outcome.copy()
    changed[..., 2] = np.random.default_rng(9).normal(scale=1e3, size=changed.shape[:-1])
    after = tuned_places(cells_of(changed, maximise=maximise))
    np.testing.assert_array_equal(before[..., 2], after[..., 2])
    assert (before[..., 0] != after[..., 0]).any()


def test_tuned_outcomes_are_those_of_the_best_rate_and_edges_are_flagged() -> None:
    peak = np.array([0, 1, 3])
    surface = -np.abs(np.arange(4) - peak[:, None]).astype(float)
    cells = cells_of(np.repeat(surface[None, :, :, None], 3, axis=3).repeat(2, axis=0))
    rates = list_tuned_rates(cells)
    assert rates["learning_rate"].tolist() == pytest.approx([1e-3, 1e-2, 1.0] * 2)
    assert rates["edge"].tolist() == [True, False, True] * 2
    assert rates["agreed"].all()
    assert seed_outcomes(cells, PROTOCOLS[1]) == pytest.approx(0)


def test_a_surface_of_square_root_scaling_has_exponent_one_half() -> None:
    cells = cells_of(np.zeros((2, 5, 6, 3)))
    index = np.log(cells.rate) - 0.5 * np.log(cells.batch)[:, None]
    outcome = -((index + 3) ** 2)[None, :, :, None] * np.array([1.0, 1.1, 0.9])
    table = describe_surfaces(cells_of(outcome.repeat(2, axis=0)))
    assert table["exponent"].to_numpy() == pytest.approx(0.5)
    assert table["index 0.5"].to_numpy() == pytest.approx(1)
    shares = table[["batch", "rate", "interaction"]].sum(axis=1)
    assert shares.to_numpy() == pytest.approx(1)


def test_a_jump_at_one_batch_size_departs_from_a_cubic_and_a_cubic_does_not() -> None:
    x = np.arange(8.0)
    curve = 0.1 * x - 0.02 * x**2 + 0.001 * x**3
    noise = np.random.default_rng(1).normal(scale=1e-4, size=(1, 8, 2, 5))
    smooth = cells_of(curve[None, :, None, None] + noise)
    jumped = curve + 0.05 * (x == 3)
    rough = cells_of(jumped[None, :, None, None] + noise)
    assert departures(smooth)["departure"].item() < 3 * departures(smooth)["seed_error"].item()
    found = departures(rough)
    assert found["worst"].item() == 2.0**6
    assert found["departure"].item() > 100 * found["seed_error"].item()
