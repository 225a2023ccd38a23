"""Overlap of masks: against enumeration, scipy's hypergeom and statsmodels' stratified tables."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score, jaccard_score
from statsmodels.stats.contingency_tables import StratifiedTable

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from causalhyper.granger.masks.agreement import compare_masks
from causalhyper.granger.masks.overlap import overlap_moments, overlap_p_value

SHAPES = {"conv": (4, 9), "fc": (20, 30), "out": (10, 20)}
SHARES = {"conv": 0.8, "fc": 0.05, "out": 0.3}


def draw(rng, shares=SHARES):
    return Masks({name: rng.random(shape) < shares[name] for name, shape in SHAPES.items()})


def follow(rng, mask, swapped):
    """A mask of the same layer counts with a share of its entries drawn anew."""
    out = {}
    for name, kept in mask.kept.items():
        flat = kept.ravel().copy()
        places = rng.choice(flat.size, round(swapped * flat.size), replace=False)
        flat[places] = rng.permutation(flat[places])
        out[name] = flat.reshape(kept.shape)
    return Masks(out)


def follow_layer(rng, kept, changed):
    return Masks({"fc": np.where(rng.random(kept.shape) < changed, ~kept, kept)})


def only(found):
    (row,) = found.to_frame().to_dict("records")
    return row


def test_a_table_by_hand_of_ten_entries():
    a = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    b = np.array([1, 0, 0, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    row = only(compare_masks({"a": Masks({"fc": a}), "b": Masks({"fc": b})}))
    table = [row[name] for name in ("both_pruned", "only_first", "only_second", "neither")]
    np.testing.assert_allclose(table, [0.6, 0.1, 0.2, 0.1])
    assert row["jaccard_kept"] == pytest.approx(1 / 4)
    assert row["jaccard_pruned"] == pytest.approx(6 / 9)
    assert row["at_totals"] == pytest.approx(0.7 * 0.8)
    # agreed 0.7; by chance 0.3 * 0.2 + 0.7 * 0.8
    assert row["kappa"] == pytest.approx((0.7 - 0.62) / 0.38)
    assert row["odds_ratio"] == pytest.approx(1 * 6 / (1 * 2))


def enumerate_overlaps(layers):
    """Overlaps of every way to draw the second mask, layer by layer, with all combined."""
    totals = [0]
    for entries, first, second in layers:
        own = [sum(i < first for i in way) for way in combinations(range(entries), second)]
        totals = [t + o for t in totals for o in own]
    return np.array(totals)


@pytest.mark.parametrize("layers", [[(6, 3, 2)], [(5, 2, 3), (4, 1, 2)], [(4, 0, 2), (6, 5, 5)]])
def test_mean_variance_and_p_values_are_those_of_all_ways_to_draw_a_mask(layers):
    ways = enumerate_overlaps(layers)
    counts = np.array(layers, dtype=np.intp).T
    mean, variance = overlap_moments(*counts.astype(float))
    assert mean.sum() == pytest.approx(ways.mean())
    assert variance.sum() == pytest.approx(ways.var())
    for both in range(ways.min(), ways.max() + 1):
        tails = (ways <= both).mean(), (ways >= both).mean()
        assert overlap_p_value(*counts, both) == pytest.approx(min(1, 2 * min(tails)))


@given(st.integers(2, 400), st.data())
def test_a_layers_p_value_is_that_of_scipys_hypergeom(entries, data):
    first, second = (data.draw(st.integers(0, entries)) for _ in "ab")
    both = data.draw(st.integers(max(0, first + second - entries), min(first, second)))
    law = stats.hypergeom(entries, first, second)
    expected = min(1.0, 2 * min(law.cdf(both), law.sf(both - 1)))
    found = overlap_p_value(*(np.array([n]) for n in (entries, first, second)), both)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("sds", [0.3, 1.5, 3.0])
def test_large_layers_have_nearly_the_p_value_of_scipys_hypergeom(sds):
    law = stats.hypergeom(200_000, 9_000, 30_000)
    assert law.std() > 20
    both = round(law.mean() + sds * law.std())
    found = overlap_p_value(*(np.array([n]) for n in (200_000, 9_000, 30_000)), both)
    assert found == pytest.approx(2 * law.sf(both - 1), rel=0.1)


def test_z_and_the_odds_ratio_over_layers_are_statsmodels():
    rng = np.random.default_rng(3)
    first = draw(rng)
    second = follow(rng, first, 0.7)
    row = only(compare_masks({"a": first, "b": second}))
    tables = [
        np.array([[(a & b).sum(), (a & ~b).sum()], [(~a & b).sum(), (~a & ~b).sum()]])
        for a, b in zip(first.kept.values(), second.kept.values(), strict=True)
    ]
    table = StratifiedTable([t.astype(float) for t in tables])
    assert row["z"] ** 2 == pytest.approx(table.test_null_odds(correction=False).statistic)
    assert row["odds_ratio"] == pytest.approx(table.oddsratio_pooled)


def test_jaccard_and_kappa_are_scikit_learns():
    rng = np.random.default_rng(5)
    first = draw(rng)
    second = follow(rng, first, 0.5)
    row = only(compare_masks({"a": first, "b": second}))
    a, b = (np.concatenate([m.ravel() for m in x.kept.values()]) for x in (first, second))
    assert row["jaccard_kept"] == pytest.approx(jaccard_score(a, b))
    assert row["jaccard_pruned"] == pytest.approx(jaccard_score(~a, ~b))
    assert row["kappa"] == pytest.approx(cohen_kappa_score(a, b))


def test_masks_that_empty_the_same_layers_agree_by_totals_but_not_within_layers():
    rng = np.random.default_rng(8)
    rows = [
        only(compare_masks({"a": draw(rng), "b": draw(rng)}))
        for _ in range(40)
    ]  # fmt: skip
    assert np.mean([r["kappa"] for r in rows]) > 0.2
    assert abs(np.mean([r["kappa_layers"] for r in rows])) < 0.02
    assert np.mean([r["p_value"] <= 0.05 for r in rows]) < 0.2


def test_equal_masks_agree_entirely():
    mask = draw(np.random.default_rng(2))
    row = only(compare_masks({"a": mask, "b": mask}))
    for name in ("jaccard_kept", "jaccard_pruned", "kappa", "kappa_layers"):
        assert row[name] == pytest.approx(1.0)
    assert row["odds_ratio"] == np.inf
    assert row["p_value"] < 1e-12


def test_masks_that_keep_everything_agree_without_saying_anything():
    mask = Masks.all_kept(SHAPES)
    row = only(compare_masks({"a": mask, "b": mask}))
    assert row["p_value"] == 1.0
    assert np.isnan([row["z"], row["kappa"], row["odds_ratio"], row["jaccard_pruned"]]).all()


def test_all_pairs_stand_in_the_frame_and_layers_add_up():
    rng = np.random.default_rng(1)
    found = compare_masks({"a": [draw(rng), draw(rng)], "b": {7: draw(rng), 9: draw(rng)}})
    assert len(found.to_frame()) == 6
    layers = found.to_frame(by_layer=True)
    assert len(layers) == 6 * (1 + len(SHAPES))
    counts = (layers["both_pruned"] * layers["entries"]).round()
    whole = layers["layer"] == ""
    pairs = [layers[name] for name in ("first", "first_seed", "second", "second_seed")]
    np.testing.assert_array_equal(
        counts[whole].to_numpy(), counts[~whole].groupby(pairs, sort=False).sum().to_numpy()
    )


def test_the_summary_calls_independent_masks_independent_and_like_masks_alike():
    rng = np.random.default_rng(4)
    said = compare_masks({"causal": draw(rng), "magnitude": draw(rng)}).summary()
    assert "both pruned is what independent masks at these layer counts give" in said
    first = draw(rng)
    said = compare_masks({"causal": first, "magnitude": follow(rng, first, 0.4)}).summary()
    assert "points are beyond independent masks at these layer counts" in said


def test_the_summary_counts_pairs_that_agree_more_and_less_apart():
    rng = np.random.default_rng(5)
    first = Masks({"fc": rng.random((40, 50)) < 0.5})
    other = Masks({"fc": ~first.kept["fc"]})
    near = follow_layer(rng, first.kept["fc"], 0.3)
    found = compare_masks({"a": [first, first], "b": [near, other]})
    (said,) = [line for line in found.summary().splitlines() if "of 2 agree more" in line]
    assert "1 of 2 agree more, 1 less, at 5% by Bonferroni over 6" in said
    gaps = found.to_frame().query("first != second and first_seed == second_seed")
    apart = 100 * (gaps["both_pruned"] - gaps["expected_both_pruned"])
    assert f"(pairs {apart.min():+.2f} to {apart.max():+.2f};" in said
    assert "same dead inputs or whole units" in found.summary()


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"a": [Masks({"fc": np.ones(3, bool)})]}, "or more; got 1"),
        (
            {"a": Masks({"fc": np.ones(3, bool)}), "b": Masks({"fc": np.ones(4, bool)})},
            r"a 0: .*\(3,\).*b 0: .*\(4,\)",
        ),
        (3, "masks are given by method"),
        ({"a": np.ones((2, 2), bool), "b": np.ones((2, 2), bool)}, "got ndarray for a 0"),
        ({"a": ["x"], "b": ["y"]}, "got str for a 0"),
    ],
)
def test_masks_that_cannot_be_compared_are_refused(masks, said):
    with pytest.raises(ConfigurationError, match=said):
        compare_masks(masks)


@pytest.mark.slow
def test_the_test_of_independence_keeps_its_size():
    rng = np.random.default_rng(11)
    reps = 2000
    rejected = sum(
        only(compare_masks({"a": draw(rng), "b": draw(rng)}))["p_value"] <= 0.05
        for _ in range(reps)
    )
    # exact, so at most 5%; discreteness takes a little
    assert stats.binom.cdf(rejected, reps, 0.03) > 1e-3
    assert stats.binom.sf(rejected - 1, reps, 0.05) > 1e-3
