"""How other programs mark what is not measured."""

from __future__ import annotations

from collections.abc import Mapping

from causalhyper.errors import GraphError

_YES = {"yes", "true", "1"}
_NO = {"no", "false", "0"}


def is_observed(node: str, attributes: Mapping[str, object]) -> bool:
    """Say whether a node is measured, by its attributes.

    Parameters
    ----------
    node : str
        Its name, for the error.
    attributes : mapping of str to object
        ``observed`` is dowhy's word, ``latent`` dagitty's; without them a node is measured.

    Returns
    -------
    bool
        Whether it is measured.

    Raises
    ------
    GraphError
        If a value is neither yes nor no.

    Examples
    --------
    >>> is_observed("U", {"observed": "no"}), is_observed("U", {"latent": "true"})
    (False, False)
    >>> is_observed("N", {"label": "noise"})
    True
    """
    observed = _truth(node, "observed", attributes.get("observed", "yes"))
    return observed and not _truth(node, "latent", attributes.get("latent", "no"))


def _truth(node: str, word: str, value: object) -> bool:
    """Read yes or no."""
    text = str(value).lower()
    if text not in _YES | _NO:
        raise GraphError(f"the node {node!r} has {word}={value!r}; expected 'yes' or 'no'")
    return text in _YES
