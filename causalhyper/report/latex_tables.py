"""Tables of a report in LaTeX, in the style of booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil

from causalhyper.figures.text import as_text, wrap
from causalhyper.report.latex_text import latex_text
from causalhyper.report.tables import ReportTable

LATEX_PACKAGES = ("array", "booktabs", "longtable", "pdflscape", "rotating")
"""What the preamble of a document with these tables loads."""

_LONGEST = 45
"""Lines of the longest table that must stand on one page."""
_TURNED = 1.55
"""How much longer a line is on a page that is turned, and the page shorter."""
_WRAPPED, _LEAST, _HEAD = 18, 24, 12
"""Characters: of the longest text that is never broken; a broken column has; a head has."""


@dataclass(frozen=True, slots=True)
class _Size:
    """A size of type: characters on a line of 345 pt, and what stands between columns."""

    command: str
    line: float
    gap: float


_SIZES = (
    _Size(r"\small", 72, 2.6),
    _Size(r"\footnotesize\setlength{\tabcolsep}{4pt}", 78, 1.9),
    _Size(r"\scriptsize\setlength{\tabcolsep}{2.5pt}", 90, 1.4),
)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """How a table fits its page: type, columns, heads, turned or shrunk, lines."""

    size: str
    columns: str
    heads: tuple[str, ...]
    turned: bool
    shrunk: bool
    lines: int


def latex_table(table: ReportTable, *, label: str = "") -> str:
    r"""The table in LaTeX, with its caption, a label and its notes.

    Parameters
    ----------
    table : ReportTable
    label : str
        Behind ``tab:``; made from the caption by default. Letters, digits and hyphens are kept.

    Returns
    -------
    str
        A ``table`` with rules of booktabs, or a ``longtable`` where a page cannot hold it. The
        preamble loads `LATEX_PACKAGES`. Columns of numbers stand on the right; columns of long
        text are broken; a wide table has smaller type, and the widest are turned. Every sign is
        escaped.

    Examples
    --------
    >>> from causalhyper.report.tables import Cell
    >>> rows = ((Cell("batch_size"), Cell("−0.5", (-0.5,))),)
    >>> print(latex_table(ReportTable("Effect", ("column", "estimate"), rows)), end="")
    \begin{table}[htbp]
    \centering
    \small
    \caption{Effect}
    \label{tab:effect}
    \begin{tabular}{@{}lr@{}}
    \toprule
    column & estimate \\
    \midrule
    batch\_size & $-$0.5 \\
    \bottomrule
    \end{tabular}
    \end{table}
    """
    fitted = _fit(table)
    name = slug(label or table.caption)
    named = [f"\\caption{{{latex_text(table.caption)}}}", f"\\label{{tab:{name}}}"]
    named = named if table.caption else []
    head = [r"\toprule", " & ".join(fitted.heads) + r" \\", r"\midrule"]
    rows = [" & ".join(latex_text(cell.text) for cell in row) + r" \\" for row in table.rows]
    long = fitted.lines > _LONGEST / (_TURNED if fitted.turned else 1)
    write = _long if long else _floating
    return "\n".join([*write(fitted, named, head, rows, table.notes), ""])


def slug(text: str, most: int = 60) -> str:
    """Name a file or a label after a text.

    Parameters
    ----------
    text : str
    most : int
        Characters at most.

    Returns
    -------
    str
        Small letters, digits and hyphens alone; "table" where nothing is left.

    Examples
    --------
    >>> slug("Effect on G: 16 against 512")
    'effect-on-g-16-against-512'
    """
    return (
        re.sub(r"[^a-z0-9]+", "-", as_text(text).lower()).strip("-")[:most].strip("-") or "table"
    )


def _floating(
    fitted: _Fitted,
    named: Sequence[str],
    head: Sequence[str],
    rows: Sequence[str],
    notes: Sequence[str],
) -> Iterator[str]:
    kind = "sidewaystable" if fitted.turned else "table"
    yield f"\\begin{{{kind}}}" + ("" if fitted.turned else "[htbp]")
    yield from (r"\centering", fitted.size, *named)
    if fitted.shrunk:
        yield r"\resizebox{\linewidth}{!}{%"
    yield f"\\begin{{tabular}}{{{fitted.columns}}}"
    yield from (*head, *rows, r"\bottomrule", r"\end{tabular}" + "}" * fitted.shrunk)
    if notes:
        yield from (r"\par\smallskip", r"\begin{minipage}{\linewidth}\footnotesize\raggedright")
        yield from (f"{latex_text(note)}\\par" for note in notes)
        yield r"\end{minipage}"
    yield f"\\end{{{kind}}}"


def _long(
    fitted: _Fitted,
    named: Sequence[str],
    head: Sequence[str],
    rows: Sequence[str],
    notes: Sequence[str],
) -> Iterator[str]:
    yield from (r"\begin{landscape}" if fitted.turned else r"\begingroup", fitted.size)
    yield f"\\begin{{longtable}}{{{fitted.columns}}}"
    if named:
        yield "".join(named) + r" \\"
    yield from (*head, r"\endfirsthead", *head, r"\endhead", r"\bottomrule", r"\endlastfoot")
    yield from (*rows, r"\end{longtable}")
    if notes:
        text = r"\par ".join(map(latex_text, notes))
        yield f"\\noindent{{\\footnotesize {text}\\par}}"
    yield r"\end{landscape}" if fitted.turned else r"\endgroup"


def _fit(table: ReportTable) -> _Fitted:
    """Choose the largest type in which the table is no wider than its page, upright or turned."""
    cells = [[_length(row[i].text) for row in table.rows] for i in table.positions]
    wide = [max(column, default=0) for column in cells]
    heads = [wrap(as_text(h), max(w, _HEAD), 9) for h, w in zip(table.columns, wide, strict=True)]
    natural = [max([w, *map(_length, h)]) for w, h in zip(wide, heads, strict=True)]
    words = [not numeric for numeric in table.numeric]
    long = [w and n > _WRAPPED for w, n in zip(words, natural, strict=True)]
    for turned, size in product((False, True), _SIZES):
        line = size.line * (_TURNED if turned else 1)
        room = line - size.gap * (len(natural) - 1)
        whole = sum(natural) <= room
        room -= sum(n for n, b in zip(natural, long, strict=True) if not b)
        least = sum(min(n, _LEAST) for n, b in zip(natural, long, strict=True) if b)
        fits = whole or least <= room
        if fits:
            break
    share = _share(room, [0 if whole or not b else n for n, b in zip(natural, long, strict=True)])
    widths = [s / line for s in share]
    lines = sum(
        max([1, *(ceil(n / s) for n, s in zip(row, share, strict=True) if s)])
        for row in zip(*cells, strict=True)
    )
    written = _heads(table.columns, heads, words, widths)
    return _Fitted(size.command, _columns(words, widths), written, turned, not fits, lines)


def _length(text: str) -> int:
    """Signs that are printed; those that stand as their code points take seven."""
    return len(as_text(text)) + 6 * latex_text(text).count(r"\texttt")


def _share(room: float, lengths: Sequence[int]) -> list[float]:
    """Share a line between columns: each the least, and of the rest by the length of its text."""
    least = [min(n, _LEAST) for n in lengths]
    spare = [n - m for n, m in zip(lengths, least, strict=True)]
    rest = max(0.0, min(room - sum(least), sum(spare)))
    return [m + rest * s / max(1, sum(spare)) for m, s in zip(least, spare, strict=True)]


def _columns(words: Sequence[bool], widths: Sequence[float]) -> str:
    kinds = []
    for i, word in enumerate(words):
        if widths[i]:
            kinds.append(f">{{\\raggedright\\arraybackslash}}p{{{widths[i]:.3f}\\linewidth}}")
        else:
            kinds.append("l" if word else "r")
    return f"@{{}}{''.join(kinds)}@{{}}"


def _heads(
    names: Sequence[str],
    lines: Sequence[Sequence[str]],
    words: Sequence[bool],
    widths: Sequence[float],
) -> tuple[str, ...]:
    """Heads in as many lines as they need; a broken column breaks its own."""
    written = []
    for i, name in enumerate(names):
        if len(lines[i]) < 2 or widths[i]:
            written.append(latex_text(name))
        else:
            stacked = r"\\".join(map(latex_text, lines[i]))
            written.append(f"\\shortstack[{'l' if words[i] else 'r'}]{{{stacked}}}")
    return tuple(written)
