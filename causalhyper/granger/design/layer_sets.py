"""Which layers a design has: names, patterns, and sets that share their units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Layer
from causalhyper.granger.lasso.arguments import check_names

LayerChoice = str | Sequence[str] | Mapping[str, Sequence[str]]
LayerSets = dict[str, tuple[Layer, ...]]


def choose_sets(known: Sequence[Layer], choice: LayerChoice | None, *, shared: bool) -> LayerSets:
    """Return the layers that are wanted: sets by name, each of one layer unless units are shared.

    Parameters
    ----------
    known : sequence of Layer
        What was recorded.
    choice : LayerChoice, optional
        As `granger_design` takes it.
    shared : bool
        Whether sets of several layers make sense.

    Returns
    -------
    dict of str to tuple of Layer
        In the order in which they are named.

    Raises
    ------
    ConfigurationError
        If a name or pattern is of no layer, or a set is named where nothing is shared.
    """
    by_name = {layer.name: layer for layer in known if layer.size}
    if isinstance(choice, Mapping):
        if not shared:
            raise ConfigurationError(
                "sets of layers share structural units: give share= too, or name the layers in a "
                "list"
            )
        found = {name: tuple(_matching(by_name, each)) for name, each in choice.items()}
    else:
        wanted = list(by_name) if choice is None else choice
        found = {layer.name: (layer,) for layer in _matching(by_name, wanted)}
    if not found:
        raise ConfigurationError("no layer is chosen: name one at least")
    return found


def _matching(known: Mapping[str, Layer], patterns: str | Sequence[str]) -> list[Layer]:
    """Return the layers of some names or patterns, each once, in the order of the patterns."""
    check_names(patterns)
    found: dict[str, Layer] = {}
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        names = [n for n in known if n == pattern] or [n for n in known if fnmatchcase(n, pattern)]
        if not names:
            shown = ", ".join(list(known)[:12])
            raise ConfigurationError(f"no recorded layer is called {pattern!r}; there are {shown}")
        found |= {name: known[name] for name in names}
    return list(found.values())
