"""Load the state of a network that units were removed from."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.instancenorm import _InstanceNorm

from causalhyper.errors import ConfigurationError
from collectors.pruning.couplings import depthwise
from collectors.pruning.owners import bare_name, unwrapped
from collectors.pruning.torch_masks import copy_masked


def load_smaller(model: nn.Module, state: Mapping[str, Tensor]) -> nn.Module:
    """Return a copy of a network, made as small as a state of it that has fewer units.

    The state of what `remove_units` returned does not fit the network as its class makes it.
    This makes it fit, without a pickle and without Torch-Pruning.

    Parameters
    ----------
    model : Module
        The network as its class makes it; left as it is.
    state : mapping of str to Tensor
        What ``state_dict()`` of the smaller network returned, as read from a safetensors file.

    Returns
    -------
    Module
        With the values of the state.

    Raises
    ------
    ConfigurationError
        If names differ, or a tensor has other axes or is larger than the network's.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    >>> small = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    >>> load_smaller(model, small.state_dict())
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): Linear(in_features=3, out_features=2, bias=True)
    )
    """
    twin = unwrapped(copy_masked(model))
    given = {bare_name(name): tensor for name, tensor in state.items()}
    known = twin.state_dict()
    if set(known) != set(given):
        differing = sorted(set(known) ^ set(given))
        raise ConfigurationError(
            f"the state is of another network: {', '.join(differing)} is only in one of the two"
        )
    for name, tensor in given.items():
        shape, least = tuple(known[name].shape), tuple(tensor.shape)
        if len(shape) != len(least) or any(a > b for a, b in zip(least, shape, strict=True)):
            raise ConfigurationError(
                f"{name!r} has shape {least} in the state and {shape} in the network: expected a "
                "state with as many units or fewer"
            )
    for prefix, module in twin.named_modules():
        was_depthwise = depthwise(module)
        for name, old in [
            *module.named_parameters(recurse=False),
            *module.named_buffers(recurse=False),
        ]:
            wanted = given.get(".".join(filter(None, (prefix, name))))
            if wanted is not None and wanted.shape != old.shape:
                old.data = torch.empty(wanted.shape, dtype=old.dtype, device=old.device)
        _tell_sizes(module, was_depthwise)
    twin.load_state_dict(given)
    return twin


def _tell_sizes(module: nn.Module, was_depthwise: bool) -> None:
    """Set what a layer says of its sizes to those of its weights."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, _ConvNd):
        first, second = module.weight.shape[:2]
        if was_depthwise:
            module.groups = first
        if isinstance(module, _ConvTransposeNd):
            module.in_channels, module.out_channels = first, second * module.groups
        else:
            module.in_channels, module.out_channels = second * module.groups, first
    elif isinstance(module, (_BatchNorm, _InstanceNorm)):
        sized = next((t for t in (module.weight, module.running_mean) if t is not None), None)
        module.num_features = module.num_features if sized is None else len(sized)
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(module.weight)
