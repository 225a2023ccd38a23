"""What a classifier scores on a set of examples, with the counts behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.notebook import Shown
from collectors.model_state import Mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Scores(Shown):
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

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw precision and recall of each class."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame().melt("class", ["precision", "recall"], "series")
        frame["label"] = "class " + frame["class"].astype(str)
        return plot_dots(frame, xlabel="share of the examples", ax=ax)

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
