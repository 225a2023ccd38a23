"""Masks, and the weights that they keep, in safetensors files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import write_atomic
from causalhyper.granger.masks import Masks
from collectors.pruning.extras import needed
from collectors.pruning.owners import bare_name, kept_array, owners, owners_of, unwrapped

FORMAT = "causalhyper masks 1"
"""Of the files written here, in their metadata."""
MASK, KEPT = "_mask", "_kept"
"""What the names of masks, and of the values that they keep, end in."""


def save_masks(
    path: str | Path,
    masks: Masks,
    *,
    packed: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write masks as a safetensors state dict, atomically.

    Parameters
    ----------
    path : str or Path
        The file, ``.safetensors`` by custom; an old one is replaced.
    masks : Masks
        By parameter, such as ``fc1.weight``, which becomes ``fc1.weight_mask``.
    packed : bool
        Eight entries a byte (`numpy.packbits`, row-major); the shapes are in the metadata. With
        False a tensor of truth values in the parameter's shape, which any program reads.
    metadata : mapping of str to str, optional
        Notes of your own, such as the criterion and the seed.

    Raises
    ------
    ConfigurationError
        If the metadata are not texts or take a name of ours, the disk refuses, or safetensors is
        not installed.

    Examples
    --------
    >>> import tempfile
    >>> masks = Masks({"fc.weight": np.array([[True, False]])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_masks(Path(folder, "masks.safetensors"), masks)
    ...     load_masks(Path(folder, "masks.safetensors")).sparsity
    0.5
    """
    tensors = {f"{name}{MASK}": _mask(mask, packed) for name, mask in masks.kept.items()}
    _write(Path(path), tensors, masks.shapes, metadata)


def load_masks(path: str | Path) -> Masks:
    """Read masks from a safetensors file; no code in it is run.

    Parameters
    ----------
    path : str or Path
        What `save_masks` or `save_masked` wrote, or any file with tensors whose names end in
        ``_mask``, as a state dict of `torch.nn.utils.prune` has them.

    Returns
    -------
    Masks
        By parameter; in the order in which they were written, where `save_masks` or
        `save_masked` wrote them.

    Raises
    ------
    ConfigurationError
        If there is no such file, or safetensors is not installed.
    DataError
        If it is no safetensors file, or holds no masks.

    Examples
    --------
    >>> load_masks("absent.safetensors")
    Traceback (most recent call last):
    ...
    causalhyper.errors.ConfigurationError: there is no file 'absent.safetensors'
    """
    tensors, shapes = _read(Path(path), MASK)
    return _masks(Path(path), tensors, shapes)


