"""Networks for which a per-example gradient does not exist, or depends on a draw."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from causalhyper.errors import ConfigurationError


def refuse_batch_statistics(model: nn.Module) -> None:
    """Refuse a network that normalises by the statistics of the batch it is given.

    Parameters
    ----------
    model : Module
        In the mode in which it is measured.

    Raises
    ------
    ConfigurationError
        If a batch normalisation is in train mode or has no running statistics: each example's
        loss then depends on all the others, and no gradient is one example's own.

    Examples
    --------
    >>> refuse_batch_statistics(nn.BatchNorm1d(2).eval())
    """
    for name, module in model.named_modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            raise ConfigurationError(
                f"{name or 'the network'!r} ({type(module).__name__}) normalises by the batch, so "
                "no gradient belongs to one example: measure with mode='eval', or measure "
                "the gradients of whole batches with batch_gradient_noise"
            )


def draws(model: nn.Module) -> bool:
    """Tell whether a dropout layer is active.

    Parameters
    ----------
    model : Module
        In the mode in which it is measured.

    Returns
    -------
    bool
        False says nothing of what a ``forward`` draws by itself.

    Examples
    --------
    >>> draws(nn.Dropout(0.5).train()), draws(nn.Dropout(0.5).eval())
    (True, False)
    """
    return any(isinstance(m, _DropoutNd) and m.training and m.p > 0 for m in model.modules())
