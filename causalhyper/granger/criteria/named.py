"""Criteria by name."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.attributed import FreshGain, SecantSaliency
from causalhyper.granger.criteria.causal import Causal
from causalhyper.granger.criteria.criterion import Criterion
from causalhyper.granger.criteria.gradients import Obd, Taylor
from causalhyper.granger.criteria.moved import Fisher, TotalMovement
from causalhyper.granger.criteria.published import Published
from causalhyper.granger.criteria.regularised import CausalElasticNet, CausalLasso, CausalRidge
from causalhyper.granger.criteria.shifted import Shifted
from causalhyper.granger.criteria.weights import Lamp, Magnitude, Random
from causalhyper.granger.criteria.woodfisher import WoodFisher

CRITERIA: Mapping[str, Callable[..., Criterion]] = MappingProxyType(
    {
        "causal": Causal,
        "causal-lasso": CausalLasso,
        "causal-elastic-net": CausalElasticNet,
        "causal-ridge": CausalRidge,
        "causal-published": Published,
        "causal-shifted": Shifted,
        "movement": TotalMovement,
        "fisher": Fisher,
        "magnitude": Magnitude,
        "lamp": Lamp,
        "random": Random,
        "taylor": Taylor,
        "woodfisher": WoodFisher,
        "obd": Obd,
        "gain": FreshGain,
        "secant": SecantSaliency,
    }
)
"""What makes each criterion, by its name."""


def named(name: str, /, **options: Any) -> Criterion:
    """Return a criterion by its name.

    Parameters
    ----------
    name : str
        One of `CRITERIA`.
    **options
        Of that criterion; its class tells them. The criterion that is shifted may be given by
        name.

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
    if isinstance(inner := options.get("criterion"), str):
        options["criterion"] = named(inner)
    return CRITERIA[name](**options)
