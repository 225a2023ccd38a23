"""Reading the papers' notation, ``B -> N; N -> S; {N, S} -> C; C -> G``, and ``N <-> G``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from causalhyper.errors import GraphError
from causalhyper.hypergraph.names import hyperedge_fault, latent_fault, name_fault

FORM = "B -> N; {N, S} -> C"
_LATENT = frozenset({"<->", "↔"})
_TOKEN = re.compile(r"(?P<blank>\s+)|(?P<arrow><->|↔|<-|←|->|→)|(?P<sign>[{},])|(?P<name>[\w.]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """What one piece of a text declares.

    Parameters
    ----------
    tail : tuple of str
        The joint causes as written; empty where the piece only declares a node. Where the
        piece declares a latent common cause, the one node on its left.
    head : str
        The effect, the declared node, or the node on the right of ``<->``.
    latent : bool
        True where an unmeasured common cause of the two is declared, not an effect.

    Examples
    --------
    >>> Statement(("N", "S"), "C").head
    'C'
    """

    tail: tuple[str, ...]
    head: str
    latent: bool = False


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
        ``B -> N -> S``, a latent common cause ``N <-> G`` or the bare name of an isolated node.
        ``→`` and ``↔`` are arrows too, and ``#`` starts a comment.

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
    Statement(tail=('N', 'S'), head='C', latent=False)
    >>> read_statements("N <-> G")
    [Statement(tail=('N',), head='G', latent=True)]
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
    """Read one piece: a chain of one arrow or more, a latent pair, or the name of a node."""
    sides, arrows = _sides(piece)
    if not arrows:
        return [Statement((), _isolated(piece, sides[0]))]
    if _LATENT.intersection(arrows):
        return [_latent_pair(piece, sides, arrows)]
    tail = _tail(piece, sides[0])
    statements = []
    for side in sides[1:]:
        head = _head(piece, side)
        if fault := hyperedge_fault(tail, head):
            piece.refuse(fault)
        statements.append(Statement(tail, head))
        tail = (head,)
    return statements


def _latent_pair(piece: _Piece, sides: list[list[str]], arrows: list[str]) -> Statement:
    """Read ``N <-> G``: two nodes with an unmeasured common cause."""
    if len(arrows) > 1:
        piece.refuse(
            "a latent common cause joins two nodes and stands in a piece of its own: "
            "write A <-> B; B <-> C for a chain, and A -> B; B <-> C beside an effect"
        )
    what = ("node, left of <->,", "node, right of <->,")
    one, other = (
        _names(piece, side, side_of)[0] for side, side_of in zip(sides, what, strict=True)
    )
    if len(one) + len(other) > 2:
        piece.refuse("a latent common cause joins two nodes: write one pair a piece")
    if fault := latent_fault((one[0], other[0])):
        piece.refuse(fault)
    return Statement(one, other[0], latent=True)


def _sides(piece: _Piece) -> tuple[list[list[str]], list[str]]:
    """Return the tokens of a piece, parted at its arrows, and the arrows."""
    sides: list[list[str]] = [[]]
    arrows: list[str] = []
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
            if token["arrow"] in ("<-", "←"):
                piece.refuse("arrows go from cause to effect: write the cause first, then ->")
            arrows.append(token["arrow"])
            sides.append([])
        elif not token["blank"]:
            sides[-1].append(token[0])
    return sides, arrows


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