def save_masked(
    path: str | Path,
    model: nn.Module,
    masks: Masks,
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a network's state with what masks keep of it, atomically.

    Of a masked parameter the kept values alone are written, beside its packed mask, so that the
    file of a network that is 95% pruned is a tenth of the dense one or less.

    Parameters
    ----------
    path : str or Path
        The file; an old one is replaced.
    model : Module
        The network, masked by `torch.nn.utils.prune` or not, wrapped or not.
    masks : Masks
        By parameter.
    metadata : mapping of str to str, optional
        Notes of your own.

    Raises
    ------
    ConfigurationError
        If the masks are not of this network, or as `save_masks`.

    Examples
    --------
    >>> import tempfile
    >>> model = nn.Linear(2, 1)
    >>> masks = Masks({"weight": np.array([[True, False]])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_masked(Path(folder, "net.safetensors"), model, masks)
    ...     state, read = load_masked(Path(folder, "net.safetensors"))
    >>> sorted(state), (state["weight"] == 0).tolist(), read.sparsity
    (['bias', 'weight'], [[False, True]], 0.5)
    """
    chosen = owners_of(model, masks)
    tensors = _plain_state(model)
    for name, found in chosen.items():
        kept = torch.from_numpy(masks.kept[name])
        first, *others = (owner.path for owner in found)
        for other in others:
            tensors[other] = tensors[other] * kept
        tensors[f"{first}{KEPT}"] = tensors.pop(first)[kept]
        tensors[f"{first}{MASK}"] = _mask(masks.kept[name], packed=True)
    shapes = {found[0].path: masks.kept[name].shape for name, found in chosen.items()}
    _write(Path(path), tensors, shapes, metadata)


def load_masked(path: str | Path) -> tuple[dict[str, Tensor], Masks]:
    """Read a network's state and masks that `save_masked` wrote.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    state : dict of str to Tensor
        On the CPU, for ``load_state_dict`` of a network that is not masked; zero where pruned.
    masks : Masks
        By parameter.

    Raises
    ------
    ConfigurationError
        If there is no such file, or safetensors is not installed.
    DataError
        If `save_masked` has not written it, or it is damaged.
    """
    path = Path(path)
    tensors, shapes = _read(path)
    masks = _masks(path, tensors, shapes)
    state: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(MASK):
            continue
        layer = name.removesuffix(KEPT)
        if layer == name or layer not in masks.kept:
            state[name] = tensor
            continue
        kept = torch.from_numpy(masks.kept[layer])
        if tensor.shape != (int(kept.sum()),):
            raise DataError(
                f"{str(path)!r} holds {len(tensor)} values of {layer!r}; its mask "
                f"keeps {int(kept.sum())}: the file is damaged"
            )
        state[layer] = tensor.new_zeros(kept.shape).masked_scatter_(kept, tensor)
    if lost := sorted(set(masks.kept) - set(state)):
        raise DataError(
            f"{str(path)!r} holds masks and no values of {', '.join(lost)}: read it by load_masks"
        )
    return state, masks


def _plain_state(model: nn.Module) -> dict[str, Tensor]:
    """State by the names of the network that is not masked, on the CPU, zero where masked."""
    found = [owner for each in owners(model).values() for owner in each]
    hidden = {f"{o.path}{end}" for o in found if o.mask is not None for end in ("_orig", MASK)}
    rest = unwrapped(model).state_dict()
    state = {name: tensor for name, tensor in rest.items() if name not in hidden}
    state |= {owner.path: owner.values() for owner in found}
    return {name: tensor.detach().cpu() for name, tensor in state.items()}


def _mask(kept: np.ndarray[Any, np.dtype[np.bool_]], packed: bool) -> Tensor:
    return torch.from_numpy(np.packbits(kept) if packed else np.ascontiguousarray(kept))


def _masks(
    path: Path, tensors: Mapping[str, Tensor], shapes: Mapping[str, tuple[int, ...]]
) -> Masks:
    found = {bare_name(k.removesuffix(MASK)): t for k, t in tensors.items() if k.endswith(MASK)}
    kept = {}
    for name in sorted(found, key=[*shapes, *found].index):
        shape = shapes.get(name, tuple(found[name].shape))
        size, bits = math.prod(shape), found[name]
        packed = name in shapes and bits.dtype == torch.uint8
        if tuple(bits.shape) != ((-(-size // 8),) if packed else shape):
            raise DataError(
                f"{str(path)!r} holds {tuple(bits.shape)} of {bits.dtype} for the mask of "
                f"{name!r}, of shape {shape}: the file is damaged"
            )
        kept[name] = (
            np.unpackbits(bits.numpy(), count=size).view(bool).reshape(shape)
            if packed
            else kept_array(bits)
        )
    if not kept:
        raise DataError(f"{str(path)!r} holds no masks: no tensor's name ends in {MASK!r}")
    return Masks(kept)


def _write(
    path: Path,
    tensors: Mapping[str, Tensor],
    shapes: Mapping[str, tuple[int, ...]],
    metadata: Mapping[str, str] | None,
) -> None:
    notes = dict(metadata or {})
    ours = {"format": FORMAT, "shapes": json.dumps(shapes)}
    if set(notes) & set(ours) or not all(
        isinstance(text, str) for pair in notes.items() for text in pair
    ):
        raise ConfigurationError(
            f"metadata are texts by names other than {', '.join(ours)}; got {metadata!r}"
        )
    st = needed("safetensors.torch", "safetensors", "writing masks to a file")
    apart: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        # safetensors refuses tensors that share memory, as those of tied weights do
        place = tensor.untyped_storage().data_ptr()
        apart[name] = (tensor.clone() if place in seen else tensor).contiguous()
        seen.add(place)
    write_atomic(path, _in_one_order(st.save(apart, metadata=notes | ours)))


def _in_one_order(data: bytes) -> bytes:
    """Sort the metadata, whose order safetensors draws, so that the same masks give one file."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def _read(path: Path, ending: str = "") -> tuple[dict[str, Tensor], dict[str, tuple[int, ...]]]:
    """Return the tensors whose names have an ending, and the shapes of our masks."""
    if not path.is_file():
        raise ConfigurationError(f"there is no file {str(path)!r}")
    st = needed("safetensors", "safetensors", "reading masks from a file")
    try:
        with st.safe_open(path, framework="pt") as stream:
            notes = stream.metadata() or {}
            keys = [key for key in stream.keys() if key.endswith(ending)]  # noqa: SIM118
            tensors = {key: stream.get_tensor(key) for key in keys}
        ours = notes.get("format") == FORMAT
        written = json.loads(notes["shapes"]) if ours else {}
        return tensors, {name: tuple(map(int, shape)) for name, shape in written.items()}
    except (st.SafetensorError, OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(
            f"cannot read {str(path)!r}: {error}: expected a safetensors file of masks"
        ) from error
