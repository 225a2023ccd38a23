"""Sections of prunings say what their results say, and nothing that the numbers do not show."""

import re
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import DataError
from causalhyper.granger.masks import Masks, compare_masks
from causalhyper.granger.pruning import layer_report, paired_differences, phase_shift
from causalhyper.report import Fold, PageSection, Prose, ReportTable, render_sections
from causalhyper.report.pruning import (
    NullTest,
    differences_section,
    flatness_section,
    layers_section,
    overlap_section,
    significance_section,
    strips_section,
    transition_section,
)
from causalhyper.report.pruning.tested import fold_tests
from tests.report.test_page import HOSTILE, Page
from tests.repository.samples import RESULTS, prunings


@cache
def made(name: str) -> Any:
    return RESULTS[name]()


def tables(section: PageSection) -> list[ReportTable]:
    found = []
    for block in section.blocks:
        inner = block.blocks if isinstance(block, Fold) else (block,)
        found += [b for b in inner if isinstance(b, ReportTable)]
    return found


def verdict(section: PageSection) -> str:
    first = section.blocks[0]
    assert isinstance(first, Prose)
    assert first.verdict
    return first.text


def cells(table: ReportTable) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def two_methods(gap: float, seeds: int = 5) -> pd.DataFrame:
    noise = np.random.default_rng(0).normal(scale=0.002, size=(2, seeds))
    return pd.concat(
        pd.DataFrame(
            {"method": name, "seed": range(seeds), "sparsity": 0.95, "test_accuracy": 0.7 + own}
        )
        for name, own in (("causal", gap + noise[0]), ("magnitude", noise[1]))
    )


@pytest.mark.parametrize(
    ("gap", "word"), [(0.05, "causal is above"), (-0.05, "causal is below"), (0.0, "No method")]
)
def test_the_verdict_of_differences_follows_the_joint_interval(gap: float, word: str) -> None:
    assert word in verdict(
        differences_section(paired_differences(two_methods(gap), baseline="magnitude"))
    )


def test_differences_of_accuracies_are_in_points_and_agree_with_the_result() -> None:
    found = paired_differences(prunings(), baseline="magnitude")
    shown, tests = tables(differences_section(found))
    for row, e in zip(shown.rows, found.estimates, strict=True):
        assert row[2].numbers[0] == pytest.approx(100 * e.estimate, rel=1e-5)
        assert row[3].numbers == pytest.approx((100 * e.lower, 100 * e.upper), rel=1e-5)
    assert tests.columns == ("test", "H0", "reading", "verdict")
    assert len(tests.rows) == len(found.estimates)


def test_a_rejection_that_flips_cannot_reach_says_that_it_rests_on_normal_differences() -> None:
    few = paired_differences(two_methods(0.05, seeds=4), baseline="magnitude")
    assert "rests on normal" in cells(tables(differences_section(few))[1])[0][3]
    many = paired_differences(two_methods(0.05, seeds=8), baseline="magnitude")
    assert cells(tables(differences_section(many))[1])[0][3] == "H0 rejected: above"


def test_a_phase_shift_names_the_later_fall_and_shows_points_and_widths() -> None:
    found = phase_shift(prunings(), baseline="magnitude")
    section = transition_section(found)
    assert "causal falls later than magnitude" in verdict(section)
    widths = tables(section)[0]
    point = found.table[(found.table["quantity"] == "point") & (found.table["against"] == "")]
    assert [row[1].numbers[0] for row in widths.rows] == pytest.approx(
        100 * point["estimate"].to_numpy(), rel=1e-5
    )


def test_a_fall_that_is_not_identified_is_said_and_not_drawn() -> None:
    section = transition_section(phase_shift(two_methods(0.0)))
    assert verdict(section).startswith("No fall is identified")
    assert not any(type(block).__name__ == "Picture" for block in section.blocks)


def layer_rows(method: str, kept: tuple[int, int], seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {"method": method, "seed": seed, "layer": ["conv", "fc"], "entries": [100, 900],
         "kept": kept, "collapsed": [False, kept[1] < 5]}
    )  # fmt: skip


def test_layers_are_means_over_seeds_of_the_last_iteration() -> None:
    parts = [
        layer_rows("a", (50, 400)).assign(iteration=1),
        layer_rows("a", (20, 80)).assign(iteration=2),
        layer_rows("a", (40, 100), seed=1).assign(iteration=2),
        layer_rows("b", (99, 1)).assign(iteration=1),
    ]
    section = layers_section(pd.concat(parts))
    assert cells(tables(section)[0]) == [
        ["conv", "100", "30.00 (30)", "99.00 (99)"],
        ["fc", "900", "10.00 (90)", "0.11 (1) collapsed"],
        ["all", "1,000", "12.00 (120)", "10.00 (100)"],
    ]
    assert "Collapsed: fc of b in 100% of seeds" in verdict(section)


def test_a_layer_report_is_a_frame_of_layers() -> None:
    report = layer_report(Masks({"fc": np.eye(10) > 0}))
    section = layers_section(report.to_frame().assign(method="causal"))
    assert cells(tables(section)[0])[0] == ["fc", "100", "10.00 (10)"]


