"""Exports that cannot carry latent common causes refuse them."""

from __future__ import annotations

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import AdditiveFit
from causalhyper.scm.model import FittedModel, Mechanism


def refuse_latents(model: FittedModel, reason: str) -> None:
    """Refuse a model whose hypergraph has latent common causes.

    Parameters
    ----------
    model : FittedModel
        The model.
    reason : str
        Why the other program cannot carry them.

    Raises
    ------
    ConfigurationError
        If there is one; the message names the first.
    """
    if model.graph.latent:
        pair = " <-> ".join(model.graph.latent[0])
        raise ConfigurationError(
            f"the latent common cause {pair} cannot be exported: {reason}. Fit the hypergraph "
            "without it if that is what you assume"
        )


def require_additive(mechanism: Mechanism) -> AdditiveFit:
    """Return the fit of an additive mechanism; refuse every other rung of the ladder."""
    if not isinstance(mechanism.fit, AdditiveFit):
        raise ConfigurationError(
            f"the mechanism of {mechanism.head} ({mechanism.options}) is not additive, and only "
            "additive mechanisms can be exported: fit it with LINEAR or SPLINE"
        )
    return mechanism.fit
