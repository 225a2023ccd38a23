"""What of a task is known at once, so that a folder can tell it from another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, TensorDataset

from collectors.pruning.tasks import PruningTask

LOOKED_AT = 4096
"""Values of a tensor, evenly spaced, that its digest is made of."""


def task_words(task: PruningTask) -> dict[str, Any]:
    """Describe data, loss and optimiser of a task.

    Parameters
    ----------
    task : PruningTask
        Whose data are not iterated.

    Returns
    -------
    dict
        As JSON takes it: of each data set its size, and a digest of its tensors where they are at
        hand (a batch, a list of batches, a loader of a ``TensorDataset``), of large ones some
        values; names of loss and optimiser, with the numbers in a function of one's own.
    """
    sets = {name: data_words(getattr(task, name)) for name in ("train", "validation", "test")}
    return {"data": sets, "loss": _name(task.loss), "optimizer": _name(task.optimizer)}


def data_words(data: Any) -> dict[str, Any] | None:
    """Describe data without iterating them.

    Parameters
    ----------
    data : tuple (inputs, targets), or iterable of such, or None
        What is described.

    Returns
    -------
    dict or None
        batches, examples, digest, as far as they are known; None without data.

    Examples
    --------
    >>> sorted(data_words((torch.ones(3, 2), torch.zeros(3))))
    ['batches', 'digest']
    >>> data_words(DataLoader([1, 2, 3], batch_size=2))
    {'batches': 2, 'examples': 3}
    """
    if data is None:
        return None
    held: list[Any] = []
    sizes: dict[str, int | None] = {}
    if isinstance(data, tuple):
        sizes["batches"], held = 1, [data]
    elif isinstance(data, DataLoader):
        sizes = {"batches": _length(data), "examples": _length(data.dataset)}
        held = list(data.dataset.tensors) if isinstance(data.dataset, TensorDataset) else []
    else:
        sizes["batches"] = _length(data)
        held = [data[0], data[len(data) - 1]] if isinstance(data, Sequence) and len(data) else []
    words: dict[str, Any] = {name: size for name, size in sizes.items() if size is not None}
    tensors = [leaf for leaf in pytree.tree_leaves(held) if isinstance(leaf, Tensor)]
    return words | ({"digest": _digest(tensors)} if tensors else {})


def _length(given: Any) -> int | None:
    try:
        return len(given)
    except (TypeError, NotImplementedError):  # a stream, or a sampler of no length
        return None


def _digest(tensors: Sequence[Tensor]) -> str:
    found = hashlib.sha256()
    for part in _parts(tensors):
        found.update(part)
    return found.hexdigest()[:16]


def _parts(tensors: Sequence[Tensor]) -> Iterator[bytes]:
    for tensor in tensors:
        if tensor.layout != torch.strided or tensor.is_nested or tensor.is_meta:
            yield f"{tensor.dtype} {tensor.layout}".encode()
            continue
        yield f"{tensor.dtype} {tuple(tensor.shape)}".encode()
        flat = tensor.detach().reshape(-1)
        some = (
            flat[:: max(1, len(flat) // LOOKED_AT)].cpu().resolve_conj().resolve_neg().contiguous()
        )
        yield some.view(torch.uint8).numpy().tobytes()


def _name(given: Any) -> str | None:
    """Name a function: with the numbers in it, and with what it is bound to where it is plain."""
    if given is None:
        return None
    if isinstance(given, partial):
        bound = [*map(_plain, given.args)]
        bound += [f"{name}={_plain(value)}" for name, value in sorted(given.keywords.items())]
        return f"{_name(given.func)}({', '.join(bound)})"
    if isinstance(given, nn.Module):
        options = {k: v for k, v in vars(given).items() if not k.startswith("_")}
        shown = ", ".join(f"{name}={_plain(value)}" for name, value in sorted(options.items()))
        return f"{type(given).__qualname__}({shown})"
    name = getattr(given, "__qualname__", type(given).__qualname__)
    if isinstance(given, FunctionType):
        numbers = [repr(c) for c in given.__code__.co_consts if isinstance(c, int | float)]
        return " ".join([name, *numbers])
    return str(name)


def _plain(value: object) -> str:
    """Show numbers, texts and flags; of all else, whose text may hold an address, the kind."""
    plain = isinstance(value, int | float | complex | str | bytes) or value is None
    return repr(value) if plain else type(value).__name__
