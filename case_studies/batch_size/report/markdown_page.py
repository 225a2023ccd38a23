"""The tables of the verdict page, docs/batch-size-study.md, between markers."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from case_studies.batch_size.report import part_forms as parts
from case_studies.batch_size.report import table_forms as forms
from case_studies.batch_size.report.judgement import WIDEST, Claim, pick, points
from case_studies.batch_size.runs import NAMES, SHORT
from causalhyper.errors import DataError
from causalhyper.report import ReportTable, ShownColumn, frame_table, markdown_table

MARKED = re.compile(r"(<!-- table: ([\w-]+) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def page_path(text: str) -> Path:
    """Return the path of a page that is there, as a type of an argument.

    Parameters
    ----------
    text : str
        As typed.

    Returns
    -------
    Path

    Raises
    ------
    argparse.ArgumentTypeError
        If no such file is there: the page says itself what it asks for.
    """
    path = Path(text)
    if not path.is_file():
        raise ArgumentTypeError(f"{text!r} is no file: give a page that has markers to fill")
    return path


def fill_page(text: str, tables: Mapping[str, str]) -> str:
    r"""Write tables between the markers of a Markdown page.

    Parameters
    ----------
    text : str
        A table stands between a line ``<!-- table: NAME -->`` and a line ``<!-- end -->``.
    tables : mapping of str to str
        Markdown by name.

    Returns
    -------
    str

    Examples
    --------
    >>> fill_page("<!-- table: a -->\nold\n<!-- end -->\n", {"a": "| new |\n"}).split("\n")[1]
    '| new |'
    """
    return MARKED.sub(lambda m: f"{m[1]}{tables[m[2]]}{m[4]}", text)


def page_table(name: str, tables: Mapping[str, pd.DataFrame], claims: Sequence[Claim]) -> str:
    """One table of the page, in Markdown.

    Parameters
    ----------
    name : str
        One of `TABLES`.
    tables : mapping of str to DataFrame
        Of `make_tables`; those that the table is made of are enough.
    claims : sequence of Claim

    Returns
    -------
    str
    """
    if name == "claims":
        return markdown_table(forms.claim_table(claims))
    return markdown_table(TABLES[name](tables))


def page_tables(
    text: str, tables: Mapping[str, pd.DataFrame], claims: Sequence[Claim]
) -> dict[str, str]:
    """Every table that a page asks for, by name."""
    names = [name for _, name, *_ in MARKED.findall(text)]
    if unknown := set(names) - {"claims", *TABLES}:
        raise DataError(f"the page asks for {sorted(unknown)}; there are {['claims', *TABLES]}")
    return {name: page_table(name, tables, claims) for name in names}


def by_protocol(main: pd.DataFrame, *, poster: bool = True) -> ReportTable:
    """The poster's gain beside ours: a row a data set, a column a protocol."""
    rows = []
    for dataset in NAMES:
        part = main[main["dataset"] == dataset]
        if part.empty:
            continue
        row = {"data set": part["unit"].iloc[0]}
        if poster:
            row["poster"] = _gain(part["poster_gain"].iloc[0])
        rows.append(row | _effects(part))
    return _table(rows)


def cells_by_protocol(cells: pd.DataFrame) -> ReportTable:
    """16 less 512 in points: a row a cell, a column a protocol; "*": adjusted p at most .05."""
    rows = [
        {"cell": unit} | _effects(cells[cells["unit"] == unit]) for unit in cells["unit"].unique()
    ]
    return _table(rows)


def short_pooled(frame: pd.DataFrame) -> ReportTable:
    """Pooled contrasts with what the page has room for."""
    shown = [
        *(forms.CONTRAST, forms.DESIGN, ShownColumn("over", ("over",), kind="text")),
        *(ShownColumn("cells", ("cells",), 0), *forms.EFFECT),
        ShownColumn("in a new cell", ("new_lower", "new_upper"), scale=100, signed=True),
        ShownColumn(
            "data sets as clusters", ("cluster_lower", "cluster_upper"), 2, 100, signed=True
        ),
    ]
    if frame["contrast"].nunique() == 1:
        shown = shown[1:]
    if frame["over"].nunique() == 1:
        shown = [s for s in shown if s.head != "over"]
    return frame_table(forms.in_words(frame), "", shown)


def _effects(part: pd.DataFrame) -> dict[str, str]:
    """Each protocol's effect as text; "*" where the adjusted p-value is at most .05."""
    return {
        SHORT[r.design]: points(r.estimate, r.lower, r.upper)
        + "*" * (r.adjusted_p_value <= forms.ALPHA)
        for r in part.itertuples()
    }


def _gain(gain: float) -> str:
    return "" if gain != gain else f"{100 * gain:+.1f}"


def _table(rows: list[dict[str, str]]) -> ReportTable:
    frame = pd.DataFrame(rows)
    shown = [ShownColumn(name, (name,), kind="text") for name in frame.columns]
    return frame_table(frame, "", shown)


def _everywhere(frame: pd.DataFrame) -> ReportTable:
    return short_pooled(pick(frame, over="all cells"))


TABLES: dict[str, Callable[[Mapping[str, pd.DataFrame]], ReportTable]] = {
    "accuracy": lambda t: by_protocol(t["main"]),
    "precision": lambda t: by_protocol(t["main_precision"], poster=False),
    "cells": lambda t: cells_by_protocol(t["cells"]),
    "pooled": lambda t: short_pooled(pick(t["pooled"], contrast=WIDEST)),
    "protocols": lambda t: _everywhere(t["protocols_pooled"]),
    "noise": lambda t: _everywhere(t["noise_pooled"]),
    "sam": lambda t: _everywhere(t["sam_pooled"]),
    "label-noise": lambda t: _everywhere(t["label_noise_pooled"]),
    "measures": lambda t: forms.measure_form(t["measures_pooled"]),
    "rejections": lambda t: forms.rejection_form(t["rejections"]),
    "rates": lambda t: forms.rate_form(t["rates"]),
    "reached": lambda t: forms.reached_form(t["reached"]),
    "dominance": lambda t: parts.dominance_form(t["dominance_pooled"]),
    "ablations": lambda t: parts.ablation_form(t["poster"]),
    "method-regret": lambda t: parts.method_form(t["method_pooled"], "regret"),
    "method-gain": lambda t: parts.method_form(t["method_pooled"], "hypergraph less this"),
    "method-cost": lambda t: parts.method_form(t["method_pooled"], "runs' cost"),
}
"""Tables of the page, made of those of the study and of its parts."""
