"""Generalisation: what a trained network scores on examples it was or was not trained on."""

from __future__ import annotations

import torch
from torch import Tensor


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Share of examples classified rightly.

    Parameters
    ----------
    predicted, labels : Tensor of int64, shape (n,)

    Returns
    -------
    float
        In [0, 1].
    """
    return float((predicted == labels).double().mean())


def macro_precision(predicted: Tensor, labels: Tensor, classes: int) -> float:
    """Precision a class, averaged over classes with equal weight.

    A class that is never predicted has no precision; it counts as 0, as scikit-learn's
    ``precision_score(average="macro", zero_division=0)`` has it.

    Parameters
    ----------
    predicted, labels : Tensor of int64, shape (n,)
    classes : int

    Returns
    -------
    float
        In [0, 1].
    """
    called = torch.bincount(predicted, minlength=classes).double()
    right = torch.bincount(predicted[predicted == labels], minlength=classes).double()
    return float(torch.where(called > 0, right / called.clamp(min=1), 0.0).mean())
