"""Paired differences: against scipy's t test and permutation test, and by hand."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.pruning.paired import paired_differences
from causalhyper.results import COLUMNS
from tests.granger.pruning.simulated import Truth, draw_runs

TRUTHS = {"causal": Truth(point=0.96), "magnitude": Truth(), "lamp": Truth(point=0.985)}
HIGH = (0.9, 0.95, 0.97, 0.99)


def runs(seed=0, **options):
    return draw_runs(TRUTHS, np.random.default_rng(seed), **({"levels": HIGH} | options))


def gaps(frame, method, level, baseline="magnitude"):
    at = frame[np.isclose(frame["sparsity"], level)].pivot(
        index="seed", columns="method", values="test_accuracy"
    )
    return (at[method] - at[baseline]).to_numpy()


def rows(found, method, place):
    frame = found.to_frame()
    (row,) = frame[(frame["compared"] == method) & (frame["place"] == place)].to_dict("records")
    return row


@pytest.mark.parametrize("seeds", [3, 5])
def test_means_intervals_and_p_values_are_those_of_scipys_paired_t_test(seeds):
    frame = runs(seeds=seeds)
    found = paired_differences(frame, baseline="magnitude")
    for method, level in product(("causal", "lamp"), HIGH):
        own = rows(found, method, f"{100 * level:g}%")
        test = stats.ttest_1samp(gaps(frame, method, level), 0.0)
        interval = test.confidence_interval(0.95)
        assert own["estimate"] == pytest.approx(gaps(frame, method, level).mean())
        assert own["p_value"] == pytest.approx(test.pvalue)
        np.testing.assert_allclose([own["lower"], own["upper"]], list(interval), rtol=1e-9)
        joint = test.confidence_interval(1 - 0.05 / 8)
        np.testing.assert_allclose([own["joint_lower"], own["joint_upper"]], list(joint))


def test_the_flip_p_value_is_that_of_scipys_paired_permutation_test():
    frame = runs(seeds=6, point_sd=0.2)
    found = paired_differences(frame, baseline="magnitude")
    for method, level in product(("causal", "lamp"), HIGH):
        own = gaps(frame, method, level)
        test = stats.permutation_test(
            (own,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        at = rows(found, method, f"{100 * level:g}%")
        assert at["flip_p_value"] == pytest.approx(test.pvalue)


def test_the_joint_flip_p_value_is_the_share_of_flips_whose_largest_t_is_as_large():
    frame = runs(seeds=4, point_sd=0.2)
    found = paired_differences(frame, baseline="magnitude")
    cells = list(product(("causal", "lamp"), HIGH))
    table = np.stack([gaps(frame, *cell) for cell in cells], axis=1)

    def sizes(values):
        return np.abs(stats.ttest_1samp(values, 0.0).statistic)

    flips = [sizes(np.array(s)[:, None] * table) for s in product((1, -1), repeat=4)]
    largest = np.max(flips, axis=1)
    for seen, (method, level) in zip(sizes(table), cells, strict=True):
        at = rows(found, method, f"{100 * level:g}%")
        assert at["joint_flip_p_value"] == np.mean(largest >= seen * (1 - 1e-9))


def test_the_mean_over_levels_is_the_mean_of_each_seeds_differences():
    frame = runs(seeds=5)
    found = paired_differences(frame, baseline="magnitude")
    means = np.mean([gaps(frame, "causal", level) for level in HIGH], axis=0)
    test = stats.ttest_1samp(means, 0.0)
    assert rows(found, "causal", "mean over levels")["p_value"] == pytest.approx(test.pvalue)


def test_what_all_methods_of_a_seed_share_takes_no_part():
    plain = paired_differences(runs(size=None), baseline="magnitude").to_frame()
    frame = runs(size=None)
    frame["test_accuracy"] += 0.1 * frame["seed"]
    shifted = paired_differences(frame, baseline="magnitude").to_frame()
    np.testing.assert_allclose(plain["estimate"], shifted["estimate"], atol=1e-12)
    np.testing.assert_allclose(plain["se"], shifted["se"], atol=1e-12)


def test_binomial_noise_is_that_of_two_independent_test_sets():
    found = paired_differences(runs(), baseline="magnitude", test_size=10_000)
    frame = runs()
    at = frame[frame["sparsity"] == 0.97].groupby("method")["test_accuracy"].mean()
    expected = sum(at[m] * (1 - at[m]) for m in ("causal", "magnitude")) / 10_000
    assert rows(found, "causal", "97%")["binomial_sd"] == pytest.approx(np.sqrt(expected))


def test_missing_seeds_are_named_and_the_rest_is_compared():
    frame = runs(seeds=4)
    lone = (frame["method"] == "causal") & (frame["seed"] == 2) & (frame["sparsity"] == 0.97)
    found = paired_differences(frame[~lone], baseline="magnitude")
    assert rows(found, "causal", "97%")["seeds"] == "0, 1, 3"
    assert "causal at 97%: no pair of seed 2" in found.left_out
    assert "causal over levels: seed 2 not at every level" in found.left_out
    assert "no pair of seed 2" in found.summary()


def test_a_level_that_a_method_lacks_is_named():
    frame = runs()
    lone = (frame["method"] == "lamp") & (frame["sparsity"] == 0.99)
    found = paired_differences(frame[~lone], baseline="magnitude")
    assert "lamp at 99%: no run" in found.left_out


def test_shares_pruned_within_the_tolerance_are_equal():
    frame = runs()
    rng = np.random.default_rng(1)
    near = frame.assign(sparsity=frame["sparsity"] + rng.uniform(-4e-4, 4e-4, len(frame)))
    found = paired_differences(near, baseline="magnitude")
    plain = paired_differences(frame, baseline="magnitude")
    np.testing.assert_allclose(found.to_frame()["estimate"], plain.to_frame()["estimate"])


def test_levels_of_the_last_thousandth_stay_apart():
    frame = runs()
    kept = dict(zip(sorted(frame["sparsity"].unique()), (0.002, 1e-3, 5e-4, 2e-4), strict=True))
    spread = 1 - frame["sparsity"].map(kept)
    found = paired_differences(frame.assign(sparsity=spread), baseline="magnitude")
    plain = paired_differences(frame, baseline="magnitude")
    np.testing.assert_allclose(found.to_frame()["estimate"], plain.to_frame()["estimate"])
    with pytest.raises(DataError, match="rows share method, seed, at"):
        paired_differences(frame.assign(sparsity=spread), baseline="magnitude", tolerance=1e-3)


def test_unequal_sparsities_are_refused():
    frame = runs()
    causal = frame["method"] == "causal"
    moved = frame.assign(sparsity=frame["sparsity"] - 0.004 * causal)
    with pytest.raises(DataError, match="magnitude has no run there, but at 90%; 95%"):
        paired_differences(moved, baseline="magnitude")
    named = moved.assign(target=frame["sparsity"])
    with pytest.raises(DataError, match=r"seed 0 prunes 0.896, the baseline 0.9;.*within 0.001"):
        paired_differences(named, baseline="magnitude", by=("target",))
    found = paired_differences(named, baseline="magnitude", by=("target",), tolerance=0.005)
    assert len(found.estimates) == 2 * 5


def test_data_sets_are_compared_apart():
    both = pd.concat([runs().assign(data="a"), runs(1).assign(data="b")])
    found = paired_differences(both, baseline="magnitude", by=("data", "sparsity"))
    alone = paired_differences(runs(1), baseline="magnitude")
    own = rows(found, "causal", "b, 97%")
    assert own["estimate"] == rows(alone, "causal", "97%")["estimate"]


def test_only_shares_pruned_are_named_in_percent():
    frame = pd.concat([runs().assign(penalty=1e-12), runs(1).assign(penalty=1e-14)])
    found = paired_differences(frame, baseline="magnitude", by=("penalty", "sparsity"))
    assert found.tests["place"].iloc[0] == "1e-14, 90%"


def with_dense(frame, seeds=4):
    dense = pd.DataFrame({"method": "dense", "seed": range(seeds), "sparsity": 0.0})
    return pd.concat([frame, dense.assign(test_accuracy=0.7 + 0.01 * np.arange(seeds))])


def test_networks_that_were_not_pruned_take_no_part_unless_they_are_the_baseline():
    plain = paired_differences(runs(), baseline="magnitude")
    found = paired_differences(with_dense(runs()), baseline="magnitude")
    pd.testing.assert_frame_equal(found.to_frame(), plain.to_frame())


def test_networks_that_were_not_pruned_are_a_baseline_at_every_sparsity():
    rng = np.random.default_rng(5)
    frame = runs()
    frame["sparsity"] += rng.uniform(-3e-4, 3e-4, len(frame))
    found = paired_differences(with_dense(frame), baseline="dense")
    own = frame[(frame["method"] == "causal") & (abs(frame["sparsity"] - 0.97) < 1e-3)]
    lost = own["test_accuracy"].to_numpy() - (0.7 + 0.01 * np.arange(4))
    levels = found.to_frame().query("compared == 'causal'")
    assert lost.mean() == pytest.approx(levels["estimate"].iloc[2])
    assert len(found.estimates) == 3 * 5
    assert {e.against for e in found.estimates} == {0.0}


def test_equal_runs_differ_by_nothing_and_without_error():
    frame = runs()
    same = frame[frame["method"] == "magnitude"]
    found = paired_differences(pd.concat([same, same.assign(method="copy")]), baseline="magnitude")
    numbers = found.to_frame()
    assert (numbers[["estimate", "se", "lower", "upper"]] == 0).all(axis=None)
    assert (numbers["flip_p_value"] == 1).all()
    assert "no method is told apart from magnitude, which is no proof" in found.summary()


def test_differences_without_spread_are_not_said_to_be_none():
    frame = runs(seeds=4)
    same = frame[frame["method"] == "magnitude"]
    better = same.assign(method="copy", test_accuracy=same["test_accuracy"] + 0.25)
    said = paired_differences(pd.concat([same, better]), baseline="magnitude").summary()
    assert "5 differences are the same in every seed: no interval tells" in said
    assert "p = none, no spread, 0.12" in said
    assert "hold zero" not in said
    assert "nan" not in said


def test_the_summary_names_who_is_apart_and_what_seeds_can_show():
    found = paired_differences(runs(seeds=5), baseline="magnitude")
    said = found.summary()
    assert "With 5 seeds no p-value of sign flips is below 0.0625" in said
    assert "causal is below at" in said
    assert "lamp is above at" in said
    assert "(Bonferroni, 8 differences; 2 means over levels apart)" in said


def test_four_seeds_are_said_to_rest_on_normal_differences():
    said = paired_differences(runs(seeds=4), baseline="magnitude").summary()
    assert "is below 0.125: what is said below rests on normal differences" in said


def test_the_summary_names_no_level_and_no_sparsity_where_there_is_none():
    frame = runs(seeds=5)
    rates = frame[frame["sparsity"] == 0.97].assign(sparsity=0.0)
    said = paired_differences(rates, baseline="magnitude", by=()).summary()
    assert said.startswith("test_accuracy minus that of magnitude, paired by seed;")
    assert "causal is below; lamp is above." in said
    assert "sparsity" not in said
    assert " at " not in said
    assert "all runs" not in said


def test_a_network_that_was_not_pruned_is_not_said_to_be_of_equal_sparsity():
    said = paired_differences(with_dense(runs()), baseline="dense").summary()
    assert said.startswith("test_accuracy minus that of dense, before pruning, paired by seed;")


def test_the_frame_has_the_columns_of_estimates_first():
    frame = paired_differences(runs(), baseline="magnitude").to_frame()
    assert tuple(frame.columns[: len(COLUMNS)]) == COLUMNS


def test_the_figure_has_a_row_for_each_difference_level_by_level():
    found = paired_differences(runs(), baseline="magnitude")
    texts = [t.get_text() for t in found.plot().get_yticklabels()]
    assert texts[:4] == ["90% pruned", "causal", "lamp", "95% pruned"]
    assert len(texts) == 5 + 10


@pytest.mark.parametrize(
    ("change", "options", "error", "said"),
    [
        ({}, {"baseline": "random"}, ConfigurationError, "causal, magnitude, lamp"),
        ({}, {"level": 95}, ConfigurationError, "got 95"),
        ({"sparsity": 95.0}, {}, DataError, "divide percentages by 100"),
        ({"test_accuracy": np.nan}, {}, DataError, "accuracy of guessing"),
        ({"sparsity": 0.9}, {}, DataError, "48 rows share method, seed, at"),
        ({}, {"outcome": "accuracy"}, DataError, "columns method, seed, sparsity, accuracy"),
        ({"test_accuracy": 70.0}, {"test_size": 10}, ConfigurationError, "got 70"),
        ({"at": 1}, {"by": ("at",)}, ConfigurationError, "at cannot be compared within"),
        ({"seed": 1}, {"by": ("sparsity",)}, DataError, "keep one evaluation"),
        ({}, {"by": "sparsity"}, ConfigurationError, r"give by=\('sparsity',\)"),
        ({}, {"flips": 0}, ConfigurationError, "got flips=0"),
        ({}, {"rng": 3}, ConfigurationError, "rng must be a Generator"),
        ({"data": [[1]] * 48}, {"by": ("data",)}, DataError, "must hold texts or numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, options, error, said):
    with pytest.raises(error, match=said):
        paired_differences(runs().assign(**change), **({"baseline": "magnitude"} | options))


def test_what_is_no_frame_is_refused():
    with pytest.raises(DataError, match="a pandas DataFrame, a row a network; got list"):
        paired_differences([1], baseline="magnitude")


def test_one_seed_is_refused():
    with pytest.raises(DataError, match="causal at 90%: 1 seed paired, two are needed"):
        paired_differences(runs(seeds=1), baseline="magnitude")


def test_many_seeds_need_a_generator_and_the_same_one_gives_the_same_bytes():
    frame = runs(seeds=16)
    with pytest.raises(ConfigurationError, match=r"16 seeds.*give rng"):
        paired_differences(frame, baseline="magnitude")
    first, again = (
        paired_differences(frame, baseline="magnitude", rng=np.random.default_rng(3)).to_frame()
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 5])
def test_intervals_hold_and_no_false_finding_comes_too_often(seeds):
    reps, alike = 600, {"causal": Truth(), "magnitude": Truth()}
    held, joint, apart = 0, 0, 0
    for rep in range(reps):
        frame = draw_runs(alike, np.random.default_rng([seeds, rep]), seeds=seeds, levels=HIGH)
        found = paired_differences(frame, baseline="magnitude").to_frame()
        levels = found[found["query"] == "paired_differences.level"]
        row = levels.iloc[2]
        held += row["lower"] <= 0 <= row["upper"]
        joint += ((levels["joint_lower"] <= 0) & (levels["joint_upper"] >= 0)).all()
        apart += (levels["joint_flip_p_value"] <= 0.25).any()
    assert 0.001 < stats.binom.cdf(held, reps, 0.95) < 0.999
    assert stats.binom.cdf(joint, reps, 0.95) > 0.001
    assert stats.binom.sf(apart - 1, reps, 0.25) > 0.001
