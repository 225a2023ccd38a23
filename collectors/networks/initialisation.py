"""How the weights of the networks begin."""

from __future__ import annotations

from typing import Literal

from torch import nn

from causalhyper.errors import ConfigurationError

Initialisation = Literal["torch", "published"]
"""Torch's own, or that of the paper's code."""


def initialise(model: nn.Module, rule: str) -> None:
    r"""Set the first weights of a network's convolutions and linear layers, in place.

    Parameters
    ----------
    model : Module
        The network, as torch has just made it.
    rule : {"torch", "published"}
        "torch" leaves what torch drew: uniform, of variance ``1 / (3 fan_in)``. "published" is
        what the code of the pruning paper did: normal of variance ``2 / fan_out``, biases zero.

    Raises
    ------
    ConfigurationError
        If the rule is neither.

    Notes
    -----
    He, Zhang, Ren and Sun 2015, "Delving deep into rectifiers", by the number of outputs. A last
    layer of 10 classes then has weights of standard deviation :math:`\sqrt{2 / 10} = 0.447`, in
    LeNet 7 times those of the layer before it and 17 times those that torch would draw. Pruning
    by magnitude over the whole network therefore keeps the last layer and starves the others.

    Examples
    --------
    >>> import torch
    >>> model = nn.Linear(500, 10)
    >>> initialise(model, "published")
    >>> 0.4 < model.weight.std().item() < 0.5, model.bias.count_nonzero().item()
    (True, 0)
    """
    if rule == "torch":
        return
    if rule != "published":
        raise ConfigurationError(f"initialisation must be 'torch' or 'published'; got {rule!r}")
    for layer in model.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
