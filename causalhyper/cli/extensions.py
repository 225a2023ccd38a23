"""Commands of other packages, found by their entry points and loaded when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

import typer

from causalhyper.errors import ConfigurationError

GROUP = "causalhyper.commands"
"""The group of entry points: name of a command, and the Typer application that has it."""


def add_commands(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the commands that a call needs: the one that is named, or all where help is shown.

    Parameters
    ----------
    app : Typer
        Gets them; one that it has already is left as it is.
    arguments : sequence of str
        Of the call.

    Raises
    ------
    ConfigurationError
        If the command that is named cannot be loaded.
    """
    found = {point.name: point for point in entry_points(group=GROUP)}
    named = next((word for word in arguments if not word.startswith("-")), None)
    have = {command.name for command in app.registered_commands}
    for name, point in found.items():
        if name not in have and named in (name, None):
            _add(app, point, needed=named == name)


def _add(app: typer.Typer, point: EntryPoint, *, needed: bool) -> None:
    try:
        extension = point.load()
    except ImportError as error:
        if needed:
            raise ConfigurationError(
                f"the command {point.name!r} cannot be loaded: {error}; is all installed that it "
                "needs?"
            ) from error
        return
    app.registered_commands += extension.registered_commands
