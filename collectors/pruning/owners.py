"""Which modules hold a parameter, and its values as the network uses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks

WRAPPERS = ("module.", "_orig_mod.")
"""What DataParallel, DistributedDataParallel and torch.compile put before names."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A module and the name that it has for one of its parameters.

    Attributes
    ----------
    module : Module
        The owner.
    name : str
        Such as ``weight``, also where `torch.nn.utils.prune` keeps it as ``weight_orig``.
    path : str
        The same with the module's dotted name before it.
    """

    module: nn.Module
    name: str
    path: str

    @property
    def mask(self) -> Tensor | None:
        """The mask of torch.nn.utils.prune, if there is one."""
        return self.module._buffers.get(f"{self.name}_mask")

    @property
    def parameter(self) -> nn.Parameter:
        """What an optimiser changes: the original where there is a mask."""
        name = self.name if self.mask is None else f"{self.name}_orig"
        found = self.module._parameters[name]
        assert found is not None
        return found

    def values(self) -> Tensor:
        """Return the values that the network computes with, detached."""
        values = self.parameter.detach()
        return values if self.mask is None else values * self.mask.to(values.dtype)


def bare_name(name: str) -> str:
    """Return a parameter's name without what wrappers put before it.

    Parameters
    ----------
    name : str
        Dotted.

    Returns
    -------
    str
        The name within the network itself.

    Examples
    --------
    >>> bare_name("module._orig_mod.fc.weight")
    'fc.weight'
    """
    for prefix in WRAPPERS:
        if name.startswith(prefix):
            return bare_name(name.removeprefix(prefix))
    return name


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the network inside DataParallel, DistributedDataParallel or torch.compile.

    Parameters
    ----------
    model : Module
        The network, wrapped or not.

    Returns
    -------
    Module
        The network itself.

    Examples
    --------
    >>> unwrapped(nn.DataParallel(nn.Linear(1, 1)))
    Linear(in_features=1, out_features=1, bias=True)
    """
    inner = getattr(model, "_orig_mod", None)
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        inner = model.module
    return unwrapped(inner) if isinstance(inner, nn.Module) else model


def owners(model: nn.Module) -> dict[str, list[Owner]]:
    """Find the modules that hold each parameter.

    Parameters
    ----------
    model : Module
        The network, wrapped or not, pruned by `torch.nn.utils.prune` or not.

    Returns
    -------
    dict of str to list of Owner
        By the parameter's first name, in the network's order; a shared parameter has several.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2, bias=False))
    >>> model[1].weight = model[0].weight
    >>> {name: len(found) for name, found in owners(model).items()}
    {'0.weight': 2, '0.bias': 1}
    """
    found: dict[str, list[Owner]] = {}
    first: dict[int, str] = {}
    for prefix, module in unwrapped(model).named_modules():
        for own, parameter in module._parameters.items():
            if parameter is None:
                continue
            bare = own.removesuffix("_orig")
            masked = own != bare and f"{bare}_mask" in module._buffers
            name = bare if masked else own
            owner = Owner(module, name, ".".join(filter(None, (prefix, name))))
            found.setdefault(first.setdefault(id(parameter), owner.path), []).append(owner)
    return found


def owners_of(model: nn.Module, masks: Masks | Mapping[str, object]) -> dict[str, list[Owner]]:
    """Find the modules that hold the parameters that masks name.

    Parameters
    ----------
    model : Module
        The network.
    masks : Masks or mapping by name
        Masks of parameters have to have their shapes.

    Returns
    -------
    dict of str to list of Owner
        By the name that the masks have for it, in their order.

    Raises
    ------
    ConfigurationError
        If the network has no such parameter, or one of another shape.
    """
    known = owners(model)
    chosen = {}
    for name in masks.kept if isinstance(masks, Masks) else masks:
        if bare_name(name) not in known:
            raise ConfigurationError(
                f"the network has no parameter {name!r}; its parameters are {', '.join(known)}"
            )
        chosen[name] = known[bare_name(name)]
        shape = tuple(chosen[name][0].parameter.shape)
        if isinstance(masks, Masks) and masks.kept[name].shape != shape:
            raise ConfigurationError(
                f"the mask of {name!r} has shape {masks.kept[name].shape}, the parameter {shape}: "
                "make masks of this network"
            )
    return chosen


def kept_array(mask: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return a mask tensor as an array of truth values: kept where it is not zero.

    Parameters
    ----------
    mask : Tensor
        Of any type.

    Returns
    -------
    ndarray of bool
    """
    return np.asarray((mask.detach() != 0).cpu().numpy(), dtype=bool)


def mask_tensor(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], like: Tensor) -> Tensor:
    """Return a mask of truth values as ones and zeros, of the type and device of a tensor.

    Parameters
    ----------
    mask : ndarray of bool
        True where kept.
    like : Tensor
        Has the type and device.

    Returns
    -------
    Tensor
    """
    return torch.tensor(np.ascontiguousarray(mask), device=like.device, dtype=like.dtype)
