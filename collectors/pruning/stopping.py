"""When post-training ends, and which of its epochs was the best."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from collectors.pruning.passes import Performance


@dataclass(frozen=True, slots=True)
class Stopping:
    """What early stopping and the choice of the best epoch remember.

    Attributes
    ----------
    loss : float
        Training loss of the last epoch that was a gain.
    idle : int
        Epochs since.
    best_epoch : int
        Number of the best epoch; 0 before the first.
    best_accuracy, best_loss : float
        On the validation data, of that epoch; NaN where there is none.
    """

    loss: float = math.inf
    idle: int = 0
    best_epoch: int = 0
    best_accuracy: float = math.nan
    best_loss: float = math.nan

    def after(self, epoch: int, train: Performance, found: Performance, gain: float) -> Stopping:
        """Take an epoch into account.

        Parameters
        ----------
        epoch : int
            Its number, from 1.
        train, found : Performance
            On the training and the validation data.
        gain : float
            By how much the training loss has to fall.

        Returns
        -------
        Stopping
            The new one.

        Notes
        -----
        Best is the highest accuracy; the lowest loss where there is no accuracy; the last epoch
        where there are no validation data. Of equal accuracies the lower loss is better; of equal
        losses the earlier epoch.

        Examples
        --------
        >>> good, same = Performance(1.0, 0.5, 9), Performance(1.0, 0.5, 9)
        >>> Stopping().after(1, good, good, 1e-4).after(2, same, same, 1e-4)
        Stopping(loss=1.0, idle=1, best_epoch=1, best_accuracy=0.5, best_loss=1.0)
        """
        fell = train.loss < self.loss - gain
        now = replace(self, loss=train.loss, idle=0) if fell else replace(self, idle=self.idle + 1)
        if not self._is_better(found):
            return now
        return replace(now, best_epoch=epoch, best_accuracy=found.accuracy, best_loss=found.loss)

    def _is_better(self, found: Performance) -> bool:
        if not self.best_epoch or not found.examples:
            return True
        if math.isnan(found.loss):
            return False
        if found.accuracy != self.best_accuracy and not math.isnan(found.accuracy):
            return not found.accuracy < self.best_accuracy
        return not found.loss >= self.best_loss
