"""The words of a DOT text, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from causalhyper.errors import GraphError

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*.*?\*/|(?m:^[ \t]*\#[^\n]*))
    |(?P<arrow><->|<-|->|--)
    |(?P<quoted>"(?:[^"\\]|\\.)*")
    |(?P<number>-?(?:\.\d+|\d+(?:\.\d*)?)(?![\w.]))
    |(?P<word>[^\W\d][\w.]*)
    |(?P<html><)
    |(?P<sign>[{}\[\];,=:+])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a DOT text.

    Attributes
    ----------
    kind : str
        "arrow", "word", "quoted", "number", "html", "sign", or "end" behind the last one.
    text : str
        As meant: a quoted text without its quotes and escapes.
    line, column : int
        Where it stands, from 1.
    """

    kind: str
    text: str
    line: int
    column: int

    @property
    def is_id(self) -> bool:
        """Whether it can name something."""
        return self.kind in ("word", "quoted", "number", "html")

    def refuse(self, reason: str) -> NoReturn:
        """Raise a GraphError that quotes the word and its place."""
        found = "the end of the text" if self.kind == "end" else repr(self.text)
        where = f"line {self.line}, column {self.column}"
        raise GraphError(f"cannot read the DOT text at {found} ({where}): {reason}")


def read_tokens(text: str) -> list[Token]:
    """Cut a DOT text into words, without blanks and comments.

    Parameters
    ----------
    text : str
        The text. A name may hold ``.`` without quotes, as a hypergraph's names may.

    Returns
    -------
    list of Token
        In order; the last has the kind "end".

    Raises
    ------
    GraphError
        If a sign has no meaning, or a quote, comment or ``<`` is not closed.

    Examples
    --------
    >>> [token.text for token in read_tokens('B -> "a b"; // a comment')]
    ['B', '->', 'a b', ';', '']
    """
    if not isinstance(text, str):
        raise GraphError(f"expected a DOT text such as 'digraph {{ B -> N }}'; got {text!r}")
    tokens = []
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        kind = str(found.lastgroup) if found else "none"
        end = found.end() if found else place
        if kind == "html":
            end = _html_end(text, place)
        if end == place:
            _token("sign", text, place, place + 1).refuse(_fault(text, place))
        if kind != "blank":
            tokens.append(_token(kind, text, place, end))
        place = end
    tokens.append(_token("end", text, place, place))
    return tokens


def _token(kind: str, text: str, start: int, end: int) -> Token:
    """Return the word between two places, as meant."""
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    meant = text[start:end]
    if kind == "quoted":
        meant = re.sub(r"\\\r?\n", "", meant[1:-1]).replace('\\"', '"')
    return Token(kind, meant, line, column)


def _html_end(text: str, start: int) -> int:
    """Return where a text in angle brackets ends; its start where it never does."""
    depth = 0
    for place in range(start, len(text)):
        depth += {"<": 1, ">": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return start


def _fault(text: str, place: int) -> str:
    """Say why no word starts at a place."""
    unclosed = {'"': "the quote", "/*": "the comment", "<": "the angle bracket"}
    for sign, what in unclosed.items():
        if text.startswith(sign, place):
            return f"{what} is not closed"
    if text[place].isdigit() or text[place] == "-":
        return "a name that starts with a digit needs quotes"
    return "the sign has no meaning in DOT; put names with such signs in quotes"
