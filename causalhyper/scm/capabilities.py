"""What a question needs of a mechanism: refused with the mechanism's name where it lacks it."""

from __future__ import annotations

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import AdditiveFit
from causalhyper.scm.model import Mechanism


def require_additive(mechanism: Mechanism, otherwise: str) -> AdditiveFit:
    """Return the fit of an additive mechanism; refuse every other rung of the ladder.

    Parameters
    ----------
    mechanism : Mechanism
    otherwise : str
        What cannot be done without, in words.

    Returns
    -------
    AdditiveFit

    Raises
    ------
    ConfigurationError
        If the mechanism is not additive.
    """
    if not isinstance(mechanism.fit, AdditiveFit):
        raise ConfigurationError(
            f"the mechanism of {mechanism.head} ({mechanism.options}) is not additive: "
            f"{otherwise}; fit it with LINEAR or SPLINE"
        )
    return mechanism.fit


def require_decomposed(mechanism: Mechanism, otherwise: str) -> None:
    """Refuse a mechanism that is no sum over hyperedges.

    Parameters
    ----------
    mechanism : Mechanism
    otherwise : str
        What cannot be done without, in words.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if "decomposed" not in mechanism.fit.capabilities:
        raise ConfigurationError(
            f"the mechanism of {mechanism.head} ({mechanism.options}) is no sum over hyperedges: "
            f"{otherwise}; use an additive or binomial mechanism"
        )
