import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from causalhyper import LINEAR, Analysis, analyze, fit, identify
from causalhyper.report import (
    Provenance,
    Study,
    document_bytes,
    estimates_document,
    render_report,
)
from causalhyper.report.page import SourceText, render_parts
from causalhyper.report.parts import Answer, ReportPart, part_of

PROVENANCE = Provenance("causalhyper analyze", "runs.csv", "0" * 64, (("python", "3.12.1"),))
HOSTILE = "<script>alert('x')</script>&\"$y_1$"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements, ids, references and text of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.stack, f"not closed: {self.stack}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def whole_page(analysis: Analysis, runs: pd.DataFrame) -> str:
    studies = [Study(analysis, runs), Study(analysis, runs)]
    return render_report(studies, PROVENANCE, title="A report").decode()


def test_every_tag_closes_and_every_id_is_unique(whole_page: str) -> None:
    ids = [attrs["id"] for _, attrs in Page(whole_page).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_anchor_resolves_inside_the_page(whole_page: str) -> None:
    page = Page(whole_page)
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    links = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
    assert links
    assert {link.removeprefix("#") for link in links} <= ids


def test_the_page_has_no_script_and_asks_no_network(whole_page: str) -> None:
    for tag, attrs in Page(whole_page).tags:
        assert tag not in {"script", "link", "img", "iframe", "object"}
        for name in ("src", "href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#")
    assert "url(http" not in whole_page
    assert "@import" not in whole_page


def test_the_page_is_small(whole_page: str) -> None:
    assert len(whole_page.encode()) < 500_000


def test_the_numbers_shown_are_those_of_the_json(whole_page: str, analysis: Analysis) -> None:
    document = json.loads(document_bytes(estimates_document(analysis, PROVENANCE)))
    known = {
        record[key]
        for record in document["estimates"]
        for key in ("estimate", "lower", "upper", "value")
    }
    known |= {e.estimate for a in analysis.ablations for e in a.before}
    known |= {analysis.model.r_squared(v) for v in analysis.model.mechanisms}
    whole_page = re.sub(
        r"<caption>(Runs and clusters|Missing values) by.*?</table>", "", whole_page, flags=re.S
    )
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', whole_page)
    assert len(shown) > 100
    for exact, text in shown:
        assert float(exact) in known
        decimals = len(text.partition(".")[2])
        assert float(text.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            float(exact), abs=0.5001 * 10**-decimals
        )


def test_every_effect_of_the_json_at_the_asked_values_is_shown(
    whole_page: str, analysis: Analysis
) -> None:
    shown = {float(x) for x in re.findall(r'<data value="([^"]+)">', whole_page)}
    assert {e.estimate for e in analysis.estimates} <= shown


def test_the_page_says_protocol_verdict_and_tautologies(
    whole_page: str, analysis: Analysis
) -> None:
    text = " ".join(Page(whole_page).words)
    assert analysis.model.protocol in text
    assert analysis.curve.verdict in text
    assert "the effect vanishes by construction" in text
    assert "no unmeasured common cause" in text


def test_equal_inputs_give_equal_bytes(analysis: Analysis, runs: pd.DataFrame) -> None:
    first, second = (render_report([Study(analysis, runs)], PROVENANCE) for _ in range(2))
    assert first == second


def test_hostile_labels_from_the_data_come_out_as_text(runs: pd.DataFrame) -> None:
    bad = HOSTILE.replace("(", "[").replace(")", "]").replace("=", "")
    frame = runs.rename(columns={"sharpness": bad}).assign(dataset=HOSTILE)
    roles = {"B": "log2(batch_size)", "S": bad, "G": "test_accuracy"}
    model = fit(
        "B -> S; S -> G",
        frame,
        roles,
        protocol=HOSTILE,
        cluster="seed",
        context="dataset",
        mechanisms=LINEAR,
    )
    result = analyze(model, "B", "G", at=[16], baseline=512, draws=100)
    provenance = Provenance(HOSTILE, HOSTILE, "0" * 64, ())
    page = Page(render_report([Study(result, frame)], provenance, title=HOSTILE).decode())
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE in "".join(page.words)
    assert bad in "".join(page.words)


def test_missing_values_outside_the_analysis_are_counted(
    analysis: Analysis, runs: pd.DataFrame
) -> None:
    frame = runs.assign(note=[None] * 5 + ["x"] * (len(runs) - 5))
    words = Page(render_report([Study(analysis, frame)], PROVENANCE).decode()).words
    told = [word.strip() for word in words if word.strip()]
    i = told.index("not analysed")
    assert told[i + 1 : i + 4] == ["note", str(len(runs) - 5), "5"]


def test_a_graph_without_mediators_gives_a_report(runs: pd.DataFrame) -> None:
    roles = {"B": "log2(batch_size)", "G": "test_accuracy"}
    model = fit("B -> G", runs, roles, protocol="equal epochs", cluster="seed")
    result = analyze(model, "B", "G", at=[16, 64], baseline=512, draws=100)
    text = render_report([Study(result, runs)], PROVENANCE).decode()
    assert "no node between treatment and outcome" in text


def titles(page: bytes, level: int) -> list[str]:
    """Titles of the sections at a level, without their numbers."""
    found = re.findall(rf'<h{level} id="section[^"]*">[\d.]+\. ([^<]*)</h{level}>', page.decode())
    return [html.unescape(title) for title in found]


def part(analysis: Analysis, runs: pd.DataFrame, *results: object) -> ReportPart:
    answers = tuple(Answer(f"Query {i}", found) for i, found in enumerate(results, start=1))
    return replace(part_of(analysis, runs), answers=answers)


def test_sections_stand_in_the_order_in_which_a_reader_asks(
    analysis: Analysis, runs: pd.DataFrame
) -> None:
    page = render_report([Study(analysis, runs)], PROVENANCE)
    assert titles(page, 2) == [
        "At a glance",
        "Identification of the effect of B on G",
        "equal updates",
        "Methods",
        "How to reproduce",
    ]
    assert titles(page, 3) == [
        "Question and verdict",
        "Hypergraph",
        "Data",
        "Effect curve",
        "Mediation",
        "Ablations",
        "Tests",
        "Mechanisms",
        "Assumptions",
    ]


def test_answers_stand_in_the_order_of_the_queries(analysis: Analysis, runs: pd.DataFrame) -> None:
    asked = [analysis.ablations[0], analysis.curve, analysis.mediation[1]]
    page = render_parts([part(analysis, runs, *asked)], PROVENANCE)
    assert titles(page, 3)[3:6] == [
        f"Ablation: {asked[0].operation}",
        "Effect of batch_size on test_accuracy",
        "Mediation through S",
    ]
    words = " ".join(Page(page.decode()).words)
    assert words.index("Query 1.") < words.index("Query 2.") < words.index("Query 3.")


def test_what_was_not_asked_has_no_section(analysis: Analysis, runs: pd.DataFrame) -> None:
    page = render_parts([part(analysis, runs, analysis.ablations[0])], PROVENANCE)
    assert {"Tests", "Mediation", "Effect curve", "Sensitivity"} & {*titles(page, 3)} == set()
    assert analysis.curve.verdict not in " ".join(Page(page.decode()).words)
    assert b"overidentification" not in page
    assert b'<th scope="col">H0</th>' not in page


def test_what_is_asked_of_the_hypergraph_alone_is_answered_once(
    analysis: Analysis, runs: pd.DataFrame
) -> None:
    found = identify(analysis.model.graph, "B", "G", mediators="S")
    one = part(analysis, runs, analysis.curve, found)
    page = render_parts([one, replace(one, name="again")], PROVENANCE)
    every = titles(page, 2) + titles(page, 3)
    assert [t for t in every if "Identification" in t] == [
        "Identification of the effect of B on G through S"
    ]
    assert every.count("Effect of batch_size on test_accuracy") == 2


def test_a_page_that_would_be_too_large_leaves_out_details_first_and_says_so(
    analysis: Analysis, runs: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = [Study(analysis, runs)]
    whole = render_report(studies, PROVENANCE).decode()
    assert "is left out" not in whole
    monkeypatch.setattr("causalhyper.report.page.LARGEST", len(whole.encode()) - 1)
    shorter = render_report(studies, PROVENANCE).decode()
    assert "Details are left out" in shorter
    assert shorter.count("<svg") == whole.count("<svg")
    monkeypatch.setattr("causalhyper.report.page.LARGEST", 1)
    shortest = render_report(studies, PROVENANCE).decode()
    assert "The picture is left out" in shortest
    assert "<svg" not in shortest
    assert analysis.curve.verdict in " ".join(Page(shortest).words)


def test_a_source_is_shown_in_full_and_escaped(analysis: Analysis, runs: pd.DataFrame) -> None:
    source = SourceText("study.toml", "f" * 64, f'title = "{HOSTILE}"\n')
    page = Page(render_parts([part_of(analysis, runs)], PROVENANCE, source=source).decode())
    assert source.text in page.words
    assert "f" * 64 in page.words
    assert "Seed of everything random: 3." in page.words
