"""Tables of a report from data frames, and the same tables in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.report.tables import Cell, ReportTable

_KINDS = ("number", "p", "general", "text")


@dataclass(frozen=True, slots=True)
class ShownColumn:
    """How one or two columns of a frame become one column of a table.

    Attributes
    ----------
    head : str
        Its heading.
    columns : tuple of str
        One column; or two, the ends of an interval.
    digits : int
        Decimals.
    scale : float
        Numbers are multiplied by it, such as 100 for percentage points.
    signed : bool
        Whether positive numbers have a plus sign.
    kind : {"number", "p", "general", "text"}
        A p-value below its last decimal is shown as "< 0.001"; "general" has `digits` figures
        that count, and an exponent where it is shorter.
    """

    head: str
    columns: tuple[str, ...]
    digits: int = 2
    scale: float = 1.0
    signed: bool = False
    kind: str = "number"

    def __post_init__(self) -> None:
        if self.kind not in _KINDS or not 1 <= len(self.columns) <= 2:
            raise ConfigurationError(
                f"the table column {self.head!r} shows {self.columns} as {self.kind!r}; expected "
                f"one or two columns as one of {', '.join(_KINDS)}"
            )

    def cell(self, values: Sequence[object]) -> Cell:
        """The cell of one row, with its numbers to six figures; empty where one is missing."""
        if self.kind == "text":
            return Cell(" to ".join("" if v is None or v != v else str(v) for v in values))
        numbers = tuple(float(v) * self.scale for v in values)  # type: ignore[arg-type]
        if np.isnan(numbers).any():
            return Cell("")
        kept = tuple(float(f"{v:.6g}") for v in numbers)
        return Cell(" to ".join(self._number(v) for v in numbers), kept)

    def _number(self, value: float) -> str:
        if self.kind == "p" and value < 10.0**-self.digits:
            return f"< {10.0**-self.digits:.{self.digits}f}"
        sign = "+" if self.signed and round(value, self.digits) != 0 else ""
        form = f".{self.digits}g" if self.kind == "general" else f",.{self.digits}f"
        text = f"{value:{sign}{form}}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
        return text.replace("-", "\N{MINUS SIGN}")


def frame_table(frame: pd.DataFrame, caption: str, shown: Sequence[ShownColumn]) -> ReportTable:
    """Show columns of a frame as a table of a report.

    Parameters
    ----------
    frame : DataFrame
        A row a row.
    caption : str
    shown : sequence of ShownColumn
        Columns of the table in order; the first heads its row.

    Returns
    -------
    ReportTable

    Raises
    ------
    ConfigurationError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"cell": ["Cora"], "low": [-0.012], "high": [0.034]})
    >>> shown = [ShownColumn("cell", ("cell",), kind="text")]
    >>> shown += [ShownColumn("interval", ("low", "high"), digits=1, scale=100, signed=True)]
    >>> [cell.text for cell in frame_table(frame, "", shown).rows[0]]
    ['Cora', '−1.2 to +3.4']
    """
    wanted = [name for s in shown for name in s.columns]
    if missing := [name for name in wanted if name not in frame.columns]:
        raise ConfigurationError(
            f"the frame has no column {missing[0]!r} for the table {caption!r}; it has "
            f"{', '.join(map(str, frame.columns))}"
        )
    # column by column: a row of a frame turns integers beside other numbers into floats
    values = {name: frame[name].tolist() for name in wanted}
    rows = tuple(
        tuple(s.cell([values[name][i] for name in s.columns]) for s in shown)
        for i in range(len(frame))
    )
    return ReportTable(caption, tuple(s.head for s in shown), rows)


def whole_table(frame: pd.DataFrame, caption: str) -> ReportTable:
    """Show all columns of a frame under their own names, numbers to three figures.

    Parameters
    ----------
    frame : DataFrame
    caption : str

    Returns
    -------
    ReportTable

    Examples
    --------
    >>> frame = pd.DataFrame({"cell": ["Cora"], "n_runs": [1234], "gap": [0.01234]})
    >>> [cell.text for cell in whole_table(frame, "").rows[0]]
    ['Cora', '1,234', '0.0123']
    """
    shown = []
    for name in frame.columns:
        kind = frame[name].dtype.kind
        if kind in "iu":
            shown.append(ShownColumn(_words(name), (name,), 0))
        else:
            shown.append(
                ShownColumn(_words(name), (name,), 3, kind="general" if kind == "f" else "text")
            )
    return frame_table(frame, caption, shown)


def _words(name: object) -> str:
    return str(name).replace("_", " ")


def markdown_table(table: ReportTable) -> str:
    r"""The table in Markdown, with its notes, without its caption.

    Parameters
    ----------
    table : ReportTable

    Returns
    -------
    str
        Lines that end in a newline each. Signs that Markdown reads as its own are escaped;
        columns of numbers stand on the right.

    Examples
    --------
    >>> print(markdown_table(ReportTable("", ("a|b",), ((Cell("<c>"),),))), end="")
    | a\|b |
    |---|
    | &lt;c> |
    """
    rule = ["---:" if numeric else "---" for numeric in table.numeric]
    lines = [list(map(markdown_text, table.columns)), rule]
    lines += [[markdown_text(cell.text) for cell in row] for row in table.rows]
    heads = [f"| {' | '.join(line)} |" for line in lines]
    heads[1] = f"|{'|'.join(lines[1])}|"
    notes = [f"\n{markdown_text(note)}" for note in table.notes]
    return "\n".join([*heads, *notes]) + "\n"


def markdown_text(text: str) -> str:
    """A text on one line, with the signs escaped that Markdown reads as its own."""
    for sign in "\\|*_`[":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())
