"""Margins and scores of many classifiers at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError


@dataclass(frozen=True, slots=True, eq=False)
class StackedScores:
    """Scores of each member on n examples, on the CPU.

    Attributes
    ----------
    accuracy : Tensor of float64, shape (members,)
        Share of examples classified rightly.
    macro_precision : Tensor of float64, shape (members,)
        Precision a class, averaged over all classes; one never called counts as 0.
    loss : Tensor of float64, shape (members,)
        Mean cross-entropy, in nats.
    n : int
        Number of examples.
    """

    accuracy: Tensor
    macro_precision: Tensor
    loss: Tensor
    n: int


def stacked_margins(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Median of each member's output margins: the true class's logit minus the best other one.

    .. math:: \mathrm{median}_i \bigl( f_{y_i}(x_i) - \max_{c \neq y_i} f_c(x_i) \bigr)

    Parameters
    ----------
    logits : Tensor, shape (members, n, classes)
        Two or more classes.
    labels : Tensor of int64, shape (n,) or (members, n)
        The true classes, of all members or of each.

    Returns
    -------
    Tensor of float64, shape (members,)
        In units of a logit, on the CPU; of an even number of margins the lower one of the middle
        two, as ``torch.median`` takes it. NaN where a margin is.

    Raises
    ------
    ConfigurationError
        If the shapes do not fit, there is one class only, or a label is no class.

    Notes
    -----
    The margins are those of `collectors.complexity.margins`. Source: Bartlett, Foster and
    Telgarsky 2017, "Spectrally-normalized margin bounds", section 1.

    Examples
    --------
    >>> logits = torch.tensor([[[2.0, 0.5], [0.0, 3.0], [1.0, 1.0]]])
    >>> stacked_margins(logits, torch.tensor([0, 1, 1])).tolist()
    [1.5]
    """
    places = _own_labels(logits, labels)[..., None]
    logits = logits.detach()
    best = logits.scatter(2, places, -torch.inf).amax(2)
    return (logits.gather(2, places)[..., 0] - best).median(1).values.double().cpu()


def stacked_scores(logits: Tensor, labels: Tensor) -> StackedScores:
    """Score all members on the same examples, or each on its own.

    Parameters
    ----------
    logits : Tensor, shape (members, n, classes)
        Two or more classes.
    labels : Tensor of int64, shape (n,) or (members, n)
        The true classes, of all members or of each.

    Returns
    -------
    StackedScores
        Of a member with logits that are NaN, the loss is NaN, and the others are what the largest
        logit, in torch's order, gives.

    Raises
    ------
    ConfigurationError
        If the shapes do not fit, there is one class only, or a label is no class.

    Notes
    -----
    Accuracy and precision are those of `collectors.generalization.labels`, with their bias and
    standard error. The loss is summed in float64.

    Examples
    --------
    >>> logits = torch.tensor([[[2.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [2.0, 0.0]]])
    >>> found = stacked_scores(logits, torch.tensor([0, 1]))
    >>> found.accuracy.tolist(), found.macro_precision.tolist()
    ([1.0, 0.5], [1.0, 0.25])
    """
    labels = _own_labels(logits, labels)
    members, n, classes = logits.shape
    predicted = logits.detach().argmax(2)
    right = (predicted == labels).double()
    counts = torch.zeros(2, members, classes, dtype=torch.float64, device=logits.device)
    called = counts[0].scatter_add_(1, predicted, torch.ones_like(right))
    hits = counts[1].scatter_add_(1, predicted, right)
    flat = logits.detach().double().reshape(-1, classes)
    losses = cross_entropy(flat, labels.reshape(-1), reduction="none").view(members, n)
    return StackedScores(
        right.mean(1).cpu(),
        (hits / called.clamp(min=1)).mean(1).cpu(),
        losses.mean(1).cpu(),
        n,
    )


def _own_labels(logits: Tensor, labels: Tensor) -> Tensor:
    """Labels of shape (members, n), on the device of the logits."""
    fits = logits.ndim == 3 and logits.shape[2] >= 2 and 0 not in logits.shape
    if not fits or labels.shape not in (logits.shape[:2], logits.shape[1:2]):
        raise ConfigurationError(
            "expected logits of shape (members, n, classes >= 2) and labels of shape (n,) or "
            f"(members, n); got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= logits.shape[2]:
        raise ConfigurationError(
            f"expected classes from 0 to {logits.shape[2] - 1}; got {low} to {high}: leave out "
            "examples without a label"
        )
    return labels.to(logits.device).expand(logits.shape[:2])
