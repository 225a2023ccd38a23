"""Sections of results: the numbers of their frames, verdicts first, tests as test, H0, reading."""

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import causalhyper as ch
from causalhyper.errors import ConfigurationError
from causalhyper.queries import Counterfactual, Policy, Refit, WildContrasts
from causalhyper.queries.robustness import Robustness
from causalhyper.report import PageSection, Prose, ReportTable, render_sections
from causalhyper.report.blocks import Block, Fold
from causalhyper.report.result_sections import SECTIONS, result_section, verdict_of
from causalhyper.report.result_sections import tests_section as section_of_tests
from causalhyper.results import Estimate, HypothesisTest
from causalhyper.study.verbs import VERBS
from tests.report.test_page import HOSTILE, Page
from tests.repository.samples import RESULTS

NAMES = sorted(kind.__name__ for kind in SECTIONS)


@cache
def result(name: str) -> Any:
    return RESULTS[name]()


def blocks_of(section: PageSection) -> Iterator[Block]:
    def inside(blocks: Sequence[Block]) -> Iterator[Block]:
        for block in blocks:
            yield block
            if isinstance(block, Fold):
                yield from inside(block.blocks)

    yield from inside(section.blocks)
    for inner in section.sections:
        yield from blocks_of(inner)


def tables_of(section: PageSection) -> list[ReportTable]:
    return [block for block in blocks_of(section) if isinstance(block, ReportTable)]


def numbers_of(section: PageSection) -> set[float]:
    cells = [cell for t in tables_of(section) for row in t.rows for cell in row]
    return {float(f"{number:.6g}") for cell in cells for number in cell.numbers}


def figures_of(frames: Sequence[pd.DataFrame]) -> set[float]:
    """All finite numbers of some frames, to six figures."""
    found = set()
    for frame in frames:
        for value in frame.select_dtypes("number").to_numpy(dtype=float).ravel():
            if math.isfinite(value):
                found.add(float(f"{value:.6g}"))
    return found


def frames_of(name: str) -> list[pd.DataFrame]:
    """What the numbers of a section may come from."""
    found = result(name)
    frames = [found.to_frame()]
    if isinstance(found, Policy):
        frames.append(found.table())
    if isinstance(found, Counterfactual):
        frames.append(found.by_run())
    if isinstance(found, Refit):
        frames.append(found.fit_frame().astype(dict.fromkeys(("log_likelihood", "aic"), float)))
    if isinstance(found, Robustness):
        frames += [found.e_values.to_frame(), found.partial_r2.sensitivity_frame()]  # type: ignore[union-attr]
        frames += [found.partial_r2.benchmark_frame(), found.correlated_errors.roots_frame()]  # type: ignore[union-attr]
        influence = found.leave_out.influence_frame()
        frames += [influence, 100 * influence[["same_sign", "excludes_zero"]]]
    if name in ("Ablation", "Analysis"):
        ablations = (found,) if name == "Ablation" else found.ablations
        frames += [pd.DataFrame({"before": [e.estimate for a in ablations for e in a.before]})]
    if name == "Falsification":
        known = [f for _, f in found.conditions]
        frames.append(
            pd.DataFrame({"e": [f.estimate for f in known], "p": [f.p_value for f in known]})
        )
    return frames


def test_each_result_that_a_study_file_can_ask_for_has_a_section() -> None:
    asked = {inspect.signature(verb.ask).return_annotation for verb in VERBS.values()}
    assert asked == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_section_stands_in_a_frame_of_its_result(name: str) -> None:
    section = result_section(result(name))
    shown = numbers_of(section)
    assert shown or name == "Identification"
    assert shown <= figures_of(frames_of(name)) | {0.0}


@pytest.mark.parametrize(
    "name",
    ["Ablation", "Analysis", "EffectCurve", "Intervention", "Mediation", "PathEffects", "Shares"],
)
def test_no_estimate_of_a_result_is_missing_from_its_section(name: str) -> None:
    frame = result(name).to_frame()
    assert figures_of([frame[["estimate"]]]) <= numbers_of(result_section(result(name)))


@pytest.mark.parametrize("name", NAMES)
def test_a_section_begins_with_its_verdict_in_the_words_of_the_result(name: str) -> None:
    found = result(name)
    text = verdict_of(found)
    assert text.endswith((".", "]"))
    own = getattr(found.curve if name == "Analysis" else found, "verdict", None)
    if own is not None:
        assert own.rstrip(".").lower() in text.lower()
    if name != "Analysis":
        first = result_section(found).blocks[0]
        assert first == Prose(text, verdict=True)


@pytest.mark.parametrize(
    "name",
    ["Ablation", "EffectCurve", "Mediation", "PathEffects", "Refit", "Shares", "WildContrasts"],
)
def test_a_verdict_of_an_effect_has_an_interval(name: str) -> None:
    assert "95% interval" in verdict_of(result(name)) or "[" in verdict_of(result(name))


