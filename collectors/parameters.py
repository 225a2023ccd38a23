"""The parameters that a network is differentiated by, and the layers that hold them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from causalhyper.errors import ConfigurationError


def chosen_parameters(
    model: nn.Module, names: Sequence[str] | None = None
) -> dict[str, nn.Parameter]:
    """Look parameters up by name, in the network's order.

    Parameters
    ----------
    model : Module
        The network.
    names : sequence of str, optional
        Names of parameters or of modules, such as "fc.weight" or "fc"; without it, every
        parameter that requires a gradient.

    Returns
    -------
    dict of str to Parameter
        A shared parameter once.

    Raises
    ------
    ConfigurationError
        If there is none, or a name fits none.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    >>> list(chosen_parameters(model, ["1.bias", "0"]))
    ['0.weight', '0.bias', '1.bias']
    """
    if not isinstance(model, nn.Module):
        raise ConfigurationError(f"expected a network, a torch Module; got {model!r:.60}")
    known = dict(model.named_parameters())
    if names is None:
        found = {k: p for k, p in known.items() if p.requires_grad}
    else:
        wanted = [names] if isinstance(names, str) else list(names)
        for name in wanted:
            if not any(_fits(k, name) for k in known):
                raise ConfigurationError(
                    f"no parameter or module is named {name!r}; the parameters are "
                    f"{', '.join(known)}"
                )
        found = {k: p for k, p in known.items() if any(_fits(k, name) for name in wanted)}
    if not found:
        raise ConfigurationError(
            "no parameters to differentiate by: let one require a gradient, or name some where "
            "the measurement takes parameters="
        )
    return found


def layer_of(name: str) -> str:
    """Name of the layer that holds a parameter.

    Parameters
    ----------
    name : str
        A parameter's dotted name.

    Returns
    -------
    str
        What stands before the last dot; the name itself where there is none.

    Examples
    --------
    >>> layer_of("features.0.weight"), layer_of("scale")
    ('features.0', 'scale')
    """
    return name.rpartition(".")[0] or name


def _fits(parameter: str, name: str) -> bool:
    return parameter == name or parameter.startswith(f"{name}.")
