"""Claims about frequencies of selection."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice import choose_by_count
from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.significance.stability import (
    SelectionFailedError,
    jaccard,
    select_by_penalty,
    select_by_screening,
    selection_frequency,
    stability_index,
)
from causalhyper.granger.significance.stability.half_samples import cut_blocks, draw_pairs
from tests.granger.choice.samples import autoregressive, planted

SCREEN = partial(select_by_screening, kept=5)


def frequencies(x, y, **options):
    """With the settings of these tests."""
    settings = {"select": SCREEN, "rng": np.random.default_rng(1), "pairs": 6} | options
    return selection_frequency(DenseColumns(x, width=37), y, **settings)


def as_bytes(found):
    """All numbers of a result."""
    arrays = (found.times, found.together, found.sizes, found.agreements)
    return b"".join(a.tobytes() for a in arrays) + found.labels.to_csv().encode()


def test_halves_are_complements_of_whole_blocks_of_equal_number():
    blocks = cut_blocks([0, 103], 10)
    for first, second in draw_pairs(blocks, 20, np.random.default_rng(0)):
        assert np.array_equal(np.sort(np.concatenate([first, second])), np.arange(103))
        inside = [np.isin(block, first).all() for block in blocks]
        assert sum(inside) == 5
        assert not any(
            np.isin(b, first).any() for b, is_in in zip(blocks, inside, strict=True) if not is_in
        )


def test_every_half_of_the_blocks_is_drawn_equally_often():
    blocks = cut_blocks([0, 4], 4)
    pairs = draw_pairs(blocks, 6000, np.random.default_rng(0))
    seen = dict.fromkeys(combinations(range(4), 2), 0)
    for first, _ in pairs:
        seen[tuple(first.tolist())] += 1
    # 1000 each, standard deviation sqrt(6000 * 1/6 * 5/6) = 29
    assert all(abs(count - 1000) < 130 for count in seen.values())


def test_blocks_do_not_cross_trainings_and_leave_gaps():
    blocks = cut_blocks([0, 30, 90], 6, gap=2)
    assert [(int(b[0]), int(b[-1])) for b in blocks] == [
        (0, 14),
        (17, 29),
        (30, 44),
        (47, 59),
        (62, 74),
        (77, 89),
    ]


def test_frequencies_are_those_of_a_loop_over_the_same_halves():
    x, y = planted(rows=90, width=60, count=3)
    found = frequencies(x, y, blocks=6)
    halves = draw_pairs(cut_blocks([0, 90], 6), 6, np.random.default_rng(1))
    times, together = np.zeros(60), np.zeros(60)
    for pair in halves:
        sets = []
        for rows in pair:
            part, response = x[rows], y[rows]
            with_y = [abs(np.corrcoef(part[:, j], response)[0, 1]) for j in range(60)]
            sets.append(set(np.argsort(with_y)[-5:].tolist()))
        for j in range(60):
            times[j] += (j in sets[0]) + (j in sets[1])
            together[j] += j in sets[0] and j in sets[1]
    frame = found.to_frame().set_index("column")
    expected = np.flatnonzero(times)
    assert sorted(frame.index) == expected.tolist()
    assert frame.loc[expected, "frequency"].tolist() == (times[expected] / 12).tolist()
    assert frame.loc[expected, "together"].tolist() == (together[expected] / 6).tolist()
    assert found.selected.tolist() == np.flatnonzero(times >= 9).tolist()


@pytest.mark.parametrize(
    "place",
    [{"workers": 2}, pytest.param({"workers": 3, "engine": "loky"}, marks=pytest.mark.slow)],
)
def test_the_bytes_do_not_depend_on_the_workers(place):
    x, y = planted(rows=80, width=50)
    select = partial(select_by_penalty, kept=4, lambdas=20)
    alone = frequencies(x, y, blocks=8, select=select)
    assert as_bytes(alone) == as_bytes(frequencies(x, y, blocks=8, select=select, **place))


def test_any_choice_of_a_penalty_selects():
    x, y = planted(rows=80, width=50, count=2, noise=0.1)
    select = partial(choose_by_count, kept=2, lambdas=20)
    found = frequencies(x, y, blocks=8, select=select, pairs=3)
    assert found.selected.tolist() == [0, 1]
    assert found.jaccard == 1.0
    assert found.stability == 1.0


def test_planted_columns_are_selected_and_the_verdict_says_what_is_expected_by_chance():
    x, y = planted(rows=200, width=400, count=3)
    found = frequencies(x, y, pairs=20)
    assert found.selected.tolist() == [0, 1, 2]
    verdict = found.summary().splitlines()[-1]
    assert verdict == (
        "3 of 400 columns are selected in at least 75% of 40 half samples; at most 0.125 unlikely "
        "ones are expected among them."
    )


def test_a_selection_of_noise_is_called_unstable_and_its_number_empty():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(100, 60)), rng.normal(size=100)
    found = frequencies(x, y, select=partial(select_by_screening, kept=30), pairs=20)
    assert "the selection is unstable" in found.summary()
    assert found.summary().endswith("so the number says nothing.")


def test_a_selector_that_keeps_nothing_is_told_as_such():
    x, y = planted(rows=40, width=9)
    found = frequencies(x, y, select=lambda columns, y: np.empty(0), blocks=4)
    assert found.to_frame().empty
    assert found.summary().endswith("no half sample selects any.")


def test_the_stability_index_of_random_draws_is_zero_and_of_equal_ones_one():
    rng = np.random.default_rng(0)
    draws = [rng.choice(50, 10, replace=False) for _ in range(2000)]
    counts = np.bincount(np.concatenate(draws), minlength=50)
    assert abs(stability_index(counts, 2000, 50)) < 2e-3
    assert stability_index(np.full(10, 2000), 2000, 50) == 1.0


def test_the_stability_index_is_the_mean_agreement_of_pairs_for_equal_sizes():
    # for sizes all k it is the mean over pairs of (overlap - k^2/p) / (k - k^2/p): Kuncheva 2007
    rng = np.random.default_rng(3)
    sets = [set(rng.choice(30, 7, replace=False).tolist()) for _ in range(9)]
    kuncheva = [(len(a & b) - 49 / 30) / (7 - 49 / 30) for a, b in combinations(sets, 2)]
    counts = np.bincount([j for s in sets for j in s], minlength=30)
    assert stability_index(counts, 9, 30) == pytest.approx(np.mean(kuncheva))


def test_two_empty_selections_have_no_jaccard_index():
    assert np.isnan(jaccard(np.empty(0, int), np.empty(0, int)))


@pytest.mark.parametrize("answer", [np.array([0.5]), np.array([60]), np.array([-1])])
def test_answers_that_are_no_columns_are_refused(answer):
    x, y = planted(rows=40, width=60)
    with pytest.raises(SelectionFailedError, match="select must return numbers of columns"):
        frequencies(x, y, blocks=4, select=lambda columns, y: answer)


@pytest.mark.parametrize("options", [{"blocks": 5}, {"blocks": 2}, {"pairs": 1}, {"gap": 30}])
def test_meaningless_settings_are_refused(options):
    x, y = planted(rows=40, width=60)
    with pytest.raises(ConfigurationError):
        frequencies(x, y, **options)


def test_a_seed_is_no_generator():
    x, y = planted(rows=40, width=60)
    select = partial(select_by_penalty, kept=3)
    with pytest.raises(ConfigurationError, match="rng must be a Generator"):
        selection_frequency(DenseColumns(x), y, select=select, rng=1)


@pytest.mark.slow
@pytest.mark.parametrize("dependence", [0.0, 0.84])
def test_fewer_unlikely_columns_pass_than_the_bounds_allow(dependence):
    """Nothing has influence; columns and errors are autoregressions whose size decays."""
    rng = np.random.default_rng(5)
    passed = []
    for _ in range(60):
        decay = np.exp(-np.arange(300) / 150)[:, None]
        x = decay * autoregressive(rng, 300, 200, dependence) ** 2
        y = (decay * autoregressive(rng, 300, 1, dependence)).ravel()
        select = partial(select_by_screening, kept=8)
        found = frequencies(x, y, select=select, blocks=20, pairs=25, rng=rng, threshold=0.8)
        passed.append(len(found.selected))
    bounds = found.bounds()
    mean, error = np.mean(passed), np.std(passed) / np.sqrt(60)
    assert mean <= bounds.worst_case + 3 * error
