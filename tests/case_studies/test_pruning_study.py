"""The pruning study finds what was planted, says no more, and its page is that of the data."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from case_studies.pruning import __main__ as command
from case_studies.pruning import forms
from case_studies.pruning.averages import GOAL, average_table
from case_studies.pruning.contrasts import (
    FEWEST,
    MAGNITUDE,
    SHIFTED,
    STRONGEST,
    accuracy_table,
    contrast_table,
)
from case_studies.pruning.further import phase_shifts, stage_costs
from case_studies.pruning.judging import SHARPER, UNASKED, how_sure, judge_levels, pick, points_of
from case_studies.pruning.logs import DATA, NAMES, StudyFrames, final_rows, read_frames
from case_studies.pruning.markdown_page import BLOCKS, MARKED, filled, without_ladders
from case_studies.pruning.methods import best_of, role, shown_criteria
from case_studies.pruning.own_rule import emptied_sentence, rule_sentence
from case_studies.pruning.page import render_study, study_sections
from case_studies.pruning.paper import TABLE_2
from case_studies.pruning.sentences import average_sentence, missing_sentence
from case_studies.pruning.study import PruningStudy, analyse
from case_studies.pruning.tuned_rates import rate_table
from causalhyper.errors import DataError
from causalhyper.granger.masks import compare_masks
from causalhyper.granger.pruning import paired_differences
from causalhyper.report import Heading, markdown_table
from tests.case_studies.pruning_world import (
    CELLS,
    METHODS,
    SPARSITIES,
    make_runs,
    write_stacked,
    write_world,
)
from tests.granger.pruning.simulated import Truth, draw_runs
from tests.report.test_page import Page

PAGE = Path(__file__).parents[2] / "docs" / "pruning-study.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prunings")
    write_world(path)
    return path


@pytest.fixture(scope="module")
def study(folder: Path) -> PruningStudy:
    return analyse(read_frames(folder))


@pytest.fixture(scope="module")
def shipped() -> PruningStudy:
    return analyse(read_frames(DATA))


def verdicts(study: PruningStudy, start: str, criterion: str = "") -> dict[str, str]:
    return {
        c.cell: c.verdict
        for c in study.claims
        if c.claim.startswith(start) and (not criterion or c.criterion == criterion)
    }


def test_what_was_planted_is_found_in_every_cell(study: PruningStudy) -> None:
    cells = len(study.frames.cells())
    assert cells == sum(map(len, CELLS.values()))
    found = verdicts(study, "Finds a better subset", "causal-good")
    assert set(found.values()) == {"holds"}
    assert len(found) == cells
    for cell, verdict in verdicts(study, "Finds a better subset", "causal-published").items():
        assert verdict.startswith("reversed"), cell
    assert set(verdicts(study, "The loss adds to the loss").values()) == {"holds"}
    assert set(verdicts(study, "Chooses better than others").values()) == {"holds"}
    goal = verdicts(study, "A criterion beats the strongest baseline at")
    assert goal == {"all cells": "holds for causal-good"}


def test_one_network_is_not_two(tmp_path: Path) -> None:
    cells = {("LeNet", "FashionMNIST"): ("paper",), ("LeNet", "CIFAR-10"): ("paper",)}
    make_runs(cells).to_parquet(tmp_path / "runs.parquet")
    found = analyse(read_frames(tmp_path))
    goal = verdicts(found, "A criterion beats the strongest baseline at")
    assert goal == {"all cells": "not shown"}
    assert any("2 of 9 cells" in sentence for sentence in found.sentences)


@pytest.mark.slow
def test_without_a_difference_a_verdict_is_wrong_in_a_twentieth_of_cells_at_most() -> None:
    # family-wise over the five sparsities of the question; 13 of 100 is the 99.9% point
    assert sum(_told_apart(np.random.default_rng(i)) for i in range(100)) <= 13


def _told_apart(rng: np.random.Generator) -> bool:
    names = ["causal-empty", "causal-empty-shifted", "magnitude"]
    rows = [(m, seed, share) for m in names for seed in range(6) for share in SPARSITIES]
    runs = pd.DataFrame(rows, columns=["method", "seed", "sparsity"])
    runs = runs.assign(network="LeNet", dataset="CIFAR-10", protocol="paper")
    runs["test_accuracy"] = 0.6 + rng.normal(scale=0.02, size=len(runs))
    found = contrast_table(StudyFrames(runs, runs, {}, ()))
    return judge_levels(pick(found, question=SHIFTED)) != "not shown"


def test_an_interval_that_holds_zero_is_called_no_proof() -> None:
    row = {"estimate": 0.01, "se": 0.01, "joint_lower": -0.02, "joint_upper": 0.04, "seeds": 5}
    rows = pd.DataFrame([row | {"comparisons": 3, "flip_p_value": 0.5, "sparsity": 0.98}])
    assert judge_levels(rows) == "not shown"
    assert "no proof of equality" in how_sure(rows)
    assert "near-normal" in how_sure(rows.assign(joint_lower=0.001))
    assert judge_levels(rows.assign(se=0.0, joint_lower=0.01)) == "not shown"


def test_sharper_minima_are_a_reversal_and_flatter_but_unfit_ones_no_success(
    folder: Path, tmp_path: Path, study: PruningStudy
) -> None:
    found = verdicts(study, "Ends in flatter", "causal-good")
    assert found.pop(f"LeNet on CIFAR-10, {NAMES['paper']}") == "reversed"
    assert set(found.values()) == {"no data"}
    flat = pd.read_parquet(folder / "flatness.parquet")
    own = flat["method"] == "causal-good"
    flat.loc[own & (flat["quantity"] == "eigenvalue"), "value"] /= 30
    flat.loc[own & (flat["quantity"] == "training_loss"), "value"] = 2.0
    write_world(tmp_path, {("LeNet", "CIFAR-10"): ("paper",)})
    flat.to_parquet(tmp_path / "flatness.parquet")
    again = verdicts(analyse(read_frames(tmp_path)), "Ends in flatter", "causal-good")
    assert set(again.values()) == {"flatter, but fits worse"}


def test_contrasts_are_those_of_paired_differences(study: PruningStudy) -> None:
    cell, runs = next(iter(study.frames.cells().items()))
    pruned = runs[(runs["sparsity"] > 0) & (runs["method"].map(role) != "own counts")]
    judged = pruned["method"].map(role) == "criterion"
    families = [pruned[own | (pruned["method"] == MAGNITUDE)] for own in (judged, ~judged)]
    wanted = pd.concat(
        paired_differences(own, baseline="magnitude", test_size=10_000).to_frame()
        for own in families
    )
    wanted = wanted[wanted["query"] == "paired_differences.level"]
    found = pick(study.tables["contrasts"], cell=cell, question=MAGNITUDE)
    both = found.merge(
        wanted.assign(method=wanted["compared"], sparsity=wanted["value"].round(4)),
        on=["method", "sparsity"],
        suffixes=("", "_wanted"),
    )
    assert len(both) == len(found) == len(wanted)
    for name in ("estimate", "lower", "upper", "joint_lower", "adjusted_p_value", "binomial_sd"):
        assert np.allclose(both[name], both[f"{name}_wanted"]), name


def test_averages_are_of_seeds_over_the_sparsities_of_the_goal(study: PruningStudy) -> None:
    cell, runs = next(iter(study.frames.cells().items()))
    table = pick(study.tables["averages"], cell=cell, question=MAGNITUDE)
    assert set(table["method"]) == {"causal-published", "causal-good", "causal-empty"}
    wide = runs[runs["sparsity"].isin(GOAL)].pivot_table(
        index="seed", columns="method", values="test_accuracy", aggfunc="mean"
    )
    for row in table.to_dict("records"):
        found = stats.ttest_rel(wide[row["method"]], wide["magnitude"])
        joint = found.confidence_interval(1 - 0.05 / 3)
        assert row["estimate"] == pytest.approx((wide[row["method"]] - wide["magnitude"]).mean())
        assert row["p_value"] == pytest.approx(found.pvalue)
        assert (row["joint_lower"], row["joint_upper"]) == pytest.approx((joint.low, joint.high))
    said = average_sentence(cell, table)
    best = pick(table, method="causal-good").iloc[0]
    assert "less magnitude pruning, causal-" in said
    assert f", causal-good {points_of(best)}" in said
    several = [table.assign(method=f"causal-{i}", estimate=i / 100) for i in range(2)]
    many = pd.concat(several, ignore_index=True)
    assert "above zero and" in average_sentence(cell, many)
    assert "the highest causal-1 +1.00" in average_sentence(cell, many)


def test_an_average_needs_all_sparsities_and_seeds_that_have_them() -> None:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[runs["stage"] == "final"]
    lost = (runs["method"] == "causal-empty") & (runs["sparsity"] == 0.98)
    fewer = (runs["method"] == "causal-good") & (runs["sparsity"] == 0.95) & (runs["seed"] == 0)
    runs = runs[~lost & ~fewer].reset_index(drop=True)
    table = average_table(StudyFrames(runs, runs, {}, ()))
    magnitude = pick(table, question=MAGNITUDE).set_index("method")
    assert set(magnitude.index) == {"causal-good", "causal-published"}
    assert magnitude.loc["causal-good", "seeds"] == 5
    alone = runs[runs["method"].isin(["causal-good", "dense"])].reset_index(drop=True)
    table = average_table(StudyFrames(alone, alone, {}, ()))
    assert set(table["question"]) == {"dense"}
    assert average_sentence("a", table) == ""


def test_criteria_are_a_family_and_all_other_methods_another(study: PruningStudy) -> None:
    cell, _ = next(iter(study.frames.cells().items()))
    rows = pick(study.tables["contrasts"], cell=cell, question=MAGNITUDE)
    criteria = rows["method"].isin(["causal-published", "causal-good", "causal-empty"])
    for own, count in ((rows[criteria], 3 * 5), (rows[~criteria], 5 * 5)):
        assert len(own) == count
        assert set(own["comparisons"]) == {count}
        half = own["se"] * stats.t.isf(0.025 / count, 5)
        np.testing.assert_allclose(own["joint_upper"], own["estimate"] + half)


def test_figures_of_imagenet_stand_as_published_beside_a_second_order_baseline() -> None:
    shown = forms.imagenet_form()
    assert [tuple(cell.text for cell in row[2:4]) for row in shown.rows] == [
        ("80", "71"), ("80", "45"), ("95", "56"), ("95", "73"),
    ]  # fmt: skip
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[runs["stage"] == "final"].replace({"method": {"lamp": "woodfisher"}})
    study = analyse(StudyFrames(runs.reset_index(drop=True), runs, {}, ()))
    found = verdicts(study, "Finds a better subset than second-order", "causal-good")
    assert set(found.values()) == {"holds"}
    table = pick(study.tables["averages"], question="woodfisher").set_index("method")
    assert table.loc["causal-good", "estimate"] == pytest.approx(0.03, abs=0.004)


def test_a_candidate_has_to_add_to_fisher_and_no_criterion_of_the_loss_has() -> None:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[runs["stage"] == "final"]
    named = {"causal-good": "gain", "lamp": "fisher"}
    runs = runs.replace({"method": named}).reset_index(drop=True)
    study = analyse(StudyFrames(runs, runs, {}, ()))
    rows = pick(study.tables["contrasts"], question="fisher")
    assert set(rows["method"]) == {"gain"}
    assert "gain" not in set(pick(study.tables["contrasts"], question="movement")["method"])
    assert set(verdicts(study, "Gradients on fresh", "gain").values()) == {"holds"}
    assert "gain" in set(pick(study.tables["averages"], question=STRONGEST)["method"])


def test_the_best_methods_at_the_sparsities_of_the_goal_stand_first(study: PruningStudy) -> None:
    cell, _ = next(iter(study.frames.cells().items()))
    means = pick(study.tables["accuracy"], cell=cell)
    found = [row[1].text for row in forms.accuracy_form(means, "").rows]
    goal = means[means["sparsity"].isin((0.0, *GOAL))].groupby("method")["mean"].mean()
    assert found == list(goal.sort_values(ascending=False).index)


def test_methods_without_a_transition_for_one_reason_share_a_row() -> None:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[(runs["stage"] == "final") & (runs["sparsity"] < 0.97)].reset_index(drop=True)
    study = analyse(StudyFrames(runs, runs, {}, ()))
    (row,) = forms.width_form(study.shifts).rows
    assert row[1].text.split(", ") == [m for m in METHODS if role(m) != "own counts"]


def test_a_ladder_is_read_for_its_fall_alone(tmp_path: Path) -> None:
    truths = {
        "causal-covariance": Truth(point=0.96, width=0.08),
        "magnitude": Truth(point=0.98, width=0.16),
    }
    shares = {"paper": (0.95, 0.98, 0.99)}
    shares["ladder"] = (0.5, 0.8, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985)
    for seed, (protocol, levels) in enumerate(shares.items()):
        runs = draw_runs(truths, np.random.default_rng(seed), seeds=5, levels=levels)
        runs["validation_accuracy"] = runs["test_accuracy"]
        place = {"network": "LeNet", "dataset": "cifar10", "protocol": protocol}
        runs.assign(**place).to_parquet(tmp_path / f"{protocol}.parquet")
    study = analyse(read_frames(tmp_path))
    ladder = f"LeNet on CIFAR-10, {NAMES['ladder']}"
    assert study.frames.ladders() == {ladder}
    [claim] = [c for c in study.claims if c.claim == SHARPER and c.cell == ladder]
    assert claim.verdict == "holds"
    assert claim.finding.startswith("Shoulder, from 90% to half of the fall, times 0.")
    assert "of the width, magnitude: the floor is not reached at 98.5%" in claim.finding
    averages = [s for s in study.sentences if "on average over" in s]
    assert len(averages) == 1
    assert averages[0].startswith(f"LeNet on CIFAR-10, {NAMES['paper']}")
    assert any(s.startswith(f"{ladder}: read for the fall alone") for s in study.sentences)
    assert ladder in set(study.tables["contrasts"]["cell"])
    fewer = without_ladders(study)
    assert not any(ladder in set(t["cell"]) for t in fewer.tables.values() if "cell" in t)
    assert [c.claim for c in fewer.claims if c.cell == ladder] == [SHARPER]
    page = filled("<!-- table: phase-shift -->\n<!-- end -->\n", study)
    assert f"![{ladder}: test_accuracy over the share pruned" in page
    assert "images/pruning-phase-shift-0.svg" in page


def test_levels_of_nearly_everything_stay_apart() -> None:
    shares = [0.95, 0.9502, 0.99499, 0.99995, 0.99998]
    log = pd.DataFrame({"sparsity": shares, "test_accuracy": 0.5, "seed": [0, 1, 0, 0, 0]})
    log = log.assign(method="lamp", network="LeNet", dataset="CIFAR-10", protocol="paper")
    rows, _ = final_rows(log)
    assert rows["sparsity"].tolist() == [0.9501, 0.9501, 0.995, 0.99995, 0.99998]


def test_the_strongest_baseline_is_chosen_on_validation_data() -> None:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[runs["stage"] == "final"].reset_index(drop=True)
    runs.loc[runs["method"] == "random", "test_accuracy"] = 0.99
    found = contrast_table(StudyFrames(runs, runs, {}, ()))
    assert set(pick(found, question=STRONGEST)["against"]) == {"lamp"}
    assert best_of(runs.drop(columns="validation_accuracy"), ["random", "lamp"]) == "random"


def test_roles_follow_names_and_the_papers_rule_is_always_judged() -> None:
    roles = {name: role(name) for name in METHODS}
    assert [n for n, r in roles.items() if r == "criterion"] == [
        "causal-published", "causal-good", "causal-empty",
    ]  # fmt: skip
    assert roles["random at causal-good"] == "own counts"
    assert role("residual-loss") == "criterion"
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    final = runs[runs["stage"] == "final"]
    assert shown_criteria(final) == ["causal-published", "causal-good"]
    assert role("gain-later") == "candidate"
    for name in ("gain", "causal-good-later"):
        better = final[final["method"] == "causal-good"].assign(method=name)
        better = better.assign(validation_accuracy=0.99)
        assert shown_criteria(pd.concat([final, better])) == ["causal-published", "causal-good"]


def test_a_criterion_that_skips_levels_is_not_the_best_for_it() -> None:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs = runs[runs["stage"] == "final"]
    easy = runs[(runs["method"] == "causal-good") & (runs["sparsity"] > 0.9)]
    assert best_of(runs.drop(index=easy.index), ["causal-good", "causal-empty"]) == "causal-empty"


def test_frames_are_told_apart_and_strange_ones_are_refused(folder: Path, tmp_path: Path) -> None:
    frames = read_frames(folder)
    assert set(frames.others) == {"layers", "overlap", "flatness"}
    assert len(frames.checksums) == 4
    with pytest.raises(DataError, match="no frame of prunings"):
        read_frames(tmp_path)
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "strange.parquet")
    with pytest.raises(DataError, match=r"strange\.parquet is no frame of this study"):
        read_frames(tmp_path)
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)})
    runs.drop(columns="network").to_parquet(tmp_path / "strange.parquet")
    with pytest.raises(DataError, match="does not say its network"):
        read_frames(tmp_path)
    pd.concat([runs, runs]).to_parquet(tmp_path / "strange.parquet")
    with pytest.raises(DataError, match="a run is there twice"):
        read_frames(tmp_path)
    runs.assign(sparsity=1.0).to_parquet(tmp_path / "strange.parquet")
    with pytest.raises(DataError, match="no final row of a network that has weights"):
        read_frames(tmp_path)


def test_one_seed_answers_nothing_and_the_page_says_so() -> None:
    runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)}, seeds=1)
    final = runs[runs["stage"] == "final"].reset_index(drop=True)
    study = analyse(StudyFrames(final, final, {}, ()))
    judged = {c.verdict for c in study.claims if c.cell != "all cells"}
    assert judged <= {"no data", "not identified"}
    text = " ".join(Page(render_study(study, "x").decode()).words)
    assert "no run compares them" in text
    blocks = "".join(f"<!-- table: {name} -->\n<!-- end -->\n" for name in BLOCKS)
    assert filled(blocks, study).count("No run answers this yet.") == 7


@pytest.fixture(scope="module")
def stacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[PruningStudy, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("stacked")
    masks = write_stacked(folder)
    return analyse(read_frames(folder)), masks


def test_two_seeds_give_means_and_no_interval_and_three_do() -> None:
    for seeds in (2, 3):
        runs = make_runs({("LeNet", "CIFAR-10"): ("paper",)}, seeds=seeds)
        runs = runs[runs["stage"] == "final"].reset_index(drop=True)
        frames = StudyFrames(runs, runs, {}, ())
        known = seeds == FEWEST
        assert contrast_table(frames).empty != known
        assert average_table(frames).empty != known
        table = accuracy_table(frames)
        assert table["mean"].notna().all()
        assert table["lower"].notna().all() == known
        words = "CIFAR-10, paper has 2 seeds, which give no interval"
        assert (words in missing_sentence(frames)) != known
        (shift,) = phase_shifts(frames).values()
        assert (shift == "2 seeds, which give no interval") != known
        shown = markdown_table(forms.accuracy_form(table, ""))
        assert ("[" in shown) == known
        assert "nan" not in shown


def test_what_another_test_set_adds_follows_the_size_of_each() -> None:
    sds = []
    for dataset in ("CIFAR-10", "Tiny-ImageNet (50 classes)", "unheard of"):
        runs = make_runs({("LeNet", dataset): ("paper",)}, noise=0.0)
        runs = runs[runs["stage"] == "final"].reset_index(drop=True)
        sds.append(contrast_table(StudyFrames(runs, runs, {}, ()))["binomial_sd"].to_numpy())
    np.testing.assert_allclose(sds[1], 2 * sds[0])
    assert np.isnan(sds[2]).all()


def test_a_criterion_that_chooses_its_sparsity_meets_controls_of_the_same_seed(
    stacked: tuple[PruningStudy, dict[str, Any]],
) -> None:
    study = stacked[0]
    cell = "LeNet on CIFAR-10, the paper's rate, cut short"
    own = pick(study.tables["contrasts"], cell=cell, method="causal-published-1e-14")
    own = own[own["against"] != "dense"].set_index("against")
    assert list(own.index) == [
        f"{what} at causal-published-1e-14" for what in ("random", "magnitude")
    ]
    assert own["estimate"].to_numpy() == pytest.approx([-0.03, -0.05], abs=0.002)
    assert set(own["sparsity"]) == {0.92}
    assert set(own["seeds"]) == {5}
    judged = verdicts(study, "Chooses better than others", "causal-published-1e-14")
    assert judged[cell] == "reversed"
    text = filled("<!-- table: paper -->\n<!-- end -->\n", study)
    assert "(at its layer counts)" in text
    rows = [line.split("|") for line in text.splitlines() if "| ours |" in line]
    places = [[word.strip() for word in row[1:8]] for row in rows]
    shares = [p[2] for p in places if (p[0], p[6]) == (cell, "causal-published-1e-14")]
    assert shares == ["92%"]


def test_a_rule_that_leaves_no_weight_is_told_apart_and_judged_nowhere(tmp_path: Path) -> None:
    write_world(tmp_path, {("LeNet", "CIFAR-10"): ("paper",)})
    rule = "causal-published-1e-14"
    names = {"network": "LeNet", "dataset": "CIFAR-10", "protocol": "paper"}
    emptied = pd.DataFrame(
        {"method": [rule, rule], "seed": [0, 1], "sparsity": [1.0, 0.97], "stage": "final",
         "run_id": ["a", "b"], "test_accuracy": [0.1, 0.5], "validation_accuracy": 0.1}
    )  # fmt: skip
    assert emptied_sentence(read_frames(tmp_path)) == ""
    emptied.assign(**names, target=np.nan).to_parquet(tmp_path / "own.parquet")
    counts = {(0, 1): (10, 30), (0, 2): (0, 4), (0, 3): (0, 0), (1, 1): (20, 30), (1, 2): (10, 10),
              (1, 3): (0, 6)}  # fmt: skip
    rows = [
        (rule, seed, iteration, layer, entries, kept)
        for (seed, iteration), both in counts.items()
        for layer, entries, kept in zip(("a", "b"), (50, 150), both, strict=True)
    ]
    columns = ["method", "seed", "iteration", "layer", "entries", "kept"]
    layers = pd.DataFrame(rows, columns=columns).assign(**names, target=np.nan)
    layers.to_parquet(tmp_path / "layers.parquet")
    study = analyse(read_frames(tmp_path))
    assert list(study.frames.emptied["run_id"]) == ["a"]
    assert rule not in set(study.frames.runs["method"])
    assert f"{rule} in 1 seeds: with their controls" in emptied_sentence(study.frames)
    table = study.tables["own_rule"]
    assert list(table["sparsity"]) == pytest.approx([0.775, 0.94, 0.985])
    assert list(table["highest"]) == pytest.approx([0.8, 0.98, 1.0])
    assert list(table["emptied"]) == [0, 0, 1]
    said = rule_sentence(table)
    assert said in study.sentences
    assert "no weight left in 1 of 2 seeds, in the first of them after iteration 3 of 3" in said
    assert "77.50, 94.00, 98.50" in filled("<!-- table: own-rule -->\n<!-- end -->\n", study)
    assert rule_sentence(table[table["iteration"] < 3]).endswith(
        "94.00% pruned (90.00% to 98.00% over 2 seeds)."
    )


def test_runs_that_tuned_a_rate_are_no_part_of_the_table(
    stacked: tuple[PruningStudy, dict[str, Any]],
) -> None:
    assert set(stacked[0].frames.runs["protocol"]) == {
        "the paper's rate, cut short", "post-training tuned for each method",
    }  # fmt: skip


def test_the_best_rate_is_starred_and_one_that_ends_the_grid_is_told() -> None:
    tried = {"lamp": (0.5, 0.7, 0.6), "magnitude": (0.4, 0.5, 0.6), "random": (0.3, 0.2, 0.1)}
    rows = [
        ("LeNet", "CIFAR-10", "tuning", "final", method, rate, seed, accuracy + gap)
        for method, found in tried.items()
        for rate, accuracy in zip((1e-4, 1e-3, 1e-2), found, strict=True)
        for seed, gap in ((200, 0.01), (201, -0.01))
    ]
    names = ["network", "dataset", "protocol", "stage", "method", "rate", "seed"]
    log = pd.DataFrame(rows, columns=[*names, "validation_accuracy"])
    other = log.assign(protocol="paper", validation_accuracy=1.0)
    log = pd.concat([other, log], ignore_index=True)
    table = rate_table(StudyFrames(log, log, {}, ()))
    chosen = table[table["chosen"]].set_index("method")
    assert chosen["rate"].to_dict() == {"lamp": 1e-3, "magnitude": 1e-2, "random": 1e-4}
    assert chosen["edge"].to_dict() == {"lamp": "", "magnitude": "largest", "random": "smallest"}
    assert set(table["seeds"]) == {2}
    text = markdown_table(forms.rate_form(table))
    assert "| LeNet on CIFAR-10 | lamp | 50.00 | 70.00\\* | 60.00 |" in text
    assert rate_table(StudyFrames(other, other, {}, ())).empty


def test_logged_counts_are_the_agreement_of_the_masks(
    stacked: tuple[PruningStudy, dict[str, Any]],
) -> None:
    study, masks = stacked
    found = study.frames.others["overlap"]
    assert not ((found["first"] == "movement") & (found["second"] == "lamp")).any()
    wanted = compare_masks(masks).to_frame()
    keys = ["first", "first_seed", "second", "second_seed"]
    both = found.merge(wanted, on=keys, suffixes=("", "_wanted"))
    assert len(both) == len(found) == 4 * 5
    for name in ("both_pruned", "expected_both_pruned", "jaccard_kept", "p_value", "z"):
        assert np.allclose(both[name], both[f"{name}_wanted"]), name


def test_what_masks_have_in_common_is_told_beside_chance(
    stacked: tuple[PruningStudy, dict[str, Any]],
) -> None:
    study, masks = stacked
    wanted = compare_masks(masks).to_frame()
    wanted = wanted[wanted["first_seed"] == wanted["second_seed"]]
    means = wanted.groupby(["first", "second"])[["jaccard_kept", "expected_jaccard"]].mean()
    table = study.tables["overlaps"]
    assert set(table["seeds"]) == {5}
    expected = means.loc[list(zip(table["first"], table["second"], strict=True))].to_numpy()
    assert np.allclose(table[["jaccard", "by_chance"]], expected)
    text = filled("<!-- table: overlaps -->\n<!-- end -->\n", study)
    first = table.iloc[0]
    assert f"{first['jaccard']:.3f} ({first['by_chance']:.3f})" in text
    assert f"{first['first']} and {first['second']}" in text


def test_the_page_shows_masks_at_one_sparsity_and_the_tables_have_all(tmp_path: Path) -> None:
    names = {"network": "LeNet", "dataset": "cifar10", "protocol": "paper", "seed": 0}
    runs = pd.DataFrame(
        {"method": ["magnitude", "magnitude", "dense"], "stage": "final", "epoch": 1,
         "sparsity": [0.9, 0.975, 0.0], "target": [0.9, 0.975, 0.0],
         "test_accuracy": [0.6, 0.5, 0.7], "validation_accuracy": [0.6, 0.5, 0.7]}
    ).assign(**names, run_id=["a", "b", "c"])  # fmt: skip
    runs.to_parquet(tmp_path / "runs.parquet")
    kept = {0.9: (13, 7), 0.975: (4, 1)}
    layers = pd.DataFrame(
        [
            ("magnitude", target, layer, entries, count, False, 1)
            for target, both in kept.items()
            for layer, entries, count in zip(("a", "b"), (50, 150), both, strict=True)
        ],
        columns=["method", "target", "layer", "entries", "kept", "collapsed", "iteration"],
    )
    layers.assign(**names).to_parquet(tmp_path / "layers.parquet")
    study = analyse(read_frames(tmp_path))
    table = study.tables["layers"].set_index(["pruned", "layer"])["share"]
    assert table[0.9, "a"] == pytest.approx(0.26)
    assert table[0.975, "all"] == pytest.approx(0.025)
    (section,) = (s for s in study_sections(study) if s.title == "Masks by layer")
    headings = [block.text for block in section.blocks if isinstance(block, Heading)]
    assert headings == ["LeNet on CIFAR-10, the paper's rate, cut short, 97.5%"]
    page = render_study(study, "x").decode()
    assert "8.00 (4)" in page
    assert "26.00 (13)" not in page


def test_stages_that_were_measured_apart_are_shown_a_network(
    stacked: tuple[PruningStudy, dict[str, Any]],
) -> None:
    study = stacked[0]
    costs = stage_costs(study.frames.others["costs"]).set_index("stage")
    assert costs.loc["main: pruning", "seconds_each"] == 4.0
    page = render_study(study, "x").decode()
    for words in ("main: pruning", "What masks have in common", "seconds each"):
        assert words in page


def test_what_runs_cost_is_told_against_training_without_pruning(study: PruningStudy) -> None:
    costs = study.tables["costs"]
    assert set(costs["total"]) == {10.0}
    assert set(costs["times_dense"]) == {1.0}


def test_a_page_of_many_cells_and_criteria_is_small(study: PruningStudy) -> None:
    assert len(render_study(study, "x")) < 500_000


def test_a_page_that_is_not_there_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "report", tmp_path / "none.md"
    monkeypatch.setattr("sys.argv", ["study", "--out", str(out), "--page", str(page)])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert f"{str(page)!r} is no file: give a page" in capsys.readouterr().err
    assert not out.exists()


def test_the_command_writes_a_closed_page_and_every_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_world(folder, {("LeNet", "CIFAR-10"): ("paper",)})
    page, out = tmp_path / "page.md", tmp_path / "report"
    page.write_text("<!-- table: claims -->\n<!-- end -->\n<!-- table: short -->\n<!-- end -->\n")
    words = ["study", "--out", str(out), "--data", str(folder), "--page", str(page)]
    monkeypatch.setattr("sys.argv", words)
    command.main()
    first = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    command.main()
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == first
    document = json.loads((out / "study.json").read_text("utf-8"))
    assert {p.stem for p in (out / "tables").iterdir()} == set(document["tables"])
    html = (out / "index.html").read_bytes()
    assert f"--data {folder}" in html.decode()
    parsed = Page(html.decode())
    assert not {tag for tag, _ in parsed.tags} & {"script", "link", "img", "iframe"}
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    text = " ".join(" ".join(parsed.words).split())
    for claim in document["tables"]["claims"]:
        assert claim["verdict"] == UNASKED or claim["finding"] in text
    assert page.read_text("utf-8").count("\n- ") == len(document["sentences"])


def test_the_screen_is_read_like_the_study_and_holds_what_is_told_of_it() -> None:
    averages = average_table(read_frames(DATA / "screen"))
    following = pick(averages, method="causal-next", question=STRONGEST).iloc[0]
    assert points_of(following) == "−2.34 [−3.51, −1.17]"
    shifted = pick(averages, method="causal-covariance", question=SHIFTED).iloc[0]
    assert points_of(shifted) == "−0.60 [−1.01, −0.19]"


def test_the_docs_page_and_its_picture_are_those_of_the_shipped_runs(
    shipped: PruningStudy,
) -> None:
    text = PAGE.read_text("utf-8")
    assert {name for _, name, *_ in MARKED.findall(text)} >= {"claims", "short", "paper"}
    for path, data in command.page_files(shipped, PAGE).items():
        assert path.read_bytes() == data, path.name


def test_a_page_that_asks_for_something_else_is_refused(shipped: PruningStudy) -> None:
    with pytest.raises(DataError, match="asks for \\['nothing'\\]"):
        filled("<!-- table: nothing -->\n<!-- end -->\n", shipped)


def test_the_papers_table_is_whole_and_its_cells_without_runs_are_named(
    shipped: PruningStudy,
) -> None:
    assert len({(r.network, r.dataset) for r in TABLE_2}) == 9
    there = shipped.frames.runs[["network", "dataset"]].drop_duplicates()
    assert f"{len(there)} of 9 cells" in " ".join(shipped.sentences)
    text = PAGE.read_text("utf-8")
    assert "65.13%, 68.72%" in text
    assert "AlexNet on Tiny-ImageNet" in text
