"""A measurement of a run: its name, the columns of the runs frame that it fills, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causalhyper.errors import ConfigurationError
from causalhyper.frames import KNOWN
from collectors.measurements.trained import Trained

Row = dict[str, object]
"""Values by name of a column."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement of a trained network.

    Attributes
    ----------
    name : str
        What ``measure_run`` calls it by.
    columns : tuple of str
        Known columns of the runs frame that it may fill.
    take : callable
        Takes a `Trained` and returns values by column; it draws from ``run.generator(name)``.

    Raises
    ------
    ConfigurationError
        If a column is not known to the runs frame.

    Examples
    --------
    >>> Measurement("size", ("n_parameters",), lambda run: {"n_parameters": 1}).name
    'size'
    """

    name: str
    columns: tuple[str, ...]
    take: Callable[[Trained], Row]

    def __post_init__(self) -> None:
        unknown = [c for c in self.columns if c not in KNOWN]
        if unknown:
            raise ConfigurationError(
                f"measurement {self.name!r} fills columns that the runs frame does not know: "
                f"{', '.join(unknown)}; add them to causalhyper/frames/columns.py with kind and "
                "unit"
            )
