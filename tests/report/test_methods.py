"""Methods of a page: exactly those that were used, each with works that are in the list."""

from typing import Any

import pytest

import causalhyper as ch
from causalhyper.queries.experiments.uncertainty import INTERVALS
from causalhyper.report.method_texts import METHODS
from causalhyper.report.methods import methods_of, methods_section
from causalhyper.report.references import REFERENCES
from causalhyper.report.sections import render_sections
from tests.report.test_page import Page
from tests.repository.samples import BASE, PAIR, RESULTS, model

KINDS = {
    "t": {"jackknife", "bootstrap", "joint"},
    "jackknife": {"jackknife", "bootstrap", "joint"},
    "bootstrap": {"bootstrap", "joint"},
    "percentile": {"bootstrap", "percentile", "joint"},
    "basic": {"bootstrap", "basic", "joint"},
    "bca": {"bootstrap", "bca", "joint"},
    "studentized": {"bootstrap", "studentized", "jackknife", "joint"},
}
OWN: dict[str, set[str]] = {
    "Ablation": {"graph", "ablate", "jackknife"},
    "Counterfactual": {"counterfactual", "bootstrap", "joint"},
    "Falsification": {"falsify", "partial_correlation"},
    "Identification": {"identify", "sets", "identify_paths"},
    "IndependenceChecks": {"partial_correlation", "bh"},
    "Intervention": {"do", "bootstrap", "joint"},
    "PathEffects": {"graph", "paths", "coupling", "jackknife"},
    "Policy": {"policy", "bootstrap"},
    "Power": {"power"},
    "RandomisationTests": {"randomisation"},
    "Refit": {"graph", "refit", "jackknife"},
    "Shares": {"graph", "shapley", "jackknife"},
    "WildContrasts": {"wild"},
}


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_result_names_its_methods_and_no_others(name: str) -> None:
    assert set(methods_of([], [RESULTS[name]()])) == OWN[name]


@pytest.mark.parametrize("kind", INTERVALS)
def test_the_kind_of_interval_is_named(kind: str) -> None:
    curve = ch.effect_curve(model(), **PAIR, **BASE, interval=kind)
    assert set(methods_of([], [curve])) == {"design", "adjusted", "graph", "gap"} | KINDS[kind]


def test_a_mediation_without_a_witness_says_nothing_of_couplings() -> None:
    asked: dict[str, Any] = PAIR | BASE
    with_witness = methods_of([], [ch.mediate(model(), mediators="S", **asked)])
    without = methods_of([], [ch.mediate(model(), mediators="N", **asked)])
    assert set(with_witness) - set(without) == {"coupling"}


def test_mechanisms_are_named_by_their_forms() -> None:
    assert methods_of([model()], []) == ("additive",)


def test_every_work_of_the_list_is_cited_and_every_citation_is_in_the_list() -> None:
    cited = {source for method in METHODS.values() for source in method.sources}
    assert cited == set(REFERENCES)


def test_the_list_of_works_has_those_of_the_methods_shown_alone() -> None:
    page = render_sections("t", [methods_section([model()], [RESULTS["Shares"]()])]).decode()
    text = " ".join(Page(page).words)
    assert "Shapley 1953. A value for n-person games" in text
    assert "Eulig" not in text
    shown = {key for key in REFERENCES if f"{key}. " in text}
    used = methods_of([model()], [RESULTS["Shares"]()])
    assert shown == {source for name in used for source in METHODS[name].sources}
