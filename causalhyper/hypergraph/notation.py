"""Reading the papers' notation: ``B -> N; N -> S; {N, S} -> C; C -> G``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from causalhyper.errors import GraphError
from causalhyper.hypergraph.names import hyperedge_fault, name_fault

FORM = "B -> N; {N, S} -> C"
_TOKEN = re.compile(r"(?P<blank>\s+)|(?P<arrow><->|↔|<-|←|->|→)|(?P<sign>[{},])|(?P<name>[\w.]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one piece of a text declares.

    Parameters
    ----------
    tail : tuple of str
        The joint causes as written; empty where the piece only declares a node.
    head : str
        The effect, or the declared node.

    Examples
    --------
    >>> Statement(("N", "S"), "C").head
    'C'
    """

    tail: tuple[str, ...]
    head: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the text between two separators, and where it stands (both from 1)."""

    text: str
    line: int
    column: int

    def refuse(self, reason: str) -> NoReturn:
        where = f"line {self.line}, column {self.column}"
        raise GraphError(f"cannot read {self.text!r} ({where}): {reason}")


def read_statements(text: str) -> list[Statement]:
    """Read the papers' notation.

    Parameters
    ----------
    text : str
        Pieces separated by ``;`` or a line's end, each a hyperedge ``{N, S} -> C``, a chain
        ``B -> N -> S`` or the bare name of an isolated node. ``→`` is an arrow too, and ``#``
        starts a comment.

    Returns
    -------
    list of Statement
        In the order of the text; a chain gives one statement an arrow.

    Raises
    ------
    GraphError
        If a piece cannot be read, or there is none; the message quotes it and its position.

    Examples
    --------
    >>> read_statements("B → N; {N, S} -> C")[1]
    Statement(tail=('N', 'S'), head='C')
    """
    if not isinstance(text, str):
        raise GraphError(f"expected a text such as {FORM!r}; got {type(text).__name__}")
    pieces = _split(text)
    if not pieces:
        raise GraphError(f"the text names no hyperedge and no node; expected such as {FORM!r}")
    return [statement for piece in pieces for statement in _read_piece(piece)]


def _split(text: str) -> list[_Piece]:
    """Cut the text into its pieces, without comments and blanks."""
    pieces = []
    for number, line in enumerate(text.splitlines(), start=1):
        column = 1
        for part in line.partition("#")[0].split(";"):
            if part.strip():
                indent = len(part) - len(part.lstrip())
                pieces.append(_Piece(part.strip(), number, column + indent))
            column += len(part) + 1
    return pieces


def _read_piece(piece: _Piece) -> list[Statement]:
    """Read one piece: a chain of one arrow or more, or the name of a node."""
    sides = _sides(piece)
    if len(sides) == 1:
        return [Statement((), _isolated(piece, sides[0]))]
    tail = _tail(piece, sides[0])
    statements = []
    for side in sides[1:]:
        head = _head(piece, side)
        if fault := hyperedge_fault(tail, head):
            piece.refuse(fault)
        statements.append(Statement(tail, head))
        tail = (head,)
    return statements


def _sides(piece: _Piece) -> list[list[str]]:
    """Return the tokens of a piece, parted at its arrows."""
    sides: list[list[str]] = [[]]
    place = 0
    while place < len(piece.text):
        token = _TOKEN.match(piece.text, place)
        if token is None:
            column = piece.column + place
            piece.refuse(
                f"{piece.text[place]!r} at column {column} has no meaning here; {_like()}"
            )
        place = token.end()
        if token["arrow"]:
            _check_arrow(piece, token["arrow"])
            sides.append([])
        elif not token["blank"]:
            sides[-1].append(token[0])
    return sides


def _check_arrow(piece: _Piece, arrow: str) -> None:
    """Refuse the arrows that are not from a tail to a head."""
    if arrow in ("<->", "↔"):
        piece.refuse(
            "latent common causes cannot be declared here; the hypergraph holds measured nodes, "
            "so name the common cause as a node, or ask for a sensitivity analysis"
        )
    if arrow in ("<-", "←"):
        piece.refuse("arrows go from cause to effect: write the cause first, then ->")


def _tail(piece: _Piece, side: list[str]) -> tuple[str, ...]:
    """Return the causes on the left of the first arrow."""
    names, braced = _names(piece, side, "cause, left of the arrow,")
    if len(names) > 1 and not braced:
        joint = "{" + ", ".join(names) + "}"
        piece.refuse(f"a tail of several causes needs braces: write {joint} -> {_rest(piece)}")
    return names


def _head(piece: _Piece, side: list[str]) -> str:
    """Return the one effect on the right of an arrow."""
    names, _ = _names(piece, side, "effect, right of the arrow,")
    if len(names) > 1:
        piece.refuse("single heads: write one hyperedge a head")
    return names[0]


def _isolated(piece: _Piece, side: list[str]) -> str:
    """Return the name that stands alone in a piece."""
    if len(side) != 1 or name_fault(side[0]):
        fault = name_fault(side[0]) if len(side) == 1 else None
        piece.refuse(fault or f"no arrow; {_like()}")
    return side[0]


def _names(piece: _Piece, side: list[str], what: str) -> tuple[tuple[str, ...], bool]:
    """Return the names of ``a``, ``{a}`` or ``{a, b}``, and whether braces stood round them."""
    if not side:
        piece.refuse(f"the {what} is missing; {_like()}")
    braced = side[0] == "{" and side[-1] == "}"
    inner = side[1:-1] if braced else side
    names, commas = inner[::2], inner[1::2]
    if not inner:
        piece.refuse(f"the braces are empty; {_like()}")
    if "{" in inner or "}" in inner:
        piece.refuse(f"the braces do not match; {_like()}")
    if len(inner) % 2 == 0 or "," in names or any(sign != "," for sign in commas):
        piece.refuse(f"names must be parted by single commas; {_like()}")
    for name in names:
        if fault := name_fault(name):
            piece.refuse(fault)
    return tuple(names), braced


def _rest(piece: _Piece) -> str:
    """Return what follows the first arrow, for a remedy."""
    return re.split("->|→", piece.text, maxsplit=1)[1].strip()


def _like() -> str:
    return f"expected such as {FORM!r}"
