"""Contrasts of the batch-size study: paired, adjusted, and equal to what was planted."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from case_studies.batch_size.effects import arms, totals
from case_studies.batch_size.effects.contrasts import Contrast, Setting, by_seed, compare
from case_studies.batch_size.runs import Frames
from tests.case_studies.batch_size_world import Truth, make_study, noise_ratio

TRUTH = Truth()


@pytest.fixture(scope="module")
def frames() -> Frames:
    return Frames(*make_study(TRUTH), ())


def near(found: pd.DataFrame, truth: float) -> None:
    """Every estimate lies within four of its standard errors of the truth."""
    assert len(found) == 4
    assert (np.abs(found["estimate"] - truth) < 4 * found["se"]).all()


def planted(design: str, domain: str) -> float:
    """16 less 512: what the updates and the noise of the made-up study are worth."""
    updates = {
        "equal_epochs": 5.0,
        "equal_updates": 0.0,
        "equal_loss": np.log2((16 / 512) ** 0.3),
        "tuned": 5.0 * TRUTH.tuned,
    }[design]
    return float(TRUTH.update * updates + TRUTH.noise * noise_ratio(domain))


@pytest.mark.parametrize("design", ["equal_epochs", "equal_updates", "equal_loss", "tuned"])
def test_16_less_512_is_what_was_planted_under_every_protocol(design: str, frames: Frames) -> None:
    found = compare(frames.plain, [totals.widest(design)])
    for domain, cells in (("graph", ["cora"]), ("text", ["amazon", "nicta_piboso"])):
        part = found[found["dataset"].isin(cells)]
        # a stop after a whole update leaves a rounding of the planted number of updates
        off = np.abs(part["estimate"] - planted(design, domain)) - 4 * part["se"]
        assert (off < (2e-4 if design == "equal_loss" else 0.0)).all()


def test_a_contrast_is_the_paired_t_interval_of_scipy(frames: Frames) -> None:
    found = compare(frames.plain, [totals.widest("equal_epochs")])
    for row in found.itertuples():
        part = frames.plain[
            (frames.plain["dataset"] == row.dataset)
            & (frames.plain["model"] == row.model)
            & (frames.plain["design"] == "equal_epochs")
        ]
        wide = part.pivot(index="seed", columns="batch_size", values="test_accuracy")
        test = stats.ttest_rel(wide[16], wide[512])
        interval = test.confidence_interval(0.95)
        assert row.estimate == pytest.approx((wide[16] - wide[512]).mean(), rel=1e-12)
        assert (row.lower, row.upper) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert row.p_value == pytest.approx(test.pvalue, rel=1e-6)


def test_p_values_of_one_contrast_are_adjusted_over_cells_as_in_statsmodels(
    frames: Frames,
) -> None:
    found = totals.curve_table(frames.plain)
    for _, part in found.groupby(["design", "contrast"]):
        expected = multipletests(part["p_value"].to_numpy(), method="holm")[1]
        assert part["adjusted_p_value"].to_numpy() == pytest.approx(expected, rel=1e-9)


def test_a_row_of_a_data_set_averages_its_models_within_seed(frames: Frames) -> None:
    found = totals.main_table(frames.plain)
    row = found[(found["dataset"] == "cora") & (found["design"] == "equal_epochs")].iloc[0]
    part = frames.plain[
        (frames.plain["dataset"] == "cora") & (frames.plain["design"] == "equal_epochs")
    ]
    means = part.groupby(["seed", "batch_size"])["test_accuracy"].mean().unstack()
    differences = means[16] - means[512]
    assert (row["models"], row["seeds"]) == (2, 20)
    assert row["estimate"] == pytest.approx(differences.mean())
    assert row["se"] == pytest.approx(stats.sem(differences))
    assert row["left"] - row["right"] == pytest.approx(row["estimate"])


def test_a_seed_that_one_model_lacks_is_left_out_of_the_data_set_alone(frames: Frames) -> None:
    short = frames.plain[~((frames.plain["model"] == "GAT") & (frames.plain["seed"] == 3))]
    averaged = totals.main_table(short).query("dataset == 'cora'")
    cells = compare(short, [totals.widest("tuned")]).query("dataset == 'cora'")
    assert set(averaged["seeds"]) == {19}
    assert dict(zip(cells["model"], cells["seeds"], strict=True)) == {"GCN": 20, "GAT": 19}


def test_the_posters_pubmed_stands_beside_its_stand_in_for_text_alone(frames: Frames) -> None:
    graph = frames.plain[frames.plain["dataset"] == "cora"].assign(dataset="pubmed")
    found = totals.main_table(pd.concat([frames.plain, graph])).set_index("dataset")
    assert found.loc["pubmed", "poster_gain"].isna().all()
    assert found.loc["nicta_piboso", "poster_gain"].iloc[0] == pytest.approx(0.031)
    assert found.loc["nicta_piboso", "remark"].str.contains("stands in").all()
    assert found.loc["pubmed", "remark"].str.contains("citation graph").all()


def test_noise_and_updates_set_by_hand_are_what_was_planted(frames: Frames) -> None:
    found = arms.arm_tables(frames.runs)["noise"].set_index("contrast")
    noise = TRUTH.noise * noise_ratio("graph")
    for name in (arms.NOISE_FEW, arms.NOISE_MANY, arms.NOISE_MATCHED):
        near(found.loc[name], noise)
    for name in (arms.UPDATES_NOISY, arms.UPDATES_QUIET):
        near(found.loc[name], 5 * TRUTH.update)
    for name in ("noise x updates", arms.BEYOND_TRACE):
        near(found.loc[name], 0.0)
    near(found.loc[arms.UPDATES_LESS_NOISE], 5 * TRUTH.update - noise)


def test_the_2_by_2_of_noise_and_updates_adds_up_in_every_seed(frames: Frames) -> None:
    named = {c.name: c for c in arms.noise_contrasts()}
    total = by_seed(frames.runs, totals.widest("equal_epochs"), "test_accuracy")["difference"]
    for noise, updates in (
        (arms.NOISE_FEW, arms.UPDATES_NOISY),
        (arms.NOISE_MANY, arms.UPDATES_QUIET),
    ):
        parts = sum(
            by_seed(frames.runs, named[name], "test_accuracy")["difference"]
            for name in (noise, updates)
        )
        pd.testing.assert_series_equal(parts, total)
    effect = {
        name: by_seed(frames.runs, named[name], "test_accuracy")["difference"] for name in named
    }
    both = effect[arms.UPDATES_NOISY] + effect[arms.UPDATES_QUIET]
    less = (both - effect[arms.NOISE_FEW] - effect[arms.NOISE_MANY]) / 2
    pd.testing.assert_series_equal(effect[arms.UPDATES_LESS_NOISE], less)


def test_sam_and_label_noise_are_what_was_planted(frames: Frames) -> None:
    found = arms.arm_tables(frames.runs)
    sam = found["sam"].set_index(["design", "contrast"])
    near(sam.loc[("equal_updates", "SAM - plain at 16")], 0.0)
    near(sam.loc[("equal_updates", "SAM - plain at 512")], TRUTH.sam)
    near(sam.loc[("equal_epochs", "16 - 512: with SAM less without")], -TRUTH.sam)
    total = 5 * TRUTH.update + TRUTH.noise * noise_ratio("graph")
    near(sam.loc[("equal_epochs", "SAM at 512 - plain at 16")], TRUTH.sam - total)
    labels = found["label_noise"].set_index(["design", "contrast"])
    more = TRUTH.label * noise_ratio("graph")
    near(labels.loc[("equal_epochs", "16 - 512: label noise less none")], more)
    noise = TRUTH.noise * noise_ratio("graph")
    near(labels.loc[("equal_updates", "16 - 512 under label noise")], more + noise)


def test_the_noise_that_was_set_is_measured_as_what_was_meant(frames: Frames) -> None:
    found = arms.trace_table(frames.runs)
    assert (np.abs(found["estimate"]) < 4 * found["se"]).all()
    wrong = frames.runs.copy()
    wrong.loc[wrong["arm"] == "noise_added", "grad_noise"] *= 10
    seen = arms.trace_table(wrong)
    seen = seen[seen["contrast"].str.startswith("noise added")]
    assert (np.abs(seen["estimate"] - 1) < 4 * seen["se"]).all()


def test_a_diverged_run_counts_with_the_accuracy_that_it_has(frames: Frames) -> None:
    bad = frames.plain.copy()
    here = (bad["run_id"] == "cora-GCN-tuned-plain-16-16-0").to_numpy()
    assert here.sum() == 1
    before = float(bad.loc[here, "test_accuracy"].iloc[0])
    bad.loc[here, ["test_accuracy", "diverged"]] = [0.1, True]
    old, new = (compare(f, [totals.widest("tuned")]).iloc[0] for f in (frames.plain, bad))
    assert new["seeds"] == old["seeds"] == 20
    assert new["estimate"] - old["estimate"] == pytest.approx((0.1 - before) / 20)


def test_an_arm_that_was_not_run_gives_no_row(frames: Frames) -> None:
    nowhere = Contrast("x", Setting("tuned", 16, "sam"), Setting("tuned", 16))
    assert compare(frames.runs, [nowhere]).empty
    assert totals.pooled_table(compare(frames.runs, [nowhere])).empty
