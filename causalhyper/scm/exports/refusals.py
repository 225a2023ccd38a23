"""Exports that cannot carry latent common causes refuse them."""

from __future__ import annotations

from causalhyper.errors import ConfigurationError
from causalhyper.scm.model import FittedModel


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
