"""Gradients of many networks at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from causalhyper.errors import ConfigurationError
from collectors.ensembles.stacked_optimizers import Stacked

MinibatchLoss = Callable[..., Tensor]
"""From a network (a callable) and the tensors of a minibatch to the mean loss."""


class StackedGradients:
    """Gradients of all members at one minibatch; the first call alone updates the buffers.

    The members' losses are computed by one vectorised forward pass, and differentiated by one
    backward pass: the loss of a member depends on its own parameters alone.

    Parameters
    ----------
    model : nn.Module
        The architecture; its own parameters are not used.
    loss : callable
        From a network (a callable) and the tensors of a minibatch to the mean loss.
    frozen, buffers : dict of Tensor
        What is not trained, each of shape (members, ...).
    batch : tuple of Tensor
        Each of shape (members, batch_size, ...).
    """

    def __init__(
        self,
        model: nn.Module,
        loss: MinibatchLoss,
        frozen: Stacked,
        buffers: Stacked,
        batch: tuple[Tensor, ...],
    ) -> None:
        self._model, self._loss = model, loss
        self._frozen, self._buffers, self._batch = frozen, buffers, batch
        self._first = True

    def __call__(self, parameters: Stacked) -> tuple[Stacked, Tensor]:
        """Compute the gradients and the losses.

        Parameters
        ----------
        parameters : dict of Tensor
            Each of shape (members, ...).

        Returns
        -------
        tuple of dict and Tensor
            The gradients, and the losses, shape (members,).

        Raises
        ------
        ConfigurationError
            If the network cannot be vectorised, or its loss is no scalar.
        """
        leaves = {k: p.detach().requires_grad_() for k, p in parameters.items()}
        buffers = self._buffers
        if not self._first:
            buffers = {k: b.clone() for k, b in buffers.items()}
        self._first = False
        with torch.enable_grad():
            losses = self._losses(leaves | self._frozen, buffers)
            found = torch.autograd.grad(
                losses, tuple(leaves.values()), torch.ones_like(losses), materialize_grads=True
            )
        return dict(zip(leaves, found, strict=True)), losses.detach()

    def _losses(self, parameters: Stacked, buffers: Stacked) -> Tensor:
        try:
            losses = vmap(self._one, randomness="different")(parameters, buffers, *self._batch)
        except RuntimeError as error:
            raise ConfigurationError(
                f"the network or its loss cannot be vectorised over seeds: {error}: train the "
                "seeds one by one"
            ) from error
        if losses.ndim != 1:
            raise ConfigurationError(
                f"the loss must be a scalar, the mean over the minibatch; got one of shape "
                f"{tuple(losses.shape[1:])}"
            )
        return losses

    def _one(self, parameters: Stacked, buffers: Stacked, *batch: Tensor) -> Tensor:
        def network(*arguments: object, **keywords: object) -> object:
            return functional_call(self._model, (parameters, buffers), arguments, keywords)

        return self._loss(network, *batch)
