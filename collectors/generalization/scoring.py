"""Score a classifier, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, batches
from collectors.calls import Loss, call, check_losses
from collectors.generalization.calibration import calibration_error
from collectors.generalization.scores import Scores
from collectors.model_state import Mode, measuring


class Scorer:
    """Score batches as they come; what it keeps is two numbers an example.

    Parameters
    ----------
    bins : int
        Bins of the calibration errors.

    Examples
    --------
    >>> scorer = Scorer()
    >>> logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    >>> scorer.add(logits, labels, nn.functional.cross_entropy(logits, labels, reduction="none"))
    >>> scorer.result().n_correct
    1
    """

    def __init__(self, *, bins: int = 15) -> None:
        if bins < 1:
            raise ConfigurationError(f"calibration needs at least 1 bin; got {bins}")
        self._bins = bins
        self._confusion: Tensor | None = None
        self._sums = torch.zeros(2, dtype=torch.float64)  # log-likelihood, Brier
        self._losses: list[Tensor] = []
        self._confidence: list[Tensor] = []
        self._correct: list[Tensor] = []

    def add(self, logits: Tensor, labels: Tensor, losses: Tensor) -> None:
        """Score one more batch.

        Parameters
        ----------
        logits : Tensor, shape (n, classes)
            The network's outputs.
        labels : Tensor of int64, shape (n,)
            The true classes.
        losses : Tensor, shape (n,)
            Per-example losses.

        Raises
        ------
        ConfigurationError
            If the shapes do not fit those before, or a label is no class.
        """
        logits, labels = logits.detach(), labels.detach()
        self._check(logits, labels, losses)
        width = logits.shape[1]
        called = logits.argmax(1)
        pairs = torch.bincount(labels * width + called, minlength=width**2)
        pairs = pairs.reshape(width, width).cpu()
        self._confusion = pairs if self._confusion is None else self._confusion + pairs
        logs = logits.double().log_softmax(1)
        p = logs.exp()
        own = labels[:, None]
        brier = p.square().sum() + len(p) - 2 * p.gather(1, own).sum()
        self._sums += torch.stack([-logs.gather(1, own).sum(), brier]).cpu()
        self._losses.append(losses.detach().double().cpu())
        self._confidence.append(p.max(1).values.cpu())
        self._correct.append((called == labels).cpu())

    def result(self, *, mode: Mode = "eval") -> Scores:
        """Put the scores of all batches together.

        Parameters
        ----------
        mode : str
            Mode of the network, for the record.

        Returns
        -------
        Scores
            Of all examples so far.

        Raises
        ------
        ConfigurationError
            If there was no example.
        """
        if self._confusion is None:
            raise ConfigurationError(
                "no example was scored: is data a generator that was used up?"
            )
        losses, n = torch.cat(self._losses), int(self._confusion.sum())
        error = float(losses.std()) / math.sqrt(n) if n > 1 else math.nan
        confidence, correct = torch.cat(self._confidence), torch.cat(self._correct)
        ece, mass = (
            calibration_error(confidence, correct, bins=self._bins, equal=equal)
            for equal in ("width", "mass")
        )
        nll, brier = (self._sums / n).tolist()
        confusion = tuple(map(tuple, self._confusion.tolist()))
        return Scores(confusion, float(losses.mean()), error, nll, brier, ece, mass, mode)

    def _check(self, logits: Tensor, labels: Tensor, losses: Tensor) -> None:
        width = None if self._confusion is None else len(self._confusion)
        fits = logits.ndim == 2 and logits.shape[1] >= 2 and labels.shape == logits.shape[:1]
        if not fits or not len(labels) or width not in (None, logits.shape[1]):
            raise ConfigurationError(
                "expected logits of shape (n, classes >= 2), the same classes in every batch, and "
                f"labels of shape (n,), n >= 1; got {tuple(logits.shape)} and "
                f"{tuple(labels.shape)}"
            )
        check_losses(losses, len(labels))
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= logits.shape[1]:
            raise ConfigurationError(
                f"expected labels from 0 to {logits.shape[1] - 1}; got {low} to {high}: leave "
                "out examples without a label"
            )


def score(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
    logits: Callable[[Any], Tensor] | None = None,
    bins: int = 15,
) -> Scores:
    """Score a classifier on batches of examples.

    Parameters
    ----------
    model : Module
        The classifier.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, labels), or iterable of such
        One batch or several; iterated once; labels are classes from 0.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        What dropout draws from, in train mode.
    logits : callable, optional
        Takes the network's outputs to logits of shape (n, classes); without it they are these.
    bins : int
        Bins of the calibration errors.

    Returns
    -------
    Scores
        With counts, so that a binomial model can be fitted.

    Raises
    ------
    ConfigurationError
        If there is no example, or the logits, labels or losses do not fit.

    Notes
    -----
    Accuracy, loss, likelihood and Brier score are unbiased for the population where the examples
    are a sample that was not trained on; precision and F1 are ratios, consistent only; the
    calibration errors are biased upward (`calibration_error`). Macro averages are over all
    classes of the problem, as scikit-learn's with ``labels=range(classes)``.

    Cost: one forward pass.

    Examples
    --------
    >>> model = nn.Linear(2, 2, bias=False)
    >>> _ = model.weight.detach().copy_(torch.eye(2))
    >>> data = [(torch.eye(2), torch.tensor([0, 1])), (torch.eye(2), torch.tensor([0, 0]))]
    >>> found = score(model, nn.CrossEntropyLoss(reduction="none"), data)
    >>> found.n_correct, found.n
    (3, 4)
    """
    scorer = Scorer(bins=bins)
    with measuring(model, mode, generator=generator), torch.no_grad():
        for inputs, labels in batches(data, model):
            outputs = call(model, inputs)
            found = outputs if logits is None else logits(outputs)
            scorer.add(found, labels, loss(outputs, labels))
    return scorer.result(mode=mode)
