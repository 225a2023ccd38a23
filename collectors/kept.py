"""Which entries of a network's parameters masks keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError


class HoldsMasks(Protocol):
    """What carries masks by parameter name, as `causalhyper.granger.masks.Masks` does."""

    @property
    def kept(self) -> Mapping[str, Any]:
        """True where an entry is kept."""


KeptEntries = Mapping[str, Any] | HoldsMasks
"""Arrays or tensors of truth values by parameter name, or what holds them as `kept`."""


def kept_by_parameter(
    parameters: Mapping[str, nn.Parameter], masks: KeptEntries
) -> dict[str, Tensor]:
    """Read the masks of parameters; a parameter without a mask is kept whole.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        By name, as `chosen_parameters` gives them.
    masks : mapping of str to array of bool, or what has such a mapping as `kept`
        By parameter name, in the parameter's shape; True where an entry is kept. Masks of
        parameters that are not among `parameters` are passed over.

    Returns
    -------
    dict of str to Tensor of bool
        In the order of the parameters, on their devices.

    Raises
    ------
    ConfigurationError
        If no mask is of one of the parameters, a mask has another shape or is not of truth
        values, or nothing at all is kept.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> kept = kept_by_parameter(dict(model.named_parameters()), {"weight": [[True, False]]})
    >>> kept["weight"].tolist(), kept["bias"].tolist()
    ([[True, False]], [True])
    """
    given = masks if isinstance(masks, Mapping) else getattr(masks, "kept", None)
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"masks are a Masks, or {{parameter: kept}}; got {masks!r:.60}")
    if not any(name in parameters for name in given):
        raise ConfigurationError(
            "masks must be named like the network's parameters; got "
            f"{', '.join(map(str, given)) or 'none'}, and the parameters are "
            f"{', '.join(parameters)}"
        )
    found = {name: _mask(name, p, given.get(name)) for name, p in parameters.items()}
    if not any(bool(mask.any()) for mask in found.values()):
        raise ConfigurationError("the masks keep nothing of these parameters: expected one entry")
    return found


def places_kept(parameters: Mapping[str, nn.Parameter], masks: KeptEntries) -> Tensor:
    """Find the entries that masks keep in the vector of all numbers of the parameters.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        By name, in the order of the vector.
    masks : mapping of str to array of bool, or what has such a mapping as `kept`
        By parameter name.

    Returns
    -------
    Tensor of int64, shape (kept,)
        Increasing.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> places_kept(dict(model.named_parameters()), {"weight": [[False, True]]}).tolist()
    [1, 2]
    """
    flat = [mask.reshape(-1) for mask in kept_by_parameter(parameters, masks).values()]
    return torch.cat(flat).nonzero()[:, 0]


def refuse_live_pruned(parameters: Mapping[str, nn.Parameter], kept: Mapping[str, Tensor]) -> None:
    """Refuse masks of another network: an entry that is pruned must be zero.

    Parameters
    ----------
    parameters : mapping of str to Parameter
        By name.
    kept : mapping of str to Tensor of bool
        From `kept_by_parameter`.

    Raises
    ------
    ConfigurationError
        If a pruned entry is not zero.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[3.0, 0.0]]))
    >>> parameters = dict(model.named_parameters())
    >>> refuse_live_pruned(parameters, kept_by_parameter(parameters, {"weight": [[True, False]]}))
    """
    for name, mask in kept.items():
        live = int(torch.count_nonzero(parameters[name].detach()[~mask]))
        if live:
            raise ConfigurationError(
                f"{live} of {int((~mask).sum())} entries of {name!r} that the masks prune are not "
                "zero: give the masks of this very network, with the pruned weights set to zero"
            )


def _mask(name: str, parameter: nn.Parameter, given: Any) -> Tensor:
    if given is None:
        return torch.ones_like(parameter, dtype=torch.bool)
    mask = given.detach() if isinstance(given, Tensor) else torch.from_numpy(np.array(given))
    if mask.dtype != torch.bool or mask.shape != parameter.shape:
        raise ConfigurationError(
            f"the mask of {name!r} must be of truth values, shape {tuple(parameter.shape)}; got "
            f"{str(mask.dtype).removeprefix('torch.')}, shape {tuple(mask.shape)}"
        )
    return mask.to(parameter.device)
