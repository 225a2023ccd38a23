"""Tables of a study file: which keys they may hold, and what is wrong with those they do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from causalhyper.frames.columns import describe_range
from causalhyper.hypergraph.names import nearest
from causalhyper.study.faults import Faults, shown
from causalhyper.study.kinds import KINDS


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
