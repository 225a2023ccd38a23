"""Leaving one out: the same as fitting without it, and the influential one is found."""

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, ConfigurationError, DataError, effect_curve, fit
from causalhyper.queries.robustness import leave_out
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [4.0], "baseline": 1.0, "draws": 100}


def _frame(seed=0, clusters=12):
    frame = runs(Truth(), np.random.default_rng(seed), clusters=clusters, repeats=3)
    frame["data"] = np.where(frame.k < 6, "cora", "citeseer")
    frame["part"] = np.tile(["x", "y", "z"], len(frame) // 3)
    return frame


def _fit(frame, context=()):
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", context=context, mechanisms=LINEAR)


def test_an_estimate_without_a_level_is_that_of_the_other_runs_alone():
    frame = _frame()
    found = leave_out(_fit(frame), "B", "G", **ASKED, by="part", runs=frame)
    alone = effect_curve(_fit(frame[frame.part != "y"]), "B", "G", **ASKED)
    rows = found.to_frame()
    own = rows[(rows.left_out == "part=y") & (rows.estimator == "design")].iloc[0]
    assert own["estimate"] == pytest.approx(alone.design[0].estimate, rel=1e-9)
    assert own["n"] == len(frame) * 2 // 3


@pytest.mark.parametrize("context", [(), "k"])
def test_the_most_influential_cluster_is_named(context):
    frame = _frame()
    frame.loc[frame.k == 7, "g"] += 4 * frame.b[frame.k == 7]
    found = leave_out(_fit(frame, context), "B", "G", **ASKED)
    table = found.influence_frame().set_index("estimator")
    assert table.loc["design", "most_influential"] == "k=7"
    assert found.by == "k"
    # without it the design's contrast falls by the mean of what was added: 12 / 12
    design = found.to_frame().query("estimator == 'design'").set_index("left_out")
    rest = effect_curve(_fit(frame[frame.k != 7], context), "B", "G", **ASKED)
    assert design.loc["k=7", "estimate"] == pytest.approx(rest.design[0].estimate, rel=1e-9)
    change = (rest.design[0].estimate - found.whole[0].estimate) / found.whole[0].se
    assert design.loc["k=7", "change"] == pytest.approx(change)
    assert "k=7 moves it most" in found.summary()


def test_contexts_across_clusters_are_left_out_by_default():
    frame = _frame()
    found = leave_out(_fit(frame, "part"), "B", "G", **ASKED)
    assert found.by == "part"
    levels = list(dict.fromkeys(e.subject for e in found.parts))
    assert levels == ["part=x", "part=y", "part=z"]


def test_the_model_names_its_own_clusters_and_contexts():
    frame = _frame()
    frame["k"] = frame.k.map("s{:02d}".format)
    model = fit(
        CHAIN,
        frame,
        ROLES,
        protocol="p",
        cluster=("k", "data"),
        context="part",
        mechanisms=LINEAR,
    )
    names = {
        by: list(
            dict.fromkeys(e.subject for e in leave_out(model, "B", "G", **ASKED, by=by).parts)
        )
        for by in ("cluster", "data", "context")
    }
    assert names["cluster"][:2] == ["k=s00, data=cora", "k=s01, data=cora"]
    assert len(names["cluster"]) == 12
    assert sorted(names["data"]) == ["data=citeseer", "data=cora"]
    assert names["context"] == ["part=x", "part=y", "part=z"]


def test_a_group_that_cannot_be_spared_is_listed_with_the_reason():
    frame = _frame()
    frame = frame[(frame.data == "cora") | (frame.b == 1.0)]
    found = leave_out(_fit(frame), "B", "G", **ASKED, by="data", runs=frame)
    assert [group for group, _ in found.failed] == ["data=cora"]
    assert "1 cannot be left out" in found.summary()


def test_an_effect_that_one_cluster_makes_is_fragile():
    frame = runs(Truth(g=0.0), np.random.default_rng(4), clusters=10, repeats=2)
    frame.loc[frame.k == 3, "g"] += 60 * frame.b[frame.k == 3]
    found = leave_out(_fit(frame), "B", "G", **ASKED)
    verdicts = {f.test: f.verdict for f in found.findings}
    assert verdicts["leave out one k (design)"] == "is fragile"
    assert found.plot().get_xlabel().startswith("effect of 4")


def test_errors_say_what_to_do():
    frame = _frame()
    model = _fit(frame)
    with pytest.raises(ConfigurationError, match="give runs="):
        leave_out(model, "B", "G", **ASKED, by="data")
    with pytest.raises(DataError, match="'colour': is missing"):
        leave_out(model, "B", "G", **ASKED, by="colour", runs=frame)
    with pytest.raises(DataError, match="'g' of this frame is not what the model was fitted"):
        leave_out(model, "B", "G", **ASKED, by="data", runs=frame.assign(g=frame.g + 1))
    with pytest.raises(ConfigurationError, match="single group"):
        leave_out(model, "B", "G", **ASKED, by="all", runs=frame.assign(all=1))


def test_rows_in_another_order_are_the_same_runs():
    frame = _frame()
    model = _fit(frame)
    mixed = frame.sample(frac=1, random_state=1)
    first, second = (
        leave_out(model, "B", "G", **ASKED, by="data", runs=f).to_frame() for f in (frame, mixed)
    )
    pd.testing.assert_frame_equal(first, second)
