"""Flatness, loss surfaces and hyper-parameters of the pruning study: what is planted is found."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from case_studies.pruning import __main__ as command
from case_studies.pruning.flatness.association import association_table, correlations
from case_studies.pruning.flatness.claims import FLATTER
from case_studies.pruning.flatness.ratios import flatness_table, paired_columns
from case_studies.pruning.flatness.surfaces import surface_table
from case_studies.pruning.judging import pick, side_of
from case_studies.pruning.logs import StudyFrames, read_frames
from case_studies.pruning.markdown_page import BLOCKS, filled
from case_studies.pruning.page import render_study
from case_studies.pruning.strips import emptied_settings, robust_claims, strip_table, strips_of
from case_studies.pruning.study import PruningStudy, analyse
from tests.case_studies.flat_world import (
    LEVELS,
    LOGS,
    make_flatness,
    make_strips,
    make_surfaces,
    write_flat_world,
)
from tests.case_studies.pruning_world import make_runs, write_world
from tests.report.test_page import Page

CELL = "LeNet on CIFAR-10, the paper's rate, cut short"


def frames_of(**others: pd.DataFrame) -> StudyFrames:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[runs["stage"] == "final"].reset_index(drop=True)
    return StudyFrames(runs, runs, others, ())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> PruningStudy:
    folder = tmp_path_factory.mktemp("flat")
    write_flat_world(folder)
    return analyse(read_frames(folder))


def verdict(study: PruningStudy, start: str, criterion: str) -> str:
    (found,) = (
        c.verdict for c in study.claims if c.claim.startswith(start) and c.criterion == criterion
    )
    return found


def test_a_planted_flatter_method_is_called_flatter_and_a_null_is_not(study: PruningStudy) -> None:
    than = "Ends in flatter minima than magnitude"
    assert verdict(study, than, "causal-good") == "holds"
    assert verdict(study, than, "causal-published") == "not shown"
    assert verdict(study, "Magnitude pruning makes minima sharper", "magnitude") == (
        "depends on the space or sparsity"
    )
    rows = pick(study.tables["flatness"], question="dense", quantity="eigenvalue", space="full")
    sides = {(r["method"]): side_of(r) for _, r in rows.iterrows()}
    assert sides["magnitude"] == sides["causal-good"] == "above"
    assert sides["random"] == "below"


def test_planted_ratios_are_recovered_for_every_measure(study: PruningStudy) -> None:
    table = pick(study.tables["flatness"], question="magnitude")
    assert set(table["quantity"]) == {
        "eigenvalue", "trace", "filter_relative_eigenvalue", "adaptive_sam_sharpness",
    }  # fmt: skip
    for _, row in table.iterrows():
        planted = LOGS[row["method"]] - LOGS["magnitude"]
        assert row["joint_lower"] <= planted <= row["joint_upper"]
        assert row["ratio"] == pytest.approx(np.exp(planted), rel=0.15)
    assert set(table["comparisons"]) == {2 * len(LEVELS) * (len(LOGS) - 1)}


def test_intervals_are_those_of_students_t_on_paired_logarithms() -> None:
    flat = make_flatness({"magnitude": 1.0, "causal-good": 0.3}, levels=(0.98,))
    table = flatness_table(frames_of(flatness=flat))
    found = pick(table, question="magnitude", quantity="eigenvalue", space="kept").iloc[0]
    rows = pick(flat, quantity="eigenvalue", rank=1, space="kept", pruned=0.98)
    wide = np.log(rows.pivot(index="seed", columns="method", values="value"))
    test = stats.ttest_1samp(wide["causal-good"] - wide["magnitude"], 0.0)
    assert found["p_value"] == pytest.approx(test.pvalue)
    assert found[["lower", "upper"]].tolist() == pytest.approx(
        list(test.confidence_interval(0.95))
    )
    both = list(test.confidence_interval(1 - 0.05 / 2))  # full and kept space
    assert found[["joint_lower", "joint_upper"]].tolist() == pytest.approx(both)


@pytest.mark.slow
def test_without_a_difference_a_method_is_called_flatter_in_a_twentieth_of_worlds_at_most() -> (
    None
):
    null = dict.fromkeys(LOGS, 1.0)
    wrong = 0
    for i in range(100):
        flat = make_flatness(null, noise=0.3, rng=np.random.default_rng(i))
        rows = pick(
            flatness_table(frames_of(flatness=flat)), question="magnitude", quantity="eigenvalue"
        )
        wrong += any(side_of(row) != "not told apart" for row in rows.to_dict("records"))
    # family-wise over 24 comparisons; 13 of 100 is the 99.9% point
    assert wrong <= 13


def test_a_flatter_method_that_fits_worse_is_no_success(tmp_path: Path) -> None:
    flat = make_flatness()
    worse = (flat["method"] == "causal-good") & (flat["quantity"] == "training_loss")
    flat.loc[worse, "value"] *= 3
    write_flat_world(tmp_path, flatness=flat)
    found = verdict(analyse(read_frames(tmp_path)), "Ends in flatter minima than m", "causal-good")
    assert found == "flatter, but fits worse"


def test_a_criterion_that_chose_its_sparsity_meets_magnitude_at_its_counts() -> None:
    logs = {"causal-published-1e-14": 0.2, "magnitude at causal-published-1e-14": 1.0}
    free = make_flatness({**logs, "causal-published-1e-12": 0.0}, levels=(0.9,))
    free["pruned"] = free["pruned"].replace(0.9, np.nan)
    table = flatness_table(frames_of(flatness=free))
    rows = pick(table, question="magnitude", quantity="eigenvalue")
    assert set(rows["method"]) == {"causal-published-1e-14"}
    assert set(rows["against"]) == {"magnitude at causal-published-1e-14"}
    assert rows["ratio"].to_numpy() == pytest.approx(np.exp(-0.8), rel=0.1)
    assert rows["pruned"].isna().all()
    assert set(pick(table, question="dense")["method"]) == {*logs, "causal-published-1e-12"}


def test_two_seeds_give_a_ratio_and_no_interval(tmp_path: Path) -> None:
    flat = make_flatness(seeds=2)
    write_flat_world(tmp_path, flatness=flat)
    study = analyse(read_frames(tmp_path))
    table = study.tables["flatness"]
    row = pick(table, question="magnitude", method="causal-good", quantity="eigenvalue").iloc[0]
    assert row["ratio"] == pytest.approx(np.exp(-0.7), rel=0.2)
    assert row[["lower", "joint_upper", "p_value", "flip_p_value", "se"]].isna().all()
    assert verdict(study, "Ends in flatter minima than magnitude", "causal-good") == "no interval"
    assert verdict(study, "Flatter networks are more accurate", "any") == "no interval"
    claim = next(c for c in study.claims if c.claim == FLATTER)
    assert claim.sure.startswith("2 paired seeds, which give no interval")
    assert "[" not in claim.finding
    sentence = next(s for s in study.sentences if s.startswith(FLATTER))
    assert sentence.endswith("each cell and criterion: no interval (2).")


def test_seeds_that_are_too_few_widen_no_interval_of_others() -> None:
    rng = np.random.default_rng(0)
    full = [pd.Series(rng.normal(size=5)) for _ in range(3)]
    short = pd.Series([1.0, 2.0, np.nan, np.nan, np.nan])
    alone, beside = paired_columns(full), paired_columns([*full, short])
    pd.testing.assert_frame_equal(alone, beside.iloc[:3])
    assert beside.loc[3, "mean"] == 1.5
    assert beside.loc[3, "count"] == 2


def test_where_no_shown_criterion_was_measured_others_of_its_kind_stand_for_it(
    tmp_path: Path,
) -> None:
    logs = {n: v for n, v in LOGS.items() if n not in ("causal-good", "causal-published")}
    write_flat_world(tmp_path, flatness=make_flatness({**logs, "gain": 0.0}))
    study = analyse(read_frames(tmp_path))
    judged = {c.criterion for c in study.claims if c.claim == FLATTER}
    assert judged == {"causal-empty"}


def test_networks_without_a_positive_eigenvalue_are_left_out_and_told(tmp_path: Path) -> None:
    flat = make_flatness()
    dead = (flat["method"] == "causal-good") & (flat["seed"] == 0) & (flat["pruned"] == 0.98)
    flat.loc[dead & (flat["quantity"] == "eigenvalue"), "value"] = 0.0
    flat.loc[dead, "caution"] = "near chance"
    write_flat_world(tmp_path, flatness=flat)
    found = analyse(read_frames(tmp_path))
    rows = pick(found.tables["flatness"], method="causal-good", quantity="eigenvalue", pruned=0.98)
    assert set(rows["left_out"]) == {1}
    assert set(rows["seeds"]) == {5}
    claim = next(
        c
        for c in found.claims
        if c.claim.startswith("Ends in flatter") and c.criterion == "causal-good"
    )
    assert "1 seeds left out" in claim.sure
    assert "cautions for 17% of its networks" in claim.sure


def test_flatness_that_goes_with_accuracy_is_told_and_a_shuffled_one_is_not() -> None:
    frames = frames_of()
    level = frames.runs[frames.runs["sparsity"] == 0.98]
    accuracy = level.groupby("method")["test_accuracy"].mean()
    good = {m: -20 * accuracy[m] for m in LOGS}
    table = association_table(frames_of(flatness=make_flatness(good, levels=(0.98,))))
    rows = pick(table, quantity="eigenvalue")
    assert (rows["joint_upper"] < 0).all()
    assert (rows["methods"] == len(LOGS)).all()
    rng = np.random.default_rng(0)
    null = make_flatness(dict.fromkeys(LOGS, 0.0), levels=(0.98,), noise=0.5, rng=rng)
    rows = association_table(frames_of(flatness=null))
    assert all(side_of({**r, "estimate": r["correlation"]}) == "not told apart"
               for r in rows.to_dict("records"))  # fmt: skip


def test_correlations_are_spearmans_and_the_partial_one_takes_the_loss_out() -> None:
    rng = np.random.default_rng(4)
    loss = rng.normal(size=200)
    table = pd.DataFrame({
        "value": -loss + 0.5 * rng.normal(size=200),
        "test_accuracy": -loss + 0.5 * rng.normal(size=200),
        "loss": loss,
    })  # fmt: skip
    plain, given = correlations(table)
    r = stats.spearmanr(table).statistic
    assert plain == pytest.approx(r[0, 1])
    wanted = (r[0, 1] - r[0, 2] * r[1, 2]) / np.sqrt((1 - r[0, 2] ** 2) * (1 - r[1, 2] ** 2))
    assert given == pytest.approx(wanted)
    assert plain > 0.7
    assert abs(given) < 0.2


def test_the_rise_of_a_bowl_is_its_steepness_times_the_middle_square_of_each_ring() -> None:
    surfaces = make_surfaces({"dense": 1.0, "magnitude": 5.0})
    far = (surfaces["method"] == "magnitude") & (surfaces["alpha"] > 0.95)
    surfaces.loc[far, ["loss", "log_loss"]] = np.inf
    table = surface_table(frames_of(surfaces=surfaces)).set_index(["method", "space"])
    dense = table.loc[("dense", "full")]
    assert dense["loss"] == pytest.approx(0.1)
    assert 0 < dense["rise_to_0.25"] <= 0.25**2 < dense["rise_to_0.5"] <= 0.25
    ratio = table.loc[("magnitude", "kept"), "rise_to_0.5"] / dense["rise_to_0.5"]
    assert ratio == pytest.approx(5.0)
    assert table.loc[("magnitude", "kept"), "diverged"] == pytest.approx(1 / 21)
    assert dense["diverged"] == 0


def test_hyper_parameters_without_effect_are_called_robust_and_others_are_not() -> None:
    for effect, wanted in ((0.0, "holds"), (0.03, "reversed")):
        strips = strips_of(frames_of(strips=make_strips(effect)))
        assert len(strips) == 2
        assert {c.verdict for c in robust_claims(strips)} == {wanted}
    few = make_strips(0.0, seeds=1)
    assert robust_claims(strips_of(frames_of(strips=few))) == []


def test_a_setting_that_leaves_some_seed_no_weight_is_told_and_not_compared(
    tmp_path: Path,
) -> None:
    rows = make_strips()
    rows.loc[(rows["l1"] == 1e-12) & (rows["seed"] < 2), ["sparsity", "test_accuracy"]] = 1, 0.1
    frames = frames_of(strips=rows)
    (said,) = emptied_settings(frames)
    assert "causal-published, N_iter = 10, N_prune = 10, L1_coeff = 1e-12: " in said
    assert "no weight is left in 2 of 5 seeds" in said
    found = strip_table(strips_of(frames))
    assert "L1_coeff" not in set(found["parameter"])
    assert {"N_iter", "N_prune"} <= set(found["parameter"])
    assert emptied_settings(frames_of(strips=make_strips())) == []
    assert emptied_settings(frames_of()) == []
    write_flat_world(tmp_path)
    rows.to_parquet(tmp_path / "strips.parquet")
    page = render_study(analyse(read_frames(tmp_path)), "x").decode()
    assert "this setting is not compared" in page


def test_the_page_has_the_sections_where_frames_are_and_not_otherwise(
    study: PruningStudy, tmp_path: Path
) -> None:
    page = Page(render_study(study, "x").decode())
    text = " ".join(page.words)
    for title in ("Flatness", "Loss surfaces", "Hyper-parameters"):
        assert title in text
    make_runs({("LeNet", "CIFAR-10"): ("paper",)}).to_parquet(tmp_path / "runs.parquet")
    bare = analyse(read_frames(tmp_path))
    other = " ".join(Page(render_study(bare, "x").decode()).words)
    assert "Loss surfaces" not in other
    assert "Hyper-parameters" not in other
    for name in ("flatness", "surfaces", "strips"):
        assert BLOCKS[name](bare) == ""
    assert not any(c.claim.startswith("Flatter networks") for c in bare.claims)


def test_every_picture_is_titled_and_described(study: PruningStudy) -> None:
    html = render_study(study, "x").decode()
    pictures = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(pictures) > 10
    for svg in pictures:
        root = ElementTree.fromstring(svg)
        for tag in ("title", "desc"):
            assert root.findtext(f"{{http://www.w3.org/2000/svg}}{tag}")
    ids = [attrs["id"] for _, attrs in Page(html).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_a_page_of_many_cells_does_without_pictures_and_says_so(tmp_path: Path) -> None:
    cells = {("LeNet", d): ("paper", "tuned") for d in ("CIFAR-10", "FashionMNIST")}
    write_world(tmp_path, cells)
    write_flat_world(tmp_path, cells=cells)
    html = render_study(analyse(read_frames(tmp_path)), "x")
    assert len(html) < 500_000
    assert b"not drawn, for the page" in html
    assert b"Largest eigenvalues of the Hessian, all parameters: LeNet on CIFAR-10" in html


def test_the_verdict_page_has_the_parts_with_their_pictures(
    study: PruningStudy, tmp_path: Path
) -> None:
    blocks = "".join(
        f"<!-- table: {name} -->\n<!-- end -->\n" for name in ("flatness", "surfaces", "strips")
    )
    page = tmp_path / "page.md"
    page.write_text(blocks)
    files = command.page_files(study, page)
    text = files[page].decode()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Flatness", "## Loss surfaces", "## Hyper-parameters",
    ]  # fmt: skip
    named = re.findall(r"\]\(images/(pruning-[\w-]+\.svg)\)", text)
    assert len(named) == len(set(named)) >= 6
    assert {p.name for p in files if p.name.startswith("pruning-")} - {"pruning-study.svg"} == set(
        named
    )
    assert filled(text, study) == text
