"""Kinds of values in a study file: how each is read from TOML, and what it is called."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class KeyKind:
    """How values of one kind are read, and called; of a table, how each of its entries is."""

    words: str
    read: Callable[[object], Any]
    entry: KeyKind | None = None


def _text(value: object) -> str | None:
    return value.strip() if isinstance(value, str) and value.strip() else None


def _texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, str):
        value = [value]
    return _several(value, _text, least=0)


def _number(value: object) -> float | None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if real and math.isfinite(value) else None  # type: ignore[arg-type]


def _numbers(value: object) -> tuple[float, ...] | None:
    if _number(value) is not None:
        value = [value]
    return _several(value, _number, least=1)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _counts(value: object) -> tuple[int, ...] | None:
    return _several([value] if _count(value) is not None else value, _count, least=1)


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _several(value: object, read: Callable[[object], Any], least: int) -> tuple[Any, ...] | None:
    if not isinstance(value, list) or len(value) < least:
        return None
    found = tuple(map(read, value))
    return None if None in found else found


def _pairs(value: object) -> tuple[tuple[str, str], ...] | None:
    found = _several(value, _texts, least=1)
    return found if found and all(len(pair) == 2 for pair in found) else None


def _table_of(entry: KeyKind, example: str) -> KeyKind:
    def read_all(value: object) -> Mapping[str, Any] | None:
        if not isinstance(value, dict) or not value:
            return None
        found = {name: entry.read(inner) for name, inner in value.items()}
        return None if None in found.values() else found

    return KeyKind(f"a table such as {example}", read_all, entry)


def _table(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, dict) else None


def _tables(value: object) -> list[object] | None:
    return value if isinstance(value, list) and value else None


_TEXT = KeyKind("a text that is not empty", _text)
_NUMBER = KeyKind("a number", _number)
_NUMBERS = KeyKind("a list of numbers", _numbers)
KINDS: Mapping[str, KeyKind] = MappingProxyType(
    {
        "text": _TEXT,
        "texts": KeyKind("a text, or a list of texts", _texts),
        "number": _NUMBER,
        "numbers": _NUMBERS,
        "count": KeyKind("a whole number", _count),
        "counts": KeyKind("a whole number, or a list of them", _counts),
        "flag": KeyKind("true or false", _flag),
        "pairs": KeyKind('a list of pairs, such as [["N", "G"]]', _pairs),
        "values": _table_of(_NUMBER, "{S = 0.4}"),
        "grids": _table_of(_NUMBERS, "{B = [16, 512]}"),
        "labels": _table_of(_TEXT, '{G = "test_accuracy"}'),
        "table": KeyKind("a table", _table),
        "tables": KeyKind("tables, each headed [[query]]", _tables),
    }
)
"""The kinds of values."""
