"""What a notebook shows is escaped, short, readable on any background, and never raises."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.notebook import Shown
from causalhyper.notebook.shown import LIMIT
from causalhyper.notebook.table import ROWS, cell_text, write_table

ATTACK = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\x00\ud800\u202e</td>'
TAGS = {"div", "p", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td", "details"}
TAGS |= {"summary", "ul", "li", "pre"}


class Reader(HTMLParser):
    """Tags, attributes and texts of a page; it must close what it opens."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[tuple[str, str | None]] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= set(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@dataclass(frozen=True)
class Result(Shown):
    frame: pd.DataFrame
    words: str = "said\nmore"
    assumptions: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        return self.frame

    def summary(self) -> str:
        return self.words


texts = st.one_of(
    st.text(st.characters(), max_size=60),
    st.sampled_from([ATTACK, "</table>", "<!--", "]]>", "&lt;", "'\"", "javascript:alert(1)"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=1, max_size=12), texts, texts, texts)
def test_no_text_can_add_a_tag_or_an_attribute(
    names: list[str], value: str, words: str, assumption: str
) -> None:
    columns = pd.Index(names, dtype=object)  # which holds lone surrogates, unlike text
    frame = pd.DataFrame([[value] * len(names)] * 3, columns=columns, dtype=object)
    page = Result(frame, words, (assumption, assumption))._repr_html_()
    read = Reader(page)
    assert set(read.tags) <= TAGS
    assert read.attributes <= {("scope", "col")}
    assert not read.open
    page.encode("utf-8")  # no lone surrogate is left


def test_a_hostile_name_is_shown_as_it_reads() -> None:
    read = Reader(Result(pd.DataFrame({"<b>x</b>": ["1 < 2 & 3"]}))._repr_html_())
    assert "<b>x</b>" in read.texts
    assert "1 < 2 & 3" in read.texts


def test_the_largest_repr_stays_below_its_limit() -> None:
    hostile = "\U0001f600&" * 3000
    frame = pd.DataFrame([[f"{i}{hostile}"] * 30 for i in range(500)], columns=[hostile] * 30)
    many = tuple(f"{i}{hostile}" for i in range(200))

    class Long(Result):
        missing = doubts = notes = left_out = many

    page = Long(frame, f"{hostile}\n{hostile}", many)._repr_html_()
    assert "<table>" in page
    assert len(page.encode()) < LIMIT


def test_a_table_says_how_much_it_leaves_out() -> None:
    page = write_table(pd.DataFrame(np.arange(600).reshape(50, 12)))
    assert f"the first {ROWS} of 50 rows; 2 columns left out (to_frame() has all)" in page
    assert page.count("<tr>") == ROWS + 1


def test_a_wide_table_names_what_is_the_same_in_every_row_once() -> None:
    frame = pd.DataFrame({f"c{i}": [0, 1, 2] for i in range(8)} | {"level": 0.95})
    page = write_table(frame)
    assert "in every row: level 0.95" in page
    assert '<th scope="col">level</th>' not in page
    narrow = write_table(frame[["c0", "level"]])
    assert '<th scope="col">level</th>' in narrow


def test_every_column_has_a_scope_and_every_table_a_caption() -> None:
    page = Result(pd.DataFrame({"a": [1], "b": [2]}))._repr_html_()
    assert page.count('<th scope="col">') == page.count("<th") - page.count("<thead") == 2
    assert "<table><caption>" in page


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame({"a": pd.Categorical(["x", None, "y"])}),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [pd.NaT, pd.Timestamp(0)]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"], index=["x"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({"a": [np.array([1, 2]), {"b": 1}, 1j]}),
    ],
    ids=["nothing", "no rows", "categories", "nullable", "twice", "two levels", "objects"],
)
def test_any_frame_can_be_shown(frame: pd.DataFrame) -> None:
    page = Result(frame)._repr_html_()
    assert "cannot be shown" not in page
    assert not Reader(page).open


def test_a_fault_is_named_in_place_of_a_repr() -> None:
    class Broken(Shown):
        def to_frame(self) -> pd.DataFrame:
            raise ValueError("<no> frame")

    page = Broken()._repr_html_()
    assert Reader(page).texts == ["Broken", ": cannot be shown (ValueError: <no> frame)"]


def test_a_picture_that_is_too_large_is_left_out() -> None:
    class Drawn(Result):
        def _picture(self) -> str:
            return f"<svg>{'x' * 10 * len(self.words)}</svg>"

    frame = pd.DataFrame({"a": [1]})
    assert "<svg>" in Drawn(frame, "short")._repr_html_()
    assert "<svg>" not in Drawn(frame, "x" * 6000)._repr_html_()


def test_numbers_have_four_figures_and_absent_ones_none() -> None:
    values = [1234567.0, -0.000123456, np.float32(0.5), np.int64(3), np.nan, None, pd.NA, np.True_]
    shown = ["1.235e+06", "-0.0001235", "0.5", "3", "", "", "", "yes"]
    assert [cell_text(v) for v in values] == shown


def test_a_repr_names_no_colour() -> None:
    page = Result(pd.DataFrame({"a": [1]}), assumptions=("one",))._repr_html_()
    assert not re.search(r"style=|color|background|#[0-9a-f]{3}", page)
