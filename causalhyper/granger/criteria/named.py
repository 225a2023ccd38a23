"""Criteria by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.criterion import Criterion
from causalhyper.granger.criteria.moved import Fisher, Movement
from causalhyper.granger.criteria.weights import Lamp, Magnitude, Random

CRITERIA: Mapping[str, Callable[..., Criterion]] = MappingProxyType(
    {
        "movement": Movement,
        "fisher": Fisher,
        "magnitude": Magnitude,
        "lamp": Lamp,
        "random": Random,
    }
)
"""What makes each criterion, by its name."""


def named(name: str, **options: Any) -> Criterion:
    """Return a criterion by its name.

    Parameters
    ----------
    name : str
        One of `CRITERIA`.
    **options
        Of that criterion; its class tells them.

    Returns
    -------
    Criterion

    Raises
    ------
    ConfigurationError
        If there is no such criterion, or it has no such option.

    Examples
    --------
    >>> named("magnitude", at="rewound").name
    'magnitude'
    """
    if name not in CRITERIA:
        near = difflib.get_close_matches(str(name), CRITERIA, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ConfigurationError(
            f"there is no criterion {name!r}{hint}; there are {', '.join(CRITERIA)}"
        )
    known = list(inspect.signature(CRITERIA[name]).parameters)
    if unknown := sorted(set(options) - set(known)):
        raise ConfigurationError(
            f"the criterion {name!r} has no option {unknown[0]!r}; there are {', '.join(known)}"
        )
    return CRITERIA[name](**options)
