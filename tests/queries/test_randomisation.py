"""Randomisation tests of runs: exchanged as they were assigned, exact where all can be listed."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, fit
from causalhyper.errors import ConfigurationError
from causalhyper.queries.design_tests.assignment import find_scheme
from causalhyper.queries.design_tests.randomisation import randomisation_test
from causalhyper.queries.design_tests.randomisation_result import COLUMNS
from causalhyper.queries.design_tests.wild import wild_contrasts

ASKED = {"at": [2.0, 4.0], "baseline": 1.0}


def _runs(clusters=6, effect=0.0, seed=0, contexts=1):
    rng = np.random.default_rng(seed)
    k = np.repeat(np.arange(clusters), 3)
    frame = pd.DataFrame({"run_id": [f"r{i}" for i in range(len(k))], "k": k})
    frame["h"] = frame["k"] % contexts
    frame["b"] = np.tile([1.0, 2.0, 4.0], clusters)
    frame["n"] = frame["b"] + rng.normal(size=len(k))
    frame["g"] = effect * frame["b"] + rng.normal(size=clusters)[k] + rng.normal(size=len(k))
    return frame


def _model(frame, graph="B -> N; N -> G", **more):
    roles = {"B": "b", "N": "n", "G": "g"}
    return fit(graph, frame, roles, protocol="p", cluster="k", mechanisms=LINEAR, **more)


def test_pairs_in_complete_blocks_are_the_studentised_sign_flip_test():
    frame = _runs(effect=1.0)
    found = randomisation_test(_model(frame), "B", "G", **ASKED)
    wide = frame.pivot_table(index="k", columns="b", values="g")
    for test, e, value in zip(found.tests, found.effects, ASKED["at"], strict=True):
        d = (wide[value] - wide[1.0]).to_numpy()
        flips = np.array(np.meshgrid(*[[1, -1]] * 6)).reshape(6, -1).T * d
        t = np.abs(flips.mean(axis=1) / (flips.std(axis=1, ddof=1) / 6**0.5))
        seen = abs(stats.ttest_1samp(d, 0).statistic)
        assert test.statistic == pytest.approx(stats.ttest_1samp(d, 0).statistic)
        assert test.p_value == np.mean(t >= seen * (1 - 1e-9))
        assert e.estimate == pytest.approx(d.mean())
        assert "all 64 assignments" in test.reference


def test_runs_of_one_block_exchange_values_there():
    assert find_scheme(_model(_runs()), "B").words == "runs within blocks of k"


def test_clusters_exchange_values_where_each_has_one_within_their_contexts():
    frame = _runs(9, contexts=3)
    frame["b"] = np.take([1.0, 2.0, 4.0], (frame["k"] // 3 + frame["k"]) % 3)
    how = find_scheme(_model(frame, context="h"), "B")
    assert how.words == "clusters of k within contexts of h"
    found = randomisation_test(_model(frame, context="h"), "B", "G", **ASKED, assignments=300)
    assert "all 216 assignments" in found.omnibus.reference


def test_the_omnibus_null_names_what_follows_the_treatment_and_finds_its_effect():
    found = randomisation_test(_model(_runs(10, effect=2.0)), "B", "G", **ASKED, assignments=999)
    assert "anything that follows it (sharp null)" in found.omnibus.null
    assert found.omnibus.rejected
    assert "by which path this test cannot say" in found.summary()
    frame = found.to_frame()
    assert frame["p_value"].tolist() == [t.p_value for t in (found.omnibus, *found.tests)]
    assert len(frame) == 3


def test_with_too_few_assignments_there_is_a_p_value_but_no_interval():
    found = randomisation_test(_model(_runs(3, effect=1.0)), "B", "G", **ASKED)
    assert found.effects == ()
    assert "no 95% interval at 2, 4" in found.note
    assert found.tests[0].p_value >= 2 / 8


def test_the_same_seed_gives_the_same_result():
    model = _model(_runs(12))
    first, again, other = (
        randomisation_test(model, "B", "G", **ASKED, assignments=199, seed=s) for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_a_treatment_with_causes_or_a_value_never_run_is_refused():
    model = _model(_runs())
    with pytest.raises(ConfigurationError, match="was not assigned"):
        randomisation_test(
            model, "N", "G", at=[float(_runs()["n"].max())], baseline=float(_runs()["n"].min())
        )
    with pytest.raises(ConfigurationError, match="no run has b = 3"):
        randomisation_test(model, "B", "G", at=[3.0], baseline=1.0)
    with pytest.raises(ConfigurationError, match="too few"):
        randomisation_test(model, "B", "G", **ASKED, assignments=9)


def test_a_value_that_never_meets_the_baseline_is_refused():
    frame = _runs(8)
    even = frame["k"] % 2 == 0
    frame = frame[(even & (frame["b"] < 4)) | (~even & (frame["b"] > 1))]
    with pytest.raises(ConfigurationError, match="never meets the baseline"):
        randomisation_test(_model(frame), "B", "G", **ASKED)


def test_wild_contrasts_of_complete_blocks_have_the_paired_t_and_flip_signs():
    frame = _runs(7, effect=1.0)
    found = wild_contrasts(_model(frame), "B", "G", at=[4.0], baseline=1.0)
    wide = frame.pivot_table(index="k", columns="b", values="g")
    paired = stats.ttest_1samp(wide[4.0] - wide[1.0], 0)
    e, row = found.contrasts[0], found.to_frame().iloc[0]
    assert row["statistic"] == pytest.approx(paired.statistic)
    assert e.se == pytest.approx((wide[4.0] - wide[1.0]).std(ddof=1) / 7**0.5)
    assert found.tests[0].p_value == row["p_value"]
    assert "all 128 sets of Rademacher weights" in e.method
    assert "p = " in found.summary()


def test_wild_contrasts_with_too_few_clusters_for_signs_are_refused():
    model = _model(_runs(4))
    with pytest.raises(ConfigurationError, match="too few for a 95% interval"):
        wild_contrasts(model, "B", "G", at=[4.0], baseline=1.0, weights="rademacher")


def test_the_table_holds_every_test_with_its_effect():
    found = randomisation_test(_model(_runs()), "B", "G", at=[2.0, 4.0], baseline=1.0)
    frame = found.to_frame()
    assert tuple(frame.columns) == COLUMNS
    tests = (found.omnibus, *found.tests)
    assert list(frame["p_value"]) == [t.p_value for t in tests]
    assert frame.iloc[0][["value", "estimate", "lower", "upper"]].isna().all()
    for i, effect in enumerate(found.effects):
        row = frame.iloc[1 + i]
        assert (row["value"], row["estimate"], row["se"]) == (
            effect.value,
            effect.estimate,
            effect.se,
        )
        assert (row["lower"], row["upper"]) == (effect.lower, effect.upper)


def test_a_test_without_a_finite_interval_keeps_its_row_and_has_no_effect_there():
    found = randomisation_test(_model(_runs(3, effect=1.0)), "B", "G", **ASKED)
    frame = found.to_frame()
    assert found.effects == ()
    assert tuple(frame.columns) == COLUMNS
    assert list(frame["p_value"]) == [t.p_value for t in (found.omnibus, *found.tests)]
    assert list(frame["value"].iloc[1:]) == list(found.values)
    assert frame["estimate"].isna().all()
