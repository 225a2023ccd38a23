"""What all networks of one seed share, and what is known of each on its way down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning.methods import Method
from collectors.ensembles.pruning.networks import Precision, StackedNetwork
from collectors.ensembles.pruning.passes import Order, evaluate_rows
from collectors.pruning.passes import Performance
from collectors.pruning.settings import PruningSettings
from collectors.pruning.tasks import PruningTask


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """What all networks of one seed share.

    Attributes
    ----------
    task : PruningTask
        Data and loss.
    network : StackedNetwork
        The architecture.
    settings : PruningSettings
        Lengths and rates.
    seed : int
        From 0.
    precision : {"float32", "tf32", "bfloat16"}
        Of products while collecting: of losses and fresh gradients that are recorded, of
        gradients that rank, of evaluations.
    fast : {"float32", "tf32", "bfloat16"}
        Of products before and after.
    at_once : int
        Networks a pass.
    descent : {"float32", "tf32", "bfloat16"}, optional
        Of products of the gradients that a collecting step follows; `precision` unless given. The
        change of each parameter is recorded as it was made, whatever made it, so a coarser one
        changes the way that networks take and not what is known of it.

    Raises
    ------
    ConfigurationError
        If the settings ask for what is not done side by side.
    """

    task: PruningTask
    network: StackedNetwork
    settings: PruningSettings
    seed: int
    precision: Precision = "float32"
    fast: Precision = "float32"
    at_once: int = 64
    descent: Precision | None = None

    def __post_init__(self) -> None:
        check_settings(self.settings)

    @property
    def descending(self) -> Precision:
        """Precision of the gradients that a collecting step follows."""
        return self.descent or self.precision

    def order(self) -> Order:
        """Return the minibatches."""
        return Order(self.seed, self.task.device or "cpu")

    def judged(self, rows: Tensor, precision: Precision, *names: str) -> list[list[Performance]]:
        """Evaluate on some of the task's data sets, each a list of one a row."""
        order, found = self.order(), []
        for name in names:
            data = getattr(self.task, name)
            batches = iter(()) if data is None else order.evaluation(data)
            found.append(evaluate_rows(self.network, rows, batches, precision, self.at_once))
        return found


def check_settings(settings: PruningSettings) -> None:
    """Refuse settings that only `collectors.pruning.prune` follows.

    Parameters
    ----------
    settings : PruningSettings
        Of many prunings on one device.

    Raises
    ------
    ConfigurationError
        If they rewind elsewhere than to the weights after pre-training, prune units, count zeros
        of the beginning, train on before collecting, or excite steps.
    """
    elsewhere = settings.rewind != "pretrained" or settings.structured or settings.keep_zeros
    if elsewhere or settings.n_more or settings.excited:
        raise ConfigurationError(
            "expected settings that rewind to the weights after pre-training and prune "
            "parameters, without zeros of the beginning, n_more (a method has `more`) and "
            "excitation; got others: use prune_many"
        )


@dataclass(slots=True, eq=False)
class Branch:
    """One method on its way down.

    Attributes
    ----------
    method : Method
        What prunes.
    kept : Tensor of bool, shape (p,)
        Until now.
    log, layers : list of dict
        Rows of the frames, without the run's name.
    """

    method: Method
    kept: Tensor
    log: list[dict[str, Any]] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)

    def sparsity(self, stack: Stack) -> float:
        """Return the share that is pruned until now."""
        if not self.layers:
            return 0.0
        layout = stack.network.layout
        last = self.layers[-len(layout.prunable) :]
        return 1 - sum(layer["kept"] for layer in last) / layout.entries


@dataclass(frozen=True, slots=True, eq=False)
class Pruning:
    """What is left of a network after so many iterations.

    Attributes
    ----------
    method : str
        What pruned; "dense" for what is whole.
    target : float or None
        Sparsity asked for; None where the criterion chose.
    kept : Tensor of bool, shape (p,)
        What is kept.
    log, layers : tuple of dict
        Rows until here.
    """

    method: str
    target: float | None
    kept: Tensor
    log: tuple[dict[str, Any], ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