@pytest.mark.parametrize("name", NAMES)
def test_a_section_renders_closed_with_unique_ids_and_the_same_bytes_again(name: str) -> None:
    section = result_section(result(name))
    page = render_sections("t", [section, section])
    assert page == render_sections("t", [section, section])
    ids = [attrs["id"] for _, attrs in Page(page.decode()).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def estimate(value: float, number: float, half: float) -> Estimate:
    return Estimate(
        query="wild_contrasts.design",
        treatment="B",
        value=value,
        baseline=512.0,
        estimand="e",
        estimate=number,
        se=0.01,
        lower=number - half,
        upper=number + half,
        level=0.9,
        method="m",
        n=8,
        clusters=4,
        assumptions=(),
        seed=1,
    )


def planted_test(p: float | None, name: str = "t") -> HypothesisTest:
    return HypothesisTest(
        name, "H0 words", None if p is None else 2.5, p, "a reference", 0.05, "It differs.",
        "It is kept.", "" if p is not None else "It has no runs.",
    )  # fmt: skip


def test_known_contrasts_are_shown_as_they_are() -> None:
    contrasts = (estimate(16.0, 0.1234567, 0.02), estimate(256.0, -0.05, 0.06))
    found = WildContrasts("p", contrasts, (planted_test(0.004), planted_test(0.3, "u")), "G")
    section = result_section(found)
    assert verdict_of(found) == (
        "16 instead of 512: +0.123 (90% interval +0.103 to +0.143) (p = 0.004). It differs."
    )
    (table,) = tables_of(section)
    assert table.columns == ("value", "against", "contrast", "90% interval", "t", "p")
    assert [cell.text for cell in table.rows[0]] == [
        "16", "512", "+0.123", "+0.103 to +0.143", "+2.50", "0.004",
    ]  # fmt: skip
    assert table.rows[1][2].numbers == (-0.05,)


def test_tests_are_told_as_test_h0_reading_and_verdict() -> None:
    tests = (planted_test(0.0004, "a"), planted_test(0.3, "b"), planted_test(None, "c"))
    found = WildContrasts("p", tuple(estimate(v, 0.1, 0.1) for v in (1.0, 2.0, 4.0)), tests)
    section = section_of_tests([found, found])
    assert section is not None
    (table,) = tables_of(section)
    assert table.columns == ("test", "H0", "reading", "verdict")
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["a", "H0 words", "It differs. Statistic 2.5. Reference: a reference.",
         "H0 rejected (p < 0.001)"],
        ["b", "H0 words", "It is kept. Statistic 2.5. Reference: a reference.",
         "H0 kept (p = 0.3)"],
        ["c", "H0 words", "It has no runs.", "does not apply"],
    ]  # fmt: skip
    (said, _) = section.blocks
    assert isinstance(said, Prose)
    assert said.text.startswith("1 of 2 null hypotheses are rejected; 1 do not apply.")


def test_every_falsification_test_of_every_result_is_in_the_table_once() -> None:
    names = ["EffectCurve", "IndependenceChecks", "Falsification", "RandomisationTests", "Policy"]
    results = [result(name) for name in (*names, "WildContrasts", "EffectCurve")]
    section = section_of_tests(results)
    assert section is not None
    tests = [
        results[0].test, *results[1].tests, *results[2].tests, results[3].omnibus,
        *results[3].tests, results[4].test, *results[5].tests,
    ]  # fmt: skip
    rows = [(row[0].text, row[1].text) for row in tables_of(section)[0].rows]
    assert rows == [(t.name, t.null) for t in dict.fromkeys(tests)]


def test_results_without_tests_give_no_section_of_tests() -> None:
    assert section_of_tests([result("Shares"), result("Identification")]) is None


def test_an_identification_shows_estimand_every_step_and_every_strategy() -> None:
    found = ch.identify("B -> N; N -> S; {N, S} -> C; C -> G", "B", "G", mediators="S")
    page = render_sections("t", [result_section(found)]).decode()
    text = " ".join(Page(page).words)
    assert "Σ_{c, n, s} P(g | c) P(c | n, s) P(s | n) P(n | b)" in text
    assert all(step in text for step in found.derivation)
    (table,) = tables_of(result_section(found))
    assert [row[0].text for row in table.rows] == [s.name for s in found.strategies]
    natural = next(row for row in table.rows if row[0].text == "natural")
    assert [cell.text for cell in natural[2:]] == ["not identified", "recanting witness N"]


def test_what_forbids_identification_is_said_first() -> None:
    found = ch.identify("N -> G; N <-> G", "N", "G")
    assert verdict_of(found).startswith("The effect of N on G is not identified, because latent")


def test_hostile_runs_and_columns_come_out_as_text() -> None:
    found = result("Counterfactual")
    ids = tuple(f"{HOSTILE}{i}" for i in range(len(found.run_ids)))
    labels = {HOSTILE: ids}
    bad = replace(found, run_ids=ids, labels=labels, outcome=HOSTILE, setting=HOSTILE)
    page = render_sections("t", [result_section(bad)]).decode()
    assert "<script" not in page
    assert sum(HOSTILE in word for word in Page(page).words) > 5


def test_a_result_without_a_section_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="no section shows a ndarray; there are sections"):
        result_section(np.zeros(2))
