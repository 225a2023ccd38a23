"""What is measured on: batches, the loss of each example, and the parameters chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError

Loss = Callable[[Any, Any], Tensor]
"""(outputs, targets) -> per-example losses of shape (n,)."""
Batch = tuple[Any, Any]
"""Inputs (a tensor, or a tuple, list or mapping of what the network takes) and targets."""
Data = Batch | Iterable[Batch]
"""One batch as a tuple (inputs, targets), or an iterable of such that can be iterated again."""


def batches(data: Data, device: torch.device) -> Iterator[Batch]:
    """Go once through the data, batch by batch, on the network's device.

    Parameters
    ----------
    data : tuple (inputs, targets), or iterable of such
        A tuple is one batch; a list or a loader is an iterable of batches.
    device : device
        Where the tensors are taken to.

    Yields
    ------
    tuple (inputs, targets)
        One batch.

    Raises
    ------
    ConfigurationError
        If the data are no batches.

    Examples
    --------
    >>> x, y = torch.zeros(3, 2), torch.zeros(3)
    >>> len(list(batches((x, y), x.device))), len(list(batches([(x, y), (x, y)], x.device)))
    (1, 2)
    """
    for batch in [data] if isinstance(data, tuple) else data:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ConfigurationError(
                f"expected batches (inputs, targets); got {type(batch).__name__}"
                f"{f' of {len(batch)}' if isinstance(batch, (tuple, list)) else ''}: give one "
                "batch as a tuple of two, or a list or loader of such"
            )
        yield _moved(batch[0], device), _moved(batch[1], device)


def outputs_of(model: nn.Module, inputs: Any) -> Any:
    """Call a network on inputs: one tensor, several in order, or several by name.

    Parameters
    ----------
    model : Module
        The network.
    inputs : Tensor, tuple, list or mapping
        A tuple or list is passed in order, a mapping by name.

    Returns
    -------
    object
        What the network gives.

    Examples
    --------
    >>> outputs_of(nn.Bilinear(1, 1, 1), (torch.zeros(4, 1), torch.zeros(4, 1))).shape
    torch.Size([4, 1])
    """
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, (tuple, list)) else model(inputs)


def example_losses(loss: Loss, outputs: Any, targets: Any) -> Tensor:
    """Compute the loss of each example, and refuse a mean.

    Parameters
    ----------
    loss : callable
        (outputs, targets) -> per-example losses of shape (n,).
    outputs, targets : object
        Of one batch.

    Returns
    -------
    Tensor, shape (n,)
        In units of the loss, with its graph.

    Raises
    ------
    ConfigurationError
        If the losses are no vector.

    Examples
    --------
    >>> example_losses(lambda a, b: (a - b) ** 2, torch.ones(2), torch.zeros(2)).tolist()
    [1.0, 1.0]
    """
    losses = loss(outputs, targets)
    if not isinstance(losses, Tensor) or losses.ndim != 1 or not losses.numel():
        shape = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        raise ConfigurationError(
            f"the loss must return one number an example, shape (n,); got {shape}: use "
            "reduction='none', and take the mean over what belongs to one example"
        )
    return losses


def chosen_parameters(model: nn.Module, names: Sequence[str] | None) -> tuple[nn.Parameter, ...]:
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
    tuple of Parameter
        A shared parameter once.

    Raises
    ------
    ConfigurationError
        If there is none, or a name fits none.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    >>> [tuple(p.shape) for p in chosen_parameters(model, ["1.bias", "0"])]
    [(3, 2), (3,), (1,)]
    """
    known = dict(model.named_parameters())
    if names is None:
        found = [p for p in known.values() if p.requires_grad]
    else:
        wanted = [names] if isinstance(names, str) else list(names)
        for name in wanted:
            if not any(_fits(k, name) for k in known):
                raise ConfigurationError(
                    f"no parameter or module is named {name!r}; the parameters are "
                    f"{', '.join(known)}"
                )
        found = [p for k, p in known.items() if any(_fits(k, name) for name in wanted)]
    if not found:
        raise ConfigurationError(
            "no parameters to differentiate by: give parameters=, or let one require a gradient"
        )
    return tuple(found)


def _fits(parameter: str, name: str) -> bool:
    return parameter == name or parameter.startswith(f"{name}.")


def _moved(value: Any, device: torch.device) -> Any:
    """Take tensors to a device, within tuples, lists and mappings."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, Mapping):
        return {key: _moved(each, device) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_moved(each, device) for each in value)
    return value
