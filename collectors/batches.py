"""The data that every measurement takes: batches of examples, on the network's device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from causalhyper.errors import ConfigurationError

Batch = tuple[Any, Any]
"""Inputs (a tensor, or a tuple, list or mapping of what the network takes) and targets."""
Data = Batch | Iterable[Batch]
"""One batch as a tuple (inputs, targets), or an iterable of such that can be iterated again."""
Inputs = Tensor | Mapping[str, Any]
"""The inputs alone, of measurements that need their shape and no targets."""


def batches(data: Data, model: nn.Module) -> Iterator[Batch]:
    """Go once through the data, batch by batch, on the network's device.

    Parameters
    ----------
    data : tuple (inputs, targets), or iterable of such
        A tuple is one batch; a list or a loader is an iterable of batches.
    model : Module
        Its first parameter or buffer says where the tensors are taken to; they stay where they
        are if there is none.

    Yields
    ------
    tuple (inputs, targets)
        One batch, its lists as tuples and its mappings as dicts. A batch without an example,
        whose inputs all have length zero, is passed over.

    Raises
    ------
    ConfigurationError
        If the data are no batches.

    Examples
    --------
    >>> x, y, model = torch.zeros(3, 2), torch.zeros(3), nn.Linear(2, 1)
    >>> len(list(batches((x, y), model))), len(list(batches([(x, y), (x, y)], model)))
    (1, 2)
    """
    first = next((t for each in (model.parameters(), model.buffers()) for t in each), None)
    device = None if first is None else first.device
    for batch in [data] if isinstance(data, tuple) else data:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ConfigurationError(
                f"expected batches (inputs, targets); got {type(batch).__name__}"
                f"{f' of {len(batch)}' if isinstance(batch, (tuple, list)) else ''}: give one "
                "batch as a tuple of two, or a list or loader of such"
            )
        inputs, targets = _moved(batch[0], device), _moved(batch[1], device)
        if not _is_empty(inputs):
            yield inputs, targets


def first_inputs(data: Data | Inputs, model: nn.Module) -> Any:
    """Return the inputs of the first batch, where it is their shape alone that counts.

    Parameters
    ----------
    data : tuple (inputs, targets), or iterable of such, or the inputs
        A tensor or a mapping is the inputs themselves.
    model : Module
        The network, on whose device they are wanted.

    Returns
    -------
    tensors
        As `batches` yields them.

    Raises
    ------
    ConfigurationError
        If the data are neither batches nor inputs, or hold no example.

    Examples
    --------
    >>> x, y, model = torch.zeros(3, 2), torch.zeros(3), nn.Linear(2, 1)
    >>> [first_inputs(data, model).shape for data in (x, (x, y), [(x, y), (x, y)])]
    [torch.Size([3, 2]), torch.Size([3, 2]), torch.Size([3, 2])]
    """
    pairs: Data = (data, None) if isinstance(data, (Tensor, Mapping)) else data
    first = next(batches(pairs, model), None)
    if first is None:
        raise ConfigurationError("the data hold no example: give one batch at least")
    return first[0]


def check_repeatable(data: object, name: str) -> None:
    """Refuse data that can be iterated only once.

    Parameters
    ----------
    data : tuple (inputs, targets), or iterable of such
        What is to be measured on.
    name : str
        What the caller calls them.

    Raises
    ------
    ConfigurationError
        If the data are an iterator, or no data.

    Examples
    --------
    >>> check_repeatable([(torch.zeros(3, 2), torch.zeros(3))], "data")
    """
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise ConfigurationError(
            f"{name} must be a tuple (inputs, targets), a list of such, or a DataLoader; got "
            f"{data!r:.60}"
        )
    if isinstance(data, Iterator):  # iter(data) of a DataLoader draws from the global random state
        raise ConfigurationError(
            f"{name} can be iterated only once, and measurements iterate it several times: give "
            "one batch as a tuple, a list of batches, or a DataLoader"
        )


def count(inputs: Any) -> int:
    """Count the examples of a batch from which examples can be taken.

    Parameters
    ----------
    inputs : tensors
        Examples first.

    Returns
    -------
    int
        The length that all tensors share.

    Raises
    ------
    ConfigurationError
        If there is no tensor, or the lengths differ.

    Examples
    --------
    >>> count({"ids": torch.ones(3, 5), "mask": torch.ones(3)})
    3
    """
    found = _tensors(inputs)
    lengths = sorted({len(x) if x.ndim else 0 for x in found})
    if len(lengths) != 1:
        raise ConfigurationError(
            "expected inputs with examples along the first axis of every tensor; got "
            f"{f'lengths {lengths}' if found else 'no tensor'}"
        )
    return lengths[0]


def take(batch: Any, start: int, stop: int) -> Any:
    """Take examples start to stop - 1 out of a batch.

    Parameters
    ----------
    batch : tensors
        Inputs or targets, examples first; what is not a tensor is passed on.
    start, stop : int
        Range of examples.

    Returns
    -------
    tensors
        Of the same structure.

    Examples
    --------
    >>> take((torch.arange(4), "name"), 1, 3)
    (tensor([1, 2]), 'name')
    """
    return pytree.tree_map(lambda x: x[start:stop] if isinstance(x, Tensor) else x, batch)


def _tensors(value: Any) -> list[Tensor]:
    return [x for x in pytree.tree_leaves(value) if isinstance(x, Tensor)]


def _is_empty(inputs: Any) -> bool:
    found = _tensors(inputs)
    return bool(found) and all(x.ndim and not len(x) for x in found)


def _moved(value: Any, device: torch.device | None) -> Any:
    """Take tensors to a device, within tuples, lists and mappings."""
    if isinstance(value, Tensor):
        return value if device is None else value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(each, device) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_moved(each, device) for each in value)
    return value
