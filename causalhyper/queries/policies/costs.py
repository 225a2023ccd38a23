"""What a treatment value costs: given, or measured in columns of the runs frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import cast

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

Cost = Mapping[str, float] | Mapping[float, float]
"""Price of a unit of each column, or cost of each treatment value; in units of the outcome."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A checked cost.

    Attributes
    ----------
    columns : mapping of str to float
        Price of one unit of each cost column, in units of the outcome.
    given : tuple of float or None
        Cost of each treatment value, in order, known without error.
    """

    columns: Mapping[str, float]
    given: tuple[float, ...] | None

    @property
    def free(self) -> bool:
        """Whether nothing costs anything."""
        return not self.columns and self.given is None

    def fixed(self) -> Array | float:
        """The given costs, shape (d,); 0.0 without any."""
        return 0.0 if self.given is None else np.array(self.given)

    def __str__(self) -> str:
        if self.given is not None:
            return "as given"
        return " + ".join(f"{price:g} x {name}" for name, price in self.columns.items())


def read_cost(cost: Cost | None, values: Sequence[float]) -> Prices:
    """Tell the two forms of a cost apart and check them.

    Parameters
    ----------
    cost : mapping or None
        ``{"wall_seconds": 1e-5}``: price of one unit of a column, in units of the outcome; or
        ``{16: 0.002, 32: 0.001}``: cost of each value, in units of the outcome.
    values : sequence of float
        The treatment values that are compared.

    Returns
    -------
    Prices

    Raises
    ------
    ConfigurationError
        If the forms are mixed, a number is not finite, or a value has no cost.

    Examples
    --------
    >>> read_cost({16: 0.002, 32: 0.001}, [32, 16]).given
    (0.001, 0.002)
    >>> print(read_cost({"wall_seconds": 1e-5}, [32, 16]))
    1e-05 x wall_seconds
    """
    if cost is None:
        return Prices({}, None)
    if not isinstance(cost, Mapping) or not cost:
        raise ConfigurationError(
            "cost must map columns to prices, such as {'wall_seconds': 1e-5}, or treatment values "
            f"to costs, such as {{16: 0.002, 32: 0.001}}; got {cost!r}"
        )
    for key, price in cost.items():
        if isinstance(price, bool) or not isinstance(price, int | float | np.number):
            raise ConfigurationError(f"the cost of {key!r} must be a number, got {price!r}")
        if not isfinite(price):
            raise ConfigurationError(f"the cost of {key!r} must be finite, got {price!r}")
    named = [isinstance(key, str) for key in cost]
    if all(named):
        return Prices({cast(str, k): float(p) for k, p in cost.items()}, None)
    if any(named):
        raise ConfigurationError(
            f"cost mixes columns and treatment values: {', '.join(map(repr, cost))}; give either"
        )
    known = {float(k): float(p) for k, p in cost.items()}
    if missing := [v for v in values if v not in known]:
        raise ConfigurationError(
            f"no cost for {', '.join(f'{v:g}' for v in missing)}: give each compared value one"
        )
    return Prices({}, tuple(known[v] for v in values))
