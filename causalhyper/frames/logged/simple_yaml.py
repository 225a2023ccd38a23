"""The simple YAML in which loggers write parameters: nested names, lists, plain values.

Nothing is built but texts, numbers, truth values, lists and mappings. What goes beyond this form
(folded texts, anchors, tags) is read by PyYAML where it is installed, with its safe loader.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.logged.values import parse_number

_LINE = re.compile(r"( *)(.*?)\s*")
_QUOTED = r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\""""
_KEY = re.compile(rf"""({_QUOTED}|[^\s'"\[{{&*!|>%@`#?-][^#]*?)\s*:(?:\s+(.*))?""")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


class _NotSimpleError(Exception):
    """The text goes beyond the simple form."""


@dataclass(frozen=True, slots=True)
class _Line:
    indent: int
    text: str


def read_yaml(path: Path) -> dict[str, object]:
    """Read a YAML file that holds a mapping.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Values by name; nested mappings stay nested.

    Raises
    ------
    ConfigurationError
        If the file needs PyYAML, which is not installed.
    DataError
        If it is not YAML, or not a mapping.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {str(path)!r}: {error}") from error
    try:
        found: object = parse_simple(text)
    except _NotSimpleError:
        found = _load_whole(text, path)
    if not isinstance(found, dict):
        raise DataError(f"{str(path)!r} holds no names with values; write it again")
    return {str(name): value for name, value in found.items()}


def parse_simple(text: str) -> dict[str, object]:
    r"""Parse the simple form.

    Parameters
    ----------
    text : str
        Nested names, lists and plain or quoted values, a line each.

    Returns
    -------
    dict
        Values by name.

    Examples
    --------
    >>> parse_simple("lr: 1e-3\nlayers:\n- 64\n- 32\nopt:\n  name: 'sgd'")
    {'lr': 0.001, 'layers': [64, 32], 'opt': {'name': 'sgd'}}
    """
    lines = []
    for raw in text.splitlines():
        match = _LINE.fullmatch(raw)
        assert match is not None
        if match[2] and not match[2].startswith("#") and raw.rstrip() != "---":
            lines.append(_Line(len(match[1]), match[2]))
    if not lines or lines == [_Line(0, "{}")]:
        return {}
    found, end = _mapping(lines, 0, lines[0].indent)
    if end < len(lines):
        raise _NotSimpleError
    return found


def _mapping(lines: list[_Line], at: int, indent: int) -> tuple[dict[str, object], int]:
    """Parse names at one indent; return them and the first line behind."""
    found: dict[str, object] = {}
    while at < len(lines) and lines[at].indent == indent:
        match = _KEY.fullmatch(lines[at].text)
        if match is None:
            raise _NotSimpleError
        name, rest = str(_value(match[1], is_key=True)), match[2]
        deeper = at + 1 < len(lines) and lines[at + 1].indent > indent
        listed = at + 1 < len(lines) and lines[at + 1].text.startswith("- ")
        if rest is not None:
            if deeper:
                raise _NotSimpleError
            found[name], at = _value(rest), at + 1
        elif listed and lines[at + 1].indent >= indent:
            found[name], at = _items(lines, at + 1, lines[at + 1].indent)
        elif deeper:
            found[name], at = _mapping(lines, at + 1, lines[at + 1].indent)
        else:
            found[name], at = None, at + 1
    return found, at


def _items(lines: list[_Line], at: int, indent: int) -> tuple[list[object], int]:
    """Parse a list of plain values."""
    found: list[object] = []
    while at < len(lines) and lines[at].indent == indent and lines[at].text.startswith("- "):
        text = lines[at].text[2:].strip()
        if text.startswith("- ") or _KEY.fullmatch(text):
            raise _NotSimpleError
        found.append(_value(text))
        at += 1
    if at < len(lines) and lines[at].indent > indent:
        raise _NotSimpleError
    return found, at


def _value(text: str, *, is_key: bool = False) -> object:
    """Read one plain or quoted value."""
    if text.startswith('"'):
        try:
            return json.loads(text)
        except ValueError:
            raise _NotSimpleError from None
    if text.startswith("'"):
        if not re.fullmatch(r"'(?:[^']|'')*'", text):
            raise _NotSimpleError
        return text[1:-1].replace("''", "'")
    if text in ("[]", "{}"):
        return [] if text == "[]" else {}
    if text[:1] in set("[{&*!|>%@`?") or text.endswith(":") or " #" in text or ": " in text:
        raise _NotSimpleError
    if is_key:
        return text
    if text.casefold() in _WORDS:
        return _WORDS[text.casefold()]
    number = parse_number(text)
    return text if number is None else number


def _load_whole(text: str, path: Path) -> object:
    """Read any YAML with PyYAML; tags are dropped, what they tag stays as plain values."""
    try:
        yaml: Any = import_module("yaml")
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{str(path)!r} is YAML of a form that needs PyYAML, which is not installed: "
            "pip install pyyaml"
        ) from None

    def construct(loader: Any, _: str, node: Any) -> object:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    plain = type("PlainLoader", (yaml.SafeLoader,), {})
    for tag in ("tag:yaml.org,2002:python/", "!"):
        plain.add_multi_constructor(tag, construct)  # type: ignore[attr-defined]
    try:
        found: object = yaml.load(text, Loader=plain)
    except yaml.YAMLError as error:
        raise DataError(f"{str(path)!r} is not YAML: {error}; write it again") from error
    return found
