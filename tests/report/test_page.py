import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from causalhyper import LINEAR, Analysis, analyze, fit
from causalhyper.report import (
    Provenance,
    Study,
    document_bytes,
    estimates_document,
    render_report,
)

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
def html(analysis: Analysis, runs: pd.DataFrame) -> str:
    studies = [Study(analysis, runs), Study(analysis, runs)]
    return render_report(studies, PROVENANCE, title="A report").decode()


def test_every_tag_closes_and_every_id_is_unique(html: str) -> None:
    ids = [attrs["id"] for _, attrs in Page(html).tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_every_anchor_resolves_inside_the_page(html: str) -> None:
    page = Page(html)
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    links = [attrs["href"] or "" for tag, attrs in page.tags if tag == "a"]
    assert links
    assert {link.removeprefix("#") for link in links} <= ids


def test_the_page_has_no_script_and_asks_no_network(html: str) -> None:
    for tag, attrs in Page(html).tags:
        assert tag not in {"script", "link", "img", "iframe", "object"}
        for name in ("src", "href", "xlink:href"):
            assert (attrs.get(name) or "#").startswith("#")
    assert "url(http" not in html
    assert "@import" not in html


def test_the_page_is_small(html: str) -> None:
    assert len(html.encode()) < 500_000


def test_the_numbers_shown_are_those_of_the_json(html: str, analysis: Analysis) -> None:
    document = json.loads(document_bytes(estimates_document(analysis, PROVENANCE)))
    known = {
        record[key]
        for record in document["estimates"]
        for key in ("estimate", "lower", "upper", "value")
    }
    known |= {e.estimate for a in analysis.ablations for e in a.before}
    known |= {analysis.model.r_squared(v) for v in analysis.model.mechanisms}
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', html)
    assert len(shown) > 100
    for exact, text in shown:
        assert float(exact) in known
        decimals = len(text.partition(".")[2])
        assert float(text.replace("\N{MINUS SIGN}", "-")) == pytest.approx(
            float(exact), abs=0.5001 * 10**-decimals
        )


def test_every_effect_of_the_json_at_the_asked_values_is_shown(
    html: str, analysis: Analysis
) -> None:
    shown = {float(x) for x in re.findall(r'<data value="([^"]+)">', html)}
    assert {e.estimate for e in analysis.estimates} <= shown


def test_the_page_says_protocol_verdict_and_tautologies(html: str, analysis: Analysis) -> None:
    text = " ".join(Page(html).words)
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
    text = " ".join(Page(render_report([Study(analysis, frame)], PROVENANCE).decode()).words)
    assert "note: 5" in text


def test_a_graph_without_mediators_gives_a_report(runs: pd.DataFrame) -> None:
    roles = {"B": "log2(batch_size)", "G": "test_accuracy"}
    model = fit("B -> G", runs, roles, protocol="equal epochs", cluster="seed")
    result = analyze(model, "B", "G", at=[16, 64], baseline=512, draws=100)
    text = render_report([Study(result, runs)], PROVENANCE).decode()
    assert "no node between treatment and outcome" in text
