"""What a question needs of a mechanism: refused with the mechanism's name where it lacks it."""

from __future__ import annotations

from collections.abc import Sequence

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import AdditiveFit
from causalhyper.scm.model import FittedModel, Mechanism


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
            f"{otherwise}; use an additive mechanism, a binomial one or a flow"
        )


def require_additive_nodes(model: FittedModel, nodes: Sequence[str], what: str) -> None:
    """Refuse mechanisms that are not additive, for queries that rest on residuals.

    Parameters
    ----------
    model : FittedModel
    nodes : sequence of str
        Whose mechanisms are needed.
    what : str
        The query, for the message.

    Raises
    ------
    ConfigurationError
        With the nodes that cannot be asked about, and what to use instead.
    """
    wrong = [v for v in nodes if not isinstance(model.mechanisms[v].fit, AdditiveFit)]
    if wrong:
        raise ConfigurationError(
            f"{what} needs additive mechanisms, fitted by least squares; "
            f"{', '.join(wrong)} has another kind: fit it with SPLINE or LINEAR for this question"
        )
