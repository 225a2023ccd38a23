"""Losses of many networks from a module and its loss, as `train_ensemble` takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.func import functional_call, vmap

from causalhyper.errors import ConfigurationError
from collectors.ensembles.measures.gradients import Losses
from collectors.ensembles.stacked_gradients import MinibatchLoss


def network_losses(
    model: nn.Module,
    loss: MinibatchLoss,
    data: Sequence[Tensor],
    *,
    own: bool = False,
    fixed: Mapping[str, Tensor] | None = None,
) -> Losses:
    """Make the losses of a stack from one network and its mean loss.

    Parameters
    ----------
    model : nn.Module
        The architecture, in the mode in which it is to be measured; its own parameters are not
        used, its buffers where `fixed` has none.
    loss : callable
        ``loss(network, *data)`` is the mean loss, a scalar; ``network`` is a callable.
    data : sequence of Tensor
        Of the examples, on the network's device.
    own : bool
        Whether each member has data of its own: tensors of shape (members, examples, ...).
    fixed : mapping of str to Tensor, optional
        Buffers, and parameters that are not measured, each of shape (members, ...).

    Returns
    -------
    callable
        From parameters, each of shape (members, ...), to the losses, shape (members,).

    Raises
    ------
    ConfigurationError
        When called, if the network or its loss cannot be vectorised over members.

    Notes
    -----
    A network that draws by itself, such as one with dropout in train mode, draws anew in each
    call. Batch normalisation is to be in eval mode, where its statistics are buffers.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0], [2.0]])
    >>> losses = network_losses(
    ...     nn.Linear(1, 1, bias=False), lambda network, x: network(x).square().mean(), [x]
    ... )
    >>> losses({"weight": torch.tensor([[[1.0]], [[2.0]]])}).tolist()
    [2.5, 10.0]
    """
    held = dict(fixed or {})
    places = 0 if own else None

    def one(parameters: dict[str, Tensor], *examples: Tensor) -> Tensor:
        def network(*arguments: object, **keywords: object) -> object:
            return functional_call(model, parameters, arguments, keywords)

        return loss(network, *examples)

    def losses(parameters: Mapping[str, Tensor]) -> Tensor:
        every = vmap(one, in_dims=(0, *[places] * len(data)), randomness="different")
        try:
            return every(held | dict(parameters), *data)
        except RuntimeError as error:
            raise ConfigurationError(
                f"the network or its loss cannot be vectorised over members: {error}: measure the "
                "networks one by one"
            ) from error

    return losses
