"""Tables of a report as CSV: the numbers behind them, one to a cell."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence

from causalhyper.figures.text import as_text
from causalhyper.report.tables import Cell, ReportTable

_FORMULA = ("=", "+", "-", "@")
"""What a cell of text begins with that a spreadsheet would compute."""


def csv_table(table: ReportTable) -> str:
    r"""The table as CSV, without its caption and notes.

    Parameters
    ----------
    table : ReportTable

    Returns
    -------
    str
        Numbers as they are behind the table, not as it rounds them; an interval is two columns,
        its lower and its upper end. No two columns have one name. Text that a spreadsheet would
        take for a formula has an apostrophe before it.

    Examples
    --------
    >>> rows = ((Cell("B", ()), Cell("0.12", (0.1234,)), Cell("0.1 to 0.2", (0.1, 0.2))),)
    >>> print(csv_table(ReportTable("", ("node", "effect", "95% interval"), rows)), end="")
    node,effect,95% interval lower,95% interval upper
    B,0.1234,0.1,0.2
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    double = [any(len(row[i].numbers) == 2 for row in table.rows) for i in table.positions]
    writer.writerow(_heads(table, double))
    for row in table.rows:
        writer.writerow([text for cell, two in zip(row, double, strict=True)
                         for text in _texts(cell, two)])  # fmt: skip
    return target.getvalue()


def _heads(table: ReportTable, double: Sequence[bool]) -> list[str]:
    """Names that tell columns apart: one that comes again is named after the head before it."""
    heads = [_plain(as_text(head)) for head in table.columns]
    count, anchor, named = Counter(heads), "", []
    for head in heads:
        if count[head] == 1:
            anchor = head
        named.append(f"{anchor}: {head}" if count[head] > 1 and anchor else head)
    ends = [
        name
        for head, two in zip(named, double, strict=True)
        for name in ((f"{head} lower", f"{head} upper") if two else (head,))
    ]
    return list(_apart(ends))


def _apart(names: Sequence[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        number, free = 1, name
        while free in seen:
            number += 1
            free = f"{name} ({number})"
        seen.add(free)
        yield free


def _texts(cell: Cell, double: bool) -> tuple[str, ...]:
    """What stands in the one or two columns of a cell."""
    if not cell.numbers:
        text = _plain(as_text(cell.text))
        return (text, "") if double else (text,)
    numbers = tuple(map(_number, cell.numbers))
    return numbers if len(numbers) > 1 or not double else (*numbers, "")


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value)).removesuffix(".0")


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
