"""Calling a network and a loss on a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from causalhyper.errors import ConfigurationError
from collectors.batches import count

Loss = Callable[[Any, Any], Tensor]
"""Takes outputs and targets of n examples, returns their losses, shape (n,)."""


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


def call_with(model: nn.Module, parameters: Mapping[str, Tensor], inputs: Any) -> Any:
    """Call a network with other values of its parameters, as a function of them.

    Parameters
    ----------
    model : Module
        The network.
    parameters : mapping of str to Tensor
        By name; what is not among them keeps its value.
    inputs : Tensor, or tuple, list or mapping of tensors
        What it takes.

    Returns
    -------
    object
        Its outputs.

    Examples
    --------
    >>> import torch
    >>> parameters = {"weight": torch.tensor([[2.0]]), "bias": torch.tensor([1.0])}
    >>> call_with(nn.Linear(1, 1), parameters, torch.ones(1, 1)).item()
    3.0
    """
    return call(lambda *a, **k: functional_call(model, dict(parameters), a, k), inputs)


def example_losses(model: nn.Module, loss: Loss, inputs: Any, targets: Any) -> Tensor:
    """Compute the losses of examples that can be taken out of their batch, with their graph.

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
    return check_losses(loss(call(model, inputs), targets), count(inputs))


def check_losses(losses: Any, examples: int | None = None) -> Tensor:
    """Refuse what is not one loss an example.

    Parameters
    ----------
    losses : object
        What the loss returned.
    examples : int, optional
        Number of examples n in the batch; without it the losses say how many there are, as
        where the inputs are a graph and the examples some of its nodes.

    Returns
    -------
    Tensor, shape (n,)
        The losses; n >= 1.

    Raises
    ------
    ConfigurationError
        If they are no tensor of that shape.

    Examples
    --------
    >>> import torch
    >>> check_losses(torch.ones(2), 2).tolist()
    [1.0, 1.0]
    """
    fits = isinstance(losses, Tensor) and losses.ndim == 1 and losses.numel() > 0
    if not fits or examples not in (None, len(losses)):
        shape = tuple(losses.shape) if isinstance(losses, Tensor) else type(losses).__name__
        raise ConfigurationError(
            "the loss must return one number an example, shape "
            f"({'n' if examples is None else examples},); got {shape}: use reduction='none', and "
            "take the mean over what belongs to one example"
        )
    return losses
