"""Tables of a study file: which keys they may hold, of what kind, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.frames.columns import describe_range
from causalhyper.hypergraph.names import nearest


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a table may hold.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    required : bool
    choices : tuple of str
        The texts that are allowed; empty for any.
    low, high : float
        Ends of the range of numbers; `inside` leaves the ends themselves out.
    inside : bool
    """

    name: str
    kind: str
    required: bool = False
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    inside: bool = False

    @property
    def expected(self) -> str:
        """What the key takes, in words."""
        if self.choices:
            return f"{KINDS[self.kind].words}, of {', '.join(self.choices)}"
        if math.isinf(self.low) and math.isinf(self.high):
            return KINDS[self.kind].words
        if self.inside and math.isfinite(self.high):
            return f"{KINDS[self.kind].words} between {self.low:g} and {self.high:g}"
        limits = describe_range(self.low, self.high, open_low=self.inside)
        return f"{KINDS[self.kind].words} {limits}"

    def read(self, value: object) -> Any:
        """Its value in plain form; None where it is not what is expected."""
        found = KINDS[self.kind].read(value)
        if found is None:
            return None
        parts = found if isinstance(found, tuple) else (found,)
        if self.choices and not set(self.choices).issuperset(parts):
            return None
        if math.isfinite(self.low) or math.isfinite(self.high):
            within = self._strictly if self.inside else self._loosely
            return found if all(map(within, parts)) else None
        return found

    def _strictly(self, value: float) -> bool:
        return self.low < value < self.high

    def _loosely(self, value: float) -> bool:
        return self.low <= value <= self.high


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


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with one study file, gathered so that all is told at once."""

    file: str
    found: list[str]

    def add(self, place: str, text: str) -> None:
        """Note one fault at a place, such as "[data] runs"."""
        line = f"{place}: {text}"
        if line not in self.found:
            self.found.append(line)

    def attempt(self, place: str, read: Callable[..., Any], *arguments: Any) -> Any:
        """What `read` returns, or None with its complaint noted."""
        try:
            return read(*arguments)
        except ConfigurationError as error:
            self.add(place, str(error))
            return None

    def settle(self) -> None:
        """Raise what was found, if anything.

        Raises
        ------
        ConfigurationError
            With a line for each fault.
        """
        if self.found:
            count = "1 problem" if len(self.found) == 1 else f"{len(self.found)} problems"
            lines = "".join(f"\n  - {line}" for line in self.found)
            raise ConfigurationError(f"{self.file} has {count}:{lines}")


def read_table(table: object, keys: Sequence[Key], place: str, faults: Faults) -> dict[str, Any]:
    """Read one table, noting every key that is unknown, missing or of another kind.

    Parameters
    ----------
    table : object
        What stands in the file.
    keys : sequence of Key
        Those allowed.
    place : str
        Of the table, such as "[data]".
    faults : Faults
        Gets what is wrong.

    Returns
    -------
    dict
        The keys that are there and right.

    Examples
    --------
    >>> faults = Faults("study.toml", [])
    >>> read_table({"draws": 50, "sed": 1}, [Key("draws", "count"), Key("seed", "count")],
    ...            "[uncertainty]", faults)
    {'draws': 50}
    >>> print(*faults.found)
    [uncertainty] sed: no such key; did you mean 'seed'? the keys are draws, seed
    """
    if not isinstance(table, dict):
        faults.add(place, f"expected a table; got {shown(table)}")
        return {}
    known = {key.name: key for key in keys}
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name not in known:
            near = nearest(name, known)
            hint = f"{near} " if near else "; "
            faults.add(_at(place, name), f"no such key{hint}the keys are {', '.join(known)}")
            continue
        read = known[name].read(value)
        if read is not None:
            found[name] = read
        elif not _note_entries(known[name], value, place, faults):
            expected = known[name].expected
            faults.add(_at(place, name), f"expected {expected}; got {shown(value)}")
    for key in keys:
        if key.required and key.name not in table:
            faults.add(_at(place, key.name), f"is missing; expected {key.expected}")
    return found


def _note_entries(key: Key, value: object, place: str, faults: Faults) -> bool:
    """Note the wrong entries of a table by their own names; False where it is no such table."""
    entry = KINDS[key.kind].entry
    if entry is None or not isinstance(value, dict):
        return False
    wrong = {name: inner for name, inner in value.items() if entry.read(inner) is None}
    for name, inner in wrong.items():
        head = f"[{place[1:-1]}.{key.name}]" if place else f"[{key.name}]"
        where = f"{place} {key.name}." if place.startswith("[[") else f"{head} "
        faults.add(f"{where}{name}", f"expected {entry.words}; got {shown(inner)}")
    return bool(wrong)


def _at(place: str, name: str) -> str:
    return f"{place} {name}".strip()


def shown(value: object) -> str:
    """A value as a message shows it, not too long."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
