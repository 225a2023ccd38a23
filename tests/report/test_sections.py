"""Pages of sections and tables of frames: escaped, closed, equal for equal inputs."""

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.report import (
    Bullets,
    Cell,
    Code,
    Fold,
    Heading,
    PageSection,
    Picture,
    Prose,
    ReportTable,
    ShownColumn,
    frame_table,
    markdown_table,
    render_sections,
    reproduce_section,
    whole_table,
)
from tests.report.test_page import HOSTILE, Page

FRAME = pd.DataFrame(
    {
        "cell": ["Cora", "Amazon"],
        "estimate": [0.01234567, -0.00001],
        "lower": [0.001, np.nan],
        "upper": [0.02, np.nan],
        "p": [0.0004, 0.2],
    }
)
SHOWN = [
    ShownColumn("cell", ("cell",), kind="text"),
    ShownColumn("effect", ("estimate",), 2, 100, signed=True),
    ShownColumn("interval", ("lower", "upper"), 1, 100, signed=True),
    ShownColumn("p", ("p",), 3, kind="p"),
]


def texts(table: ReportTable) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def every_block(word: str) -> tuple[PageSection, ...]:
    table = ReportTable(word, (word,), ((Cell(word),),))
    fold = Fold(word, (Prose(word), table, Fold(word, (Code(word),))))
    blocks = (Prose(word, verdict=True), Heading(word), Bullets((word,)), Code(word), table, fold)
    return (PageSection(word, blocks), PageSection(word, ()))


def test_every_label_is_escaped_wherever_it_stands() -> None:
    page = render_sections(HOSTILE, every_block(HOSTILE)).decode()
    assert "<script" not in page
    parsed = Page(page)
    assert parsed.words.count(HOSTILE) >= 12


def test_a_page_is_closed_and_its_contents_lead_to_sections() -> None:
    page = Page(render_sections("Study", every_block("word")).decode())
    links = [a["href"] for tag, a in page.tags if tag == "a"]
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert links == ["#content", "#section1", "#section2"]
    assert {link[1:] for link in links if link} <= set(ids)


def test_a_picture_stands_as_it_is() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><title>x</title></svg>'
    page = render_sections("Study", [PageSection("a", (Picture(svg, "<b>"),))]).decode()
    assert svg in page
    assert "&lt;b&gt;" in page


def test_equal_sections_give_equal_bytes() -> None:
    assert render_sections("t", every_block("w")) == render_sections("t", every_block("w"))


def test_something_that_is_no_block_is_refused() -> None:
    section = PageSection("a", ("text",))  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="cannot show a str"):
        render_sections("t", [section])


def test_how_to_reproduce_names_command_files_and_versions() -> None:
    section = reproduce_section("python -m x", [("runs.parquet", "ab" * 32)])
    page = render_sections("t", [section]).decode()
    for word in ("python -m x", "runs.parquet", "ab" * 32, "numpy", np.__version__):
        assert word in page


def test_numbers_are_scaled_signed_and_rounded_and_what_is_missing_is_empty() -> None:
    assert texts(frame_table(FRAME, "c", SHOWN)) == [
        ["Cora", "+1.23", "+0.1 to +2.0", "< 0.001"],
        ["Amazon", "0.00", "", "0.200"],
    ]


def test_a_cell_keeps_its_numbers_to_six_figures_in_the_unit_that_is_shown() -> None:
    row = frame_table(FRAME, "c", SHOWN).rows[0]
    assert row[1].numbers == (1.23457,)
    assert row[2].numbers == (0.1, 2.0)
    assert row[2].parts == (("+0.1", 0.1), ("+2.0", 2.0))


def test_negative_numbers_have_a_true_minus_and_large_ones_commas() -> None:
    frame = pd.DataFrame({"x": [-1234.5]})
    assert texts(frame_table(frame, "", [ShownColumn("x", ("x",), 1)])) == [["−1,234.5"]]


def test_a_whole_frame_is_shown_under_its_own_names() -> None:
    frame = pd.DataFrame({"n_runs": [12345], "x": [1.23456e-7], "why": [None]})
    table = whole_table(frame, "all")
    assert table.columns == ("n runs", "x", "why")
    assert texts(table) == [["12,345", "1.23e−07", ""]]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="no column 'nothing'"):
        frame_table(FRAME, "c", [ShownColumn("x", ("nothing",))])


@pytest.mark.parametrize("wrong", [{"kind": "money"}, {"columns": ()}, {"columns": ("a",) * 3}])
def test_a_column_that_cannot_be_shown_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="expected"):
        ShownColumn(**({"head": "x", "columns": ("a",)} | wrong))  # type: ignore[arg-type]


def test_markdown_escapes_what_it_would_read_as_its_own() -> None:
    table = ReportTable("", ("a", "b"), ((Cell("x|y *z* <b>"), Cell("1", (1.0,))),))
    assert markdown_table(table) == ("| a | b |\n|---|---:|\n| x\\|y \\*z\\* &lt;b> | 1 |\n")
