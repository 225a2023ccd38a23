"""What a classifier scores on a set of examples, with the counts behind it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.calls import Batches, Loss, call, check_losses, count
from collectors.generalization.calibration import calibration_error
from collectors.model_state import Mode, measuring


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a classifier on n examples.

    Attributes
    ----------
    confusion : tuple of tuple of int
        Number of examples of class r (row) that were called class c (column).
    loss, loss_error : float
        Mean loss and its standard error over examples (NaN for one example), in units of the
        loss.
    nll : float
        Mean negative log-likelihood of the softmax of the logits, in nats.
    brier : float
        Brier score summed over classes, in [0, 2].
    ece, ece_mass : float
        Expected calibration error with bins of equal width and of equal numbers of examples;
        both are biased upward.
    mode : str
        Mode of the network while it was scored.
    """

    confusion: tuple[tuple[int, ...], ...]
    loss: float
    loss_error: float
    nll: float
    brier: float
    ece: float
    ece_mass: float
    mode: Mode

    @property
    def n(self) -> int:
        """Number of examples: the binomial's trials."""
        return sum(map(sum, self.confusion))

    @property
    def n_correct(self) -> int:
        """Number classified rightly: the binomial's successes."""
        return sum(row[c] for c, row in enumerate(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share classified rightly; its standard error is ``sqrt(a (1 - a) / n)``."""
        return self.n_correct / self.n

    @property
    def macro_precision(self) -> float:
        """Precision a class, averaged over all classes; one never called counts as 0."""
        return self._mean("precision")

    @property
    def macro_recall(self) -> float:
        """Recall a class, averaged over all classes; one without examples counts as 0."""
        return self._mean("recall")

    @property
    def macro_f1(self) -> float:
        """F1 a class, averaged over all classes; one neither met nor called counts as 0."""
        return self._mean("f1")

    def to_frame(self) -> pd.DataFrame:
        """Tidy frame, a row a class: class, examples, called, correct, precision, recall, f1."""
        rows = []
        for c, row in enumerate(self.confusion):
            examples, called, right = sum(row), sum(r[c] for r in self.confusion), row[c]
            precision, recall = right / max(called, 1), right / max(examples, 1)
            f1 = 2 * right / max(examples + called, 1)
            rows.append((c, examples, called, right, precision, recall, f1))
        names = ["class", "examples", "called", "correct", "precision", "recall", "f1"]
        return pd.DataFrame(rows, columns=names)

    def summary(self) -> str:
        """Describe the scores in words."""
        return (
            f"{self.n_correct} of {self.n} right ({self.accuracy:.2%}), {self.mode} mode\n"
            f"  macro precision {self.macro_precision:.3f}, recall {self.macro_recall:.3f}, "
            f"F1 {self.macro_f1:.3f}\n"
            f"  loss {self.loss:.4g} (se {self.loss_error:.2g}), Brier {self.brier:.4g}, "
            f"calibration error {self.ece:.3f} (biased upward)"
        )

    def _mean(self, name: str) -> float:
        return float(self.to_frame()[name].mean())


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
    data: Batches,
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
    data : iterable of (inputs, labels)
        Batches; iterated once; labels are classes from 0.
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
        for inputs, labels in data:
            if count(inputs):
                outputs = call(model, inputs)
                found = outputs if logits is None else logits(outputs)
                scorer.add(found, labels, loss(outputs, labels))
    return scorer.result(mode=mode)


@dataclass(frozen=True, slots=True)
class Gap:
    """Difference between training and test scores.

    Attributes
    ----------
    accuracy, accuracy_error : float
        Train accuracy minus test accuracy, and its standard error.
    loss, loss_error : float
        Test loss minus train loss, and its standard error, in units of the loss.
    """

    accuracy: float
    accuracy_error: float
    loss: float
    loss_error: float


def gap(train: Scores, test: Scores) -> Gap:
    """Generalisation gap of a network: positive where it does worse on the test set.

    Parameters
    ----------
    train : Scores
        On the training set, all of it.
    test : Scores
        On examples that were not trained on.

    Returns
    -------
    Gap
        Its errors are those of drawing the test examples alone: the training score is that of
        the set the network was fitted to, and no sample of it.

    Notes
    -----
    Units: shares, and units of the loss. Unbiased for population minus training score. Where
    training scores come from a part of the training set, their own error is to be added.

    Examples
    --------
    >>> table = ((3, 1), (0, 4))
    >>> test = Scores(table, 0.5, 0.1, 0.5, 0.3, 0.1, 0.1, "eval")
    >>> gap(test, test).accuracy
    0.0
    """
    a = test.accuracy
    return Gap(
        train.accuracy - a,
        math.sqrt(a * (1 - a) / test.n),
        test.loss - train.loss,
        test.loss_error,
    )
