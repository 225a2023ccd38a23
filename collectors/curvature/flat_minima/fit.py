"""What must be known of a network before its curvature says anything: how well it fits."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, batches
from collectors.calls import Loss, call, check_losses
from collectors.curvature.operator import seeded
from collectors.model_state import Mode, measuring
from collectors.parameters import chosen_parameters


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Loss, accuracy and gradient of a network on its training examples.

    Attributes
    ----------
    loss : float
        Mean loss.
    accuracy : float
        Share of right predictions; NaN where the network does not classify.
    chance : float
        Share of the commonest class, which a constant prediction gets right; NaN likewise.
    commonest : float
        Share of the examples that get the prediction which is made most often; NaN likewise.
    gradient : dict of str to Tensor
        Of the mean loss, by parameter.
    examples : int
        n.
    """

    loss: float
    accuracy: float
    chance: float
    commonest: float
    gradient: Mapping[str, Tensor]
    examples: int

    @property
    def skill(self) -> float:
        """(accuracy - chance) / (1 - chance): 0 for a constant prediction, 1 for no error."""
        return (self.accuracy - self.chance) / (1 - self.chance) if self.chance < 1 else math.nan


def measure_fit(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    parameters: list[str] | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Fit:
    """Measure loss, accuracy and gradient on all the data.

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        The training examples. Accuracy is measured where the outputs are (n, classes) and the
        targets whole numbers (n,).
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of dropout; seeded with 0 where none is given.

    Returns
    -------
    Fit

    Raises
    ------
    ConfigurationError
        If the data hold no batch.

    Notes
    -----
    Cost: one gradient.

    Examples
    --------
    >>> model = nn.Linear(1, 2, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[1.0], [0.0]]))
    >>> entropy = nn.CrossEntropyLoss(reduction="none")
    >>> x, y = torch.tensor([[1.0], [2.0], [3.0], [-1.0]]), torch.tensor([0, 0, 1, 1])
    >>> found = measure_fit(model, entropy, (x, y))
    >>> found.accuracy, found.chance, found.commonest, found.skill
    (0.75, 0.5, 0.75, 0.5)
    """
    chosen = chosen_parameters(model, parameters)
    totals = {name: torch.zeros_like(p) for name, p in chosen.items()}
    classes: list[tuple[list[int], list[int]]] = []
    total, examples, classifies = 0.0, 0, True
    with measuring(model, mode, generator=seeded(generator)), torch.enable_grad():
        for p in chosen.values():
            p.requires_grad_()
        for inputs, targets in batches(data, model):
            outputs = call(model, inputs)
            losses = check_losses(loss(outputs, targets))
            _add_gradient(totals, chosen, losses)
            total, examples = total + float(losses.detach().double().sum()), examples + len(losses)
            classifies = classifies and _are_classes(outputs, targets)
            if classifies:
                classes.append((outputs.detach().argmax(dim=1).tolist(), targets.tolist()))
    if not examples:
        raise ConfigurationError("the data hold no batch: expected at least one")
    shares = _shares(classes) if classifies else (math.nan, math.nan, math.nan)
    gradient = {name: summed / examples for name, summed in totals.items()}
    return Fit(total / examples, *shares, gradient, examples)


def _add_gradient(
    totals: Mapping[str, Tensor], chosen: Mapping[str, nn.Parameter], losses: Tensor
) -> None:
    if losses.requires_grad:
        parts = torch.autograd.grad(losses.sum(), list(chosen.values()), materialize_grads=True)
        for summed, part in zip(totals.values(), parts, strict=True):
            summed += part


def _are_classes(outputs: Any, targets: Any) -> bool:
    return (
        isinstance(outputs, Tensor)
        and isinstance(targets, Tensor)
        and outputs.ndim == 2
        and outputs.shape[1] > 1
        and targets.shape == outputs.shape[:1]
        and not (targets.is_floating_point() or targets.is_complex())
    )


def _shares(classes: Sequence[tuple[list[int], list[int]]]) -> tuple[float, float, float]:
    """Accuracy, and the shares of the commonest class and of the commonest prediction."""
    predicted = [c for found, _ in classes for c in found]
    true = [c for _, found in classes for c in found]
    right = sum(p == t for p, t in zip(predicted, true, strict=True))
    most = [max(Counter(each).values()) / len(true) for each in (true, predicted)]
    return right / len(true), most[0], most[1]
