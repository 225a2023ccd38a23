"""Masks as those of torch.nn.utils.prune, which every torch program understands."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import prune

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.pruning.owners import (
    Owner,
    bare_name,
    kept_array,
    mask_tensor,
    owners,
    owners_of,
)


def apply_masks(model: nn.Module, masks: Masks) -> None:
    """Mask parameters of a network by `torch.nn.utils.prune`, in place.

    The parameter ``weight`` becomes ``weight_orig``, the same object, so an optimiser goes on with
    it; the buffer ``weight_mask`` holds the mask; ``weight`` is their product, made anew at every
    forward pass. What is pruned therefore stays zero under any optimiser: momentum and weight
    decay move ``weight_orig`` alone.

    Parameters
    ----------
    model : Module
        The network, also within DataParallel, DistributedDataParallel or torch.compile.
    masks : Masks
        By parameter, such as ``fc1.weight``. Where there is a mask already, this takes its place.

    Raises
    ------
    ConfigurationError
        If the network has no such parameter, or one of another shape; nothing is masked then.

    Notes
    -----
    A parameter that several modules share is masked in all of them. ``copy.deepcopy`` of a masked
    network fails after a forward pass with gradients (PyTorch issue 37322): use `copy_masked`.
    ``weight`` is as old as the last forward pass; after ``load_state_dict`` only the next one
    brings it up to date.

    Examples
    --------
    >>> import numpy as np
    >>> model = nn.Linear(2, 1, bias=False)
    >>> apply_masks(model, Masks({"weight": np.array([[True, False]])}))
    >>> model(torch.tensor([[0.0, 1.0]])).item()
    0.0
    >>> list(model.state_dict())
    ['weight_orig', 'weight_mask']
    """
    for name, found in owners_of(model, masks).items():
        for owner in found:
            _mask(owner, mask_tensor(masks.kept[name], owner.parameter))


def read_masks(
    model: nn.Module,
    names: Sequence[str] | None = None,
    *,
    source: Literal["prune", "zeros"] = "prune",
) -> Masks:
    """Return which parameters of a network are kept.

    Parameters
    ----------
    model : Module
        The network, also within DataParallel, DistributedDataParallel or torch.compile.
    names : sequence of str, optional
        Parameters, such as ``fc1.weight``. Without it all that `torch.nn.utils.prune` has masked,
        or, of zeros, all that have two axes or more.
    source : {"prune", "zeros"}
        Read the masks of `torch.nn.utils.prune`, or take every zero for pruned.

    Returns
    -------
    Masks
        By parameter, in the network's order; a shared parameter once.

    Raises
    ------
    ConfigurationError
        If there is no such parameter, nothing is masked, or a parameter named has no mask.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> _ = prune.l1_unstructured(model, "weight", amount=1)
    >>> read_masks(model).sparsity
    0.5
    """
    known = {name: found[0] for name, found in owners(model).items()}
    if names is not None:
        known = {
            bare_name(n): found[0] for n, found in owners_of(model, dict.fromkeys(names)).items()
        }
    if source == "zeros":
        chosen = known if names is not None else _matrices(known)
        if chosen:
            return Masks({name: kept_array(owner.values()) for name, owner in chosen.items()})
    elif source != "prune":
        raise ConfigurationError(f"source must be 'prune' or 'zeros'; got {source!r}")
    masks = {name: o.mask for name, o in known.items() if o.mask is not None}
    if not masks or (names is not None and len(masks) < len(known)):
        without = [name for name in known if name not in masks]
        raise ConfigurationError(
            f"torch.nn.utils.prune has not masked {', '.join(without)}: apply masks first, or "
            "take zeros for pruned (source='zeros')"
        )
    return Masks({name: kept_array(mask) for name, mask in masks.items()})


def masks_in_state(state: Mapping[str, Tensor]) -> Masks:
    """Return the masks of a state dict that a masked network gave.

    A network that has just been made takes the state once these masks are applied to it.

    Parameters
    ----------
    state : mapping of str to Tensor
        What ``state_dict()`` returned, also of a wrapped network.

    Returns
    -------
    Masks
        By parameter.

    Raises
    ------
    ConfigurationError
        If it holds no masks.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> _ = prune.random_unstructured(model, "weight", amount=1)
    >>> state, fresh = model.state_dict(), nn.Linear(2, 1)
    >>> apply_masks(fresh, masks_in_state(state))
    >>> fresh.load_state_dict(state)
    <All keys matched successfully>
    """
    names = [k.removesuffix("_orig") for k in state if k.endswith("_orig")]
    found = {bare_name(n): state[f"{n}_mask"] for n in names if f"{n}_mask" in state}
    if not found:
        raise ConfigurationError(
            "the state holds no masks of torch.nn.utils.prune (names that end in _orig and _mask)"
        )
    return Masks({name: kept_array(mask) for name, mask in found.items()})


def make_permanent(model: nn.Module, names: Sequence[str] | None = None) -> None:
    """Write the masks into the parameters as zeros, and take the masks away, in place.

    Afterwards nothing holds the zeros: an optimiser that goes on training moves them.

    Parameters
    ----------
    model : Module
        The network; its parameters keep being the same objects.
    names : sequence of str, optional
        Parameters, such as ``fc1.weight``. Without it all that are masked.

    Raises
    ------
    ConfigurationError
        If there is no such parameter, nothing is masked, or a parameter named has no mask.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> _ = prune.l1_unstructured(model, "weight", amount=1)
    >>> make_permanent(model)
    >>> sorted(model.state_dict()), int((model.weight == 0).sum())
    (['bias', 'weight'], 1)
    """
    for found in owners_of(model, read_masks(model, names).kept).values():
        for owner in found:
            with _order_kept(owner.module, f"{owner.name}_orig", owner.name):
                prune.remove(owner.module, owner.name)


def copy_masked(model: nn.Module) -> nn.Module:
    """Return a deep copy of a network that `torch.nn.utils.prune` has masked.

    Parameters
    ----------
    model : Module
        The network, masked or not; left as it is.

    Returns
    -------
    Module
        Of the same type, wrapped as it was; it shares nothing with the network.

    Notes
    -----
    ``copy.deepcopy`` refuses a product that has a gradient history. Here the products are left
    out of the copying and made anew.

    Examples
    --------
    >>> model = nn.Linear(2, 1)
    >>> _ = prune.l1_unstructured(model, "weight", amount=1)
    >>> _ = model(torch.ones(1, 2))
    >>> read_masks(copy_masked(model)).sparsity
    0.5
    """
    memo: dict[int, object] = {}
    for found in owners(model).values():
        for owner in found:
            product = vars(owner.module).get(owner.name)
            if isinstance(product, Tensor):
                memo[id(product)] = owner.values().clone()
    return copy.deepcopy(model, memo)


def _matrices(known: Mapping[str, Owner]) -> dict[str, Owner]:
    return {name: owner for name, owner in known.items() if owner.parameter.ndim > 1}


def _mask(owner: Owner, mask: Tensor) -> None:
    with torch.no_grad():
        if owner.mask is not None:
            owner.mask.copy_(mask)
            setattr(owner.module, owner.name, owner.values())
            return
        with _order_kept(owner.module, owner.name, f"{owner.name}_orig"):
            prune.custom_from_mask(owner.module, owner.name, mask)


@contextmanager
def _order_kept(module: nn.Module, old: str, new: str) -> Iterator[None]:
    """Let a parameter's new name stand where its old one stood.

    Optimisers' states go by the order of parameters, and prune puts the new name last.
    """
    order = [new if name == old else name for name in module._parameters]
    yield
    found = dict(module._parameters)
    module._parameters.clear()
    module._parameters.update({name: found[name] for name in order})
