"""Scores of predicted labels."""

from __future__ import annotations

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError


def accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Share of examples classified rightly.

    Parameters
    ----------
    predicted, labels : Tensor of int64, shape (n,)
        Classes, one an example or more.

    Returns
    -------
    float
        In [0, 1]. With n independent examples it is an unbiased estimate of the population's
        accuracy, with standard error ``sqrt(a (1 - a) / n)``.

    Raises
    ------
    ConfigurationError
        If the shapes differ, or there is no example.

    Examples
    --------
    >>> accuracy(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 2, 2]))
    0.75
    """
    _check(predicted, labels)
    return float((predicted == labels).double().mean())


def macro_precision(predicted: Tensor, labels: Tensor, classes: int) -> float:
    """Precision a class, averaged over all classes with equal weight.

    Precision of class c is the share of c among the examples that were called c. A class that
    is never called counts as 0.

    Parameters
    ----------
    predicted, labels : Tensor of int64, shape (n,)
        Classes from 0 to `classes` - 1.
    classes : int
        Number of classes of the problem.

    Returns
    -------
    float
        In [0, 1]; a ratio estimate, consistent but not unbiased.

    Raises
    ------
    ConfigurationError
        If the shapes differ, there is no example, or a class is out of range.

    Notes
    -----
    The mean is over all `classes`. scikit-learn's ``precision_score(average="macro",
    zero_division=0)`` takes it over the classes that occur among `labels` or `predicted`, so the
    two agree where every class occurs in one of them, and with ``labels=range(classes)`` always.
    A fixed divisor keeps runs comparable when a small test set misses a class.

    Examples
    --------
    >>> macro_precision(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 2]), classes=3)
    0.5
    """
    _check(predicted, labels)
    lowest = min(int(predicted.min()), int(labels.min()))
    highest = max(int(predicted.max()), int(labels.max()))
    if lowest < 0 or highest >= classes:
        raise ConfigurationError(
            f"expected classes from 0 to {classes - 1}; got {lowest} to {highest}: leave out "
            "examples without a label"
        )
    called = torch.bincount(predicted, minlength=classes).double()
    right = torch.bincount(predicted[predicted == labels], minlength=classes).double()
    return float(torch.where(called > 0, right / called.clamp(min=1), 0.0).mean())


def _check(predicted: Tensor, labels: Tensor) -> None:
    if predicted.ndim != 1 or predicted.shape != labels.shape or not len(labels):
        raise ConfigurationError(
            "expected predictions and labels of one shape (n,), n >= 1; got "
            f"{tuple(predicted.shape)} and {tuple(labels.shape)}"
        )
