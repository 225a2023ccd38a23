"""Tables in LaTeX: nothing in a text is read as a command, and every table fits its page."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper import Analysis
from causalhyper.report import (
    Cell,
    ReportTable,
    Study,
    latex_table,
    latex_text,
    record_provenance,
    report_tables,
    whole_table,
)
from tests.report.tex import body, compiles, environments, printed

HOSTILE = r"""\end{tabular} \input{/etc/passwd} $x_1$ & # % ~ ^ { } | <b> "q" `c` [2em] * -- '' """
SIGNS = "−β²₂×→≤±"


def one(text: str) -> ReportTable:
    return ReportTable(text, (text, "n"), ((Cell(text), Cell("1", (1.0,))),), (text,))


@given(st.text(st.sampled_from([chr(i) for i in range(33, 127)] + list(SIGNS)), max_size=40))
def test_every_sign_comes_back_from_what_tex_prints(text: str) -> None:
    assert printed(latex_text(text)) == text


@given(st.text(max_size=30))
def test_any_text_becomes_printable_ascii_with_balanced_braces(text: str) -> None:
    written = latex_text(text)
    assert written.isascii()
    assert written.isprintable()
    bare = re.sub(r"\\[{}]", "", written)
    assert bare.count("{") == bare.count("}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("naïve Čech Ångström", r"na\"{i}ve \v{C}ech \r{A}ngstr\"{o}m"),
        ("straße", r"stra\ss{}e"),
        ("日", r"\texttt{U+65E5}\allowbreak{}"),
        ("a\nb\x00", r"a b\texttt{U+FFFD}\allowbreak{}"),
        ("½ ﬁ", "1/2 fi"),
        ("a\N{NO-BREAK SPACE}b", "a~b"),
        ("a -- b '' c", "a -{}- b '{}' c"),
    ],
)
def test_accents_and_foreign_signs_have_a_form_that_every_engine_prints(
    text: str, expected: str
) -> None:
    assert latex_text(text) == expected


def test_a_long_word_may_be_broken_and_loses_nothing() -> None:
    written = latex_text("a" * 64)
    assert written.count(r"\allowbreak{}") == 5
    assert printed(written) == "a" * 64


def test_a_hostile_text_stays_text_wherever_it_stands() -> None:
    source = latex_table(one(HOSTILE))
    assert environments(source) == ["table", "tabular", "minipage"]
    head, row = body(source)
    assert row == [HOSTILE.strip(), "1"]
    assert head[0].replace(" ", "") == HOSTILE.replace(" ", "")
    caption = re.search(r"\\caption\{(.*)\}\n", source)
    assert caption is not None
    assert printed(caption[1]) == HOSTILE.strip()
    assert re.search(r"\\label\{tab:[a-z0-9-]+\}", source)


def test_columns_of_numbers_stand_on_the_right_and_words_on_the_left() -> None:
    rows = ((Cell("a"), Cell("1", (1.0,)), Cell("0 to 1", (0.0, 1.0))),)
    source = latex_table(ReportTable("t", ("x", "y", "z"), (*rows, tuple([Cell("")] * 3))))
    assert r"\begin{tabular}{@{}lrr@{}}" in source


def test_a_table_without_a_caption_has_no_label_and_one_without_rows_is_whole() -> None:
    source = latex_table(ReportTable("", ("a", "b"), ()))
    assert "label" not in source
    assert body(source) == [["a", "b"]]


def test_the_label_can_be_chosen() -> None:
    assert r"\label{tab:my-table}" in latex_table(one("x"), label="My table")


def test_a_table_that_no_page_holds_is_long_and_repeats_its_head() -> None:
    frame = pd.DataFrame({"layer": [f"layer {i}" for i in range(90)], "kept": np.arange(90)})
    source = latex_table(whole_table(frame, "Layers"))
    assert environments(source) == ["longtable"]
    assert len(body(source)) == 91


def test_a_table_that_is_wider_than_the_page_is_turned() -> None:
    frame = pd.DataFrame(np.full((2, 9), 0.123456), columns=[f"measure {i}" for i in range(9)])
    rows = whole_table(frame.assign(why="some words that say why this row is as it is"), "Wide")
    assert environments(latex_table(rows)) == ["sidewaystable", "tabular"]
    assert environments(latex_table(one("short"))) == ["table", "tabular", "minipage"]


def test_every_table_of_a_report_says_what_the_page_says_and_compiles(
    analysis: Analysis, runs: pd.DataFrame, tmp_path: Path
) -> None:
    tables = [
        table
        for _, table in report_tables([Study(analysis, runs)], record_provenance("c", "d", "e"))
    ]
    frame = pd.DataFrame(np.full((3, 20), 0.5), columns=[f"measure {i}" for i in range(20)])
    tables += [one(HOSTILE), whole_table(frame, "Very wide"), one("日本語 🎉 " * 9)]
    tables += [whole_table(pd.DataFrame({"layer": ["conv.weight"] * 90}), "Long")]
    sources = [latex_table(table) for table in tables]
    for table, source in zip(tables[:-3], sources, strict=False):
        rows = [[" ".join(cell.text.split()) for cell in row] for row in table.rows]
        assert body(source)[1:] == rows
    compiles(sources, tmp_path)
