"""Calling a network and a loss on a batch, and taking examples out of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from causalhyper.errors import ConfigurationError

Loss = Callable[[Any, Any], Tensor]
"""Takes outputs and targets of n examples, returns their losses, shape (n,)."""
Batches = Iterable[tuple[Any, Any]]
"""Pairs of inputs and targets, examples first; to be iterated more than once."""


def call(model: Callable[..., Any], inputs: Any) -> Any:
    """Call a network: a tuple or list gives its positional arguments, a mapping its keywords.

    Parameters
    ----------
    model : callable
        The network.
    inputs : Tensor, or tuple, list or mapping of tensors
        What it takes.

    Returns
    -------
    object
        Its outputs.

    Examples
    --------
    >>> import torch
    >>> call(torch.add, (torch.ones(1), torch.ones(1))).item()
    2.0
    """
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, (tuple, list)):
        return model(*inputs)
    return model(inputs)


def example_losses(model: nn.Module, loss: Loss, inputs: Any, targets: Any) -> Tensor:
    """Per-example losses of a batch, with their graph.

    Parameters
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the n examples, shape (n,).
    inputs, targets : tensors
        One batch, examples first.

    Returns
    -------
    Tensor, shape (n,)
        In units of the loss.

    Raises
    ------
    ConfigurationError
        If the loss does not return a vector of one number an example.

    Examples
    --------
    >>> import torch
    >>> model = nn.Linear(2, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.fill_(1.0)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> example_losses(model, squares, torch.ones(3, 2), torch.zeros(3)).tolist()
    [4.0, 4.0, 4.0]
    """
    losses = loss(call(model, inputs), targets)
    check_losses(losses, count(inputs))
    return losses


def check_losses(losses: Tensor, examples: int) -> None:
    """Refuse what is not one loss an example.

    Parameters
    ----------
    losses : Tensor
        What the loss returned.
    examples : int
        Number of examples n in the batch.

    Raises
    ------
    ConfigurationError
        If the shape is not (n,).

    Examples
    --------
    >>> import torch
    >>> check_losses(torch.ones(4), 4)
    """
    if losses.shape != (examples,):
        raise ConfigurationError(
            f"expected one loss an example, shape ({examples},); got {tuple(losses.shape)}: use "
            "reduction='none', and take the mean over what is within an example"
        )


def count(inputs: Any) -> int:
    """Count the examples of a batch.

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
    >>> import torch
    >>> count({"ids": torch.ones(3, 5), "mask": torch.ones(3)})
    3
    """
    found = [x for x in pytree.tree_leaves(inputs) if isinstance(x, Tensor)]
    lengths = sorted({len(x) if x.ndim else 0 for x in found})
    if len(lengths) != 1:
        raise ConfigurationError(
            "expected inputs with examples along the first axis of every tensor; got "
            f"{'lengths ' + str(lengths) if found else 'no tensor'}"
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
    >>> import torch
    >>> take((torch.arange(4), "name"), 1, 3)
    (tensor([1, 2]), 'name')
    """
    return pytree.tree_map(lambda x: x[start:stop] if isinstance(x, Tensor) else x, batch)


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Trainable parameters by name, a shared one once.

    Parameters
    ----------
    model : Module
        The network.

    Returns
    -------
    dict of str to Parameter
        In the network's order.

    Raises
    ------
    ConfigurationError
        If there is none.

    Examples
    --------
    >>> list(trainable(nn.Linear(2, 1)))
    ['weight', 'bias']
    """
    found = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not found:
        raise ConfigurationError("the network has no trainable parameters to differentiate by")
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