def test_layers_of_two_networks_at_once_are_refused() -> None:
    with pytest.raises(DataError, match="one row a method, seed and layer"):
        layers_section(pd.concat([layer_rows("a", (1, 9))] * 2))
    with pytest.raises(DataError, match="missing: entries, kept"):
        layers_section(pd.DataFrame({"method": ["a"], "layer": ["fc"]}))


def test_overlap_is_judged_against_independent_masks_of_the_same_layer_counts() -> None:
    rng = np.random.default_rng(0)
    own = rng.random((60, 50)) < 0.1
    near = np.where(rng.random(own.shape) < 0.2, rng.random(own.shape) < 0.1, own)
    other = rng.random((60, 50)) < 0.1
    masks = {"a": Masks({"fc": own}), "near": Masks({"fc": near}), "other": Masks({"fc": other})}
    section = overlap_section(compare_masks(masks).to_frame())
    assert "a and near" in verdict(section)
    said = {row[1].split(":")[0]: row[3] for row in cells(tables(section)[1])}
    assert said["a and near, same seed"].startswith("H0 rejected: more alike")
    assert said["a and other, same seed"] == "H0 kept"


def test_significance_shows_the_table_of_layers_with_its_columns() -> None:
    found = made("Diagnosis")
    section = significance_section(found)
    heads = "layer group n kept lambda|R2 out|statistic p q|selection frequency|null expectation"
    wanted = [w for part in heads.split("|") for w in _columns(part)]
    assert list(tables(section)[0].columns) == wanted
    assert all(found[layer.layer].layer in verdict(section) for layer in found.layers)


def _columns(part: str) -> list[str]:
    whole = {"R2 out", "selection frequency", "null expectation"}
    return [part] if part in whole else part.split()


def test_strips_compare_all_else_equal() -> None:
    found = made("HyperparameterStrips")
    section = strips_section(found)
    assert "N_iter = 4 than at 1" in verdict(section)
    tests = tables(section)[1]
    assert len(tests.rows) == int(found.table["difference"].notna().sum())


def flat_rows(method: str, top: float, loss: float, caution: str = "") -> pd.DataFrame:
    rows = [("eigenvalue", "full", 1, top), ("training_loss", "network", 0, loss)]
    frame = pd.DataFrame(rows, columns=["quantity", "space", "rank", "value"])
    return frame.assign(method=method, caution=caution)


def test_a_flat_network_that_fits_worse_is_not_called_better() -> None:
    section = flatness_section(pd.concat([flat_rows("a", 9, 0.1), flat_rows("b", 3, 0.7)]))
    assert "flattest b" in verdict(section)
    assert "at a training loss of 0.7 against 0.1 of a" in verdict(section)
    collapsed = [flat_rows("a", 9, 0.1), flat_rows("b", 3, 2.3, "near chance")]
    assert "caution (near chance)" in verdict(flatness_section(pd.concat(collapsed)))


def every_section(name: str) -> list[PageSection]:
    runs = prunings().replace({"method": {"causal": name}})
    layers = pd.concat([layer_rows(name, (20, 80)), layer_rows("b", (99, 80))])
    grid = np.array([-1.0, 0.0, 1.0])
    alpha, beta = (a.ravel() for a in np.meshgrid(grid, grid))
    surface = pd.DataFrame({"alpha": alpha, "beta": beta, "loss": alpha**2 + beta**2})
    surface = surface.assign(log_loss=np.log1p(surface["loss"]), method=name)
    masks = {name: Masks({"fc": np.eye(9) > 0}), "b": Masks({"fc": np.eye(9) > 0})}
    return [
        differences_section(paired_differences(runs, baseline="magnitude")),
        transition_section(phase_shift(runs, baseline="magnitude")),
        layers_section(layers),
        overlap_section(compare_masks(masks).to_frame()),
        significance_section(made("Diagnosis")),
        strips_section(made("HyperparameterStrips")),
        flatness_section(flat_rows(name, 9, 0.1), surfaces=surface),
    ]


def test_of_many_tests_those_that_reject_are_shown() -> None:
    kept = [NullTest("t", f"null {i}", "", "H0 kept") for i in range(40)]
    fold = fold_tests([*kept, NullTest("t", "last", "", "H0 rejected: above")])
    (table,) = fold.blocks
    assert isinstance(table, ReportTable)
    assert "30 of 41" in fold.summary
    assert table.rows[0][1].text == "last"
    assert table.rows[1][1].text == "null 0"


def test_a_page_of_all_sections_is_closed_small_escaped_and_always_the_same() -> None:
    page, again = (render_sections("Prunings", every_section(HOSTILE)) for _ in range(2))
    assert page == again
    assert len(page) < 500_000
    parsed = Page(page.decode())
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not {tag for tag, _ in parsed.tags} & {"script", "link", "img", "iframe", "object"}
    assert not re.search(r"url\(http|@import|<script", page.decode())
    assert page.count(b"<svg") == 7
