"""What is wrong with a study file, gathered so that all is told at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Faults:
    """What was found so far.

    Attributes
    ----------
    file : str
        The study file.
    found : list of str
        A line each: place, what was expected, what came. It grows.
    """

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


def shown(value: object) -> str:
    """A value as a message shows it, not too long."""
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
