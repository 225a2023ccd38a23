"""Arguments of the command line: several values behind one option, lists of numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from causalhyper.errors import ConfigurationError


def repeat_options(arguments: Sequence[str], several: Collection[str]) -> list[str]:
    """Let an option take several values: ``--role A=a B=b`` becomes ``--role A=a --role B=b``.

    Values are gathered up to the next option. An option written with ``=`` stays as it is.

    Parameters
    ----------
    arguments : sequence of str
    several : collection of str
        The options that take several values.

    Returns
    -------
    list of str

    Examples
    --------
    >>> repeat_options(["runs.csv", "--role", "A=a", "B=b", "--seed", "1"], {"--role"})
    ['runs.csv', '--role', 'A=a', '--role', 'B=b', '--seed', '1']
    """
    out: list[str] = []
    option, values = "", 0
    for argument in arguments:
        if argument.startswith("--"):
            option, values = argument if argument in several else "", 0
        elif option:
            if values:
                out.append(option)
            values += 1
        out.append(argument)
    return out


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Read numbers separated by commas.

    Parameters
    ----------
    text : str
    option : str
        Named in the error.

    Returns
    -------
    tuple of float

    Raises
    ------
    ConfigurationError
        If a piece is no finite number.

    Examples
    --------
    >>> parse_numbers("16, 32", "--at")
    (16.0, 32.0)
    """
    numbers = []
    for piece in text.split(","):
        try:
            number = float(piece)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ConfigurationError(
                f"{option} needs numbers separated by commas, such as 16,32,64; got {piece!r}"
            )
        numbers.append(number)
    return tuple(numbers)
