"""Margins: how far the predictions are from changing."""

from __future__ import annotations

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Output margins: the true class's logit minus the best other one.

    .. math:: m_i = f_{y_i}(x_i) - \max_{c \neq y_i} f_c(x_i)

    Parameters
    ----------
    logits : Tensor, shape (n, classes)
        Two or more classes.
    labels : Tensor of int64, shape (n,)
        The true classes.

    Returns
    -------
    Tensor, shape (n,)
        In units of a logit (nats); positive exactly where the prediction is right (ties aside);
        NaN where a logit of the example is NaN.

    Raises
    ------
    ConfigurationError
        If the shapes do not fit, or there is one class only.

    Notes
    -----
    Cost: none beyond the logits. Not normalised by the network's norms. Source: Bartlett,
    Foster and Telgarsky 2017, "Spectrally-normalized margin bounds", section 1.

    Examples
    --------
    >>> margins(torch.tensor([[2.0, 0.5, 1.0], [0.0, 3.0, 1.0]]), torch.tensor([0, 2])).tolist()
    [1.0, -2.0]
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != logits.shape[:1]:
        raise ConfigurationError(
            "margins need logits of shape (n, classes >= 2) and labels of shape (n,); got "
            f"{tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    rows = torch.arange(len(labels), device=logits.device)
    others = logits.clone()
    others[rows, labels] = -torch.inf
    return logits[rows, labels] - others.max(dim=1).values
