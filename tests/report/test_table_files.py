"""One description of a table in four formats: the same numbers, nothing read as anything else."""

import csv
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper import Analysis
from causalhyper.errors import ConfigurationError
from causalhyper.report import (
    Cell,
    Fold,
    PageSection,
    Prose,
    ReportTable,
    Study,
    csv_table,
    html_table,
    markdown_table,
    record_provenance,
    render_report,
    report_tables,
    section_tables,
    table_files,
)
from tests.report.tex import body

PROVENANCE = record_provenance("causalhyper analyze", "runs.csv", "0")
HOSTILE = '=cmd|"x"!A1, <b>&\n|*_`'


class Cells(HTMLParser):
    """Texts and exact numbers of the cells of a page's tables."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.numbers: list[list[float]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self.texts.append("")
            self.numbers.append([])
        if tag == "data":
            self.numbers[-1].append(float(dict(attrs)["value"] or "nan"))

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data.strip("\n")


def read_html(table: ReportTable) -> Cells:
    found = Cells()
    found.feed(html_table(table).split("<thead>")[1].split("</table>")[0])
    return found


def read_markdown(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [re.split(r" \| ", line[2:-2]) for line in [lines[0], *lines[2:]]]
    return [[re.sub(r"\\(.)", r"\1", c).replace("&lt;", "<").replace("&amp;", "&") for c in r]
            for r in rows]  # fmt: skip


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


@pytest.fixture(scope="module")
def tables(analysis: Analysis, runs: pd.DataFrame) -> list[tuple[str, ReportTable]]:
    return list(report_tables([Study(analysis, runs)], PROVENANCE))


def test_every_table_has_the_same_words_in_html_markdown_and_latex_and_csv_has_its_numbers(
    tables: list[tuple[str, ReportTable]],
) -> None:
    assert len(tables) > 8
    for _, table in tables:
        width = len(table.columns)
        shown = read_html(table)
        words = [[" ".join(cell.text.split()) for cell in row] for row in table.rows]
        assert [shown.texts[i : i + width] for i in range(width, len(shown.texts), width)] == words
        assert read_markdown(markdown_table(table))[1:] == words
        numbers = [x for row in shown.numbers for x in row]
        found = read_csv(csv_table(table))
        plain = {len(row) for row in found}
        assert len(plain) == 1
        assert len(set(found[0])) == len(found[0])
        read = [float(x) for row in found[1:] for x in row if is_number(x)]
        assert [x for x in read if x in numbers] == numbers


def is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def test_the_files_hold_every_table_of_the_page_in_three_formats(
    analysis: Analysis, runs: pd.DataFrame, tables: list[tuple[str, ReportTable]], tmp_path: Path
) -> None:
    files = table_files(tables, tmp_path)
    assert len(files) == 3 * len(tables)
    assert files == table_files(report_tables([Study(analysis, runs)], PROVENANCE), tmp_path)
    page = render_report([Study(analysis, runs)], PROVENANCE).decode()
    captions = re.findall(r"<caption>(.*?)</caption>", page)
    assert sorted(captions) == sorted(table.caption for _, table in tables)
    for (_, table), (path, text) in zip(
        tables, [i for i in files.items() if i[0].suffix == ".tex"], strict=True
    ):
        assert len(body(text.decode())) == len(table.rows) + 1
        assert f"\\label{{tab:{path.stem[:60].strip('-')}}}" in text.decode()


def test_files_are_named_by_section_and_number_whatever_the_titles_hold() -> None:
    table = ReportTable("../../etc/passwd", ("a",), ())
    tables = [
        ("Data & runs", table),
        ("Data & runs", table),
        ("日本", table),
        ("Data & runs", table),
    ]
    names = [p.as_posix() for p in table_files(tables, "t") if p.suffix == ".csv"]
    assert names == [
        "t/01-data-runs-1-etc-passwd.csv",
        "t/01-data-runs-2-etc-passwd.csv",
        "t/02-table-1-etc-passwd.csv",
        "t/03-data-runs-1-etc-passwd.csv",
    ]


def test_tables_in_folds_are_found_in_the_order_of_the_page() -> None:
    one, two, three = (ReportTable(name, ("a",), ()) for name in ("one", "two", "three"))
    inner = Fold("more", (two, Fold("still more", (three,))))
    sections = [PageSection("A", (Prose("x"), one)), PageSection("B", (inner,))]
    assert section_tables(sections) == (("A", one), ("B", two), ("B", three))


def test_intervals_become_two_columns_and_heads_that_come_again_are_told_apart() -> None:
    row = (Cell("16", (16.0,)), Cell("+1", (1.25,)), Cell("−1 to +2", (-1.0, 2.0)))
    row += (Cell("+3", (3.0,)), Cell("", ()))
    table = ReportTable("", ("B", "design", "95%", "graph", "95%"), (row,))
    assert read_csv(csv_table(table)) == [
        ["B", "design", "design: 95% lower", "design: 95% upper", "graph", "graph: 95%"],
        ["16", "1.25", "-1", "2", "3", ""],
    ]


def test_a_cell_that_a_spreadsheet_would_compute_is_text_and_a_negative_number_is_a_number() -> (
    None
):
    rows = ((Cell(HOSTILE), Cell("−1", (-1.0,))), (Cell("-x"), Cell("@y")))
    found = read_csv(csv_table(ReportTable("", ("+a", "b"), rows)))
    assert found == [["'+a", "b"], ["'" + " ".join(HOSTILE.split()), "-1"], ["'-x", "'@y"]]


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=5))
def test_numbers_are_read_back_as_they_were(values: list[float]) -> None:
    rows = tuple((Cell("r"), Cell("x", (v,))) for v in values)
    read = read_csv(csv_table(ReportTable("", ("a", "b"), rows)))[1:]
    same = [x == float(text or "nan") for x, (_, text) in zip(values, read, strict=True)]
    assert all(s or math.isnan(x) for s, x in zip(same, values, strict=True))
    assert [text == "" for _, text in read] == [math.isnan(x) for x in values]


def test_notes_stand_under_the_table_in_html_markdown_and_latex() -> None:
    table = ReportTable("t", ("a",), ((Cell("x"),),), ("A <note>.",))
    assert html_table(table).rstrip().endswith('<p class="note">A &lt;note&gt;.</p>')
    assert markdown_table(table).endswith("| x |\n\nA &lt;note>.\n")


def test_a_row_of_another_length_than_the_heads_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'t' has 1 cells; expected 2"):
        ReportTable("t", ("a", "b"), ((Cell("x"),),))
