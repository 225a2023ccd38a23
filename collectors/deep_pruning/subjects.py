"""One network on its device, with what all prunings of one seed share."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from collectors.batches import Batch, Data, batches
from collectors.calls import call
from collectors.ensembles.pruning.layout import FlatLayout
from collectors.ensembles.pruning.networks import Precision, arithmetic
from collectors.ensembles.pruning.stacks import check_settings
from collectors.pruning.passes import Performance, evaluate
from collectors.pruning.processes import Processes
from collectors.pruning.seeding import derived_seed, seed_everything
from collectors.pruning.settings import PruningSettings
from collectors.pruning.tasks import PruningTask, prunable_parameters

State = Mapping[str, Tensor]
"""A state dict on the network's device."""


class Called(nn.Module):
    """The network as it is called: images in channels-last order, outputs in float32 or better.

    Parameters
    ----------
    inner : Module
        The network.
    channels_last : bool
        Whether inputs of four axes are laid out so.
    compiled : Module, optional
        What a compiler made of it for inputs of one shape, for which alone it is called: of other
        shapes, such as an epoch's last minibatch, there are too few to be worth compiling.
    shape : tuple of int, optional
        That shape.
    """

    def __init__(
        self,
        inner: nn.Module,
        channels_last: bool,
        compiled: nn.Module | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.inner, self._channels_last = inner, channels_last
        self._compiled, self._shape = compiled, shape

    def forward(self, inputs: Any) -> Any:
        """Return what the network does."""
        if self._channels_last and isinstance(inputs, Tensor) and inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        usual = getattr(inputs, "shape", None) == self._shape
        chosen = self._compiled if usual and self._compiled is not None else self.inner
        found = call(chosen, inputs)
        half = isinstance(found, Tensor) and found.is_floating_point() and found.itemsize < 4
        return found.float() if half else found


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One network, trained and pruned again and again from one seed; `make_subject` makes it.

    Attributes
    ----------
    task : PruningTask
        Data and loss.
    model : Module
        The network itself, whose parameters are overwritten.
    called : Called
        What is called in its place.
    layout : FlatLayout
        Of what may be pruned, in one row.
    settings : PruningSettings
        Lengths and rates.
    seed : int
        From 0.
    precision : {"float32", "tf32", "bfloat16"}
        Of products while steps are recorded.
    fast : {"float32", "tf32", "bfloat16"}
        Of products of all other training, and of evaluation.
    """

    task: PruningTask
    model: nn.Module
    called: Called
    layout: FlatLayout
    settings: PruningSettings
    seed: int = 0
    precision: Precision = "float32"
    fast: Precision = "float32"

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.model.parameters()).device

    def first_state(self) -> State:
        """Return the weights with which the seed begins."""
        seed_everything(derived_seed(self.seed, "model"))
        state = self.task.new_model().state_dict()
        return {name: value.detach().to(self.device) for name, value in state.items()}

    def load(self, state: State) -> None:
        """Give the network a state; parameters keep their place and order in memory."""
        self.model.load_state_dict(dict(state))

    def state(self) -> State:
        """Return a copy of the network's state."""
        return {k: v.detach().clone() for k, v in self.model.state_dict().items()}

    def everything(self) -> Tensor:
        """Return a row in which nothing is pruned, shape (p,)."""
        return torch.ones(self.layout.width, dtype=torch.bool, device=self.device)

    def masks(self, kept: Tensor) -> dict[str, Tensor]:
        """Return a row of truth values as masks, laid out in memory as the parameters are."""
        named = dict(self.model.named_parameters())
        found = {}
        for name, view in self.layout.views(kept[None]).items():
            found[name] = torch.empty_like(named[name], dtype=torch.bool).copy_(view[0])
        return found

    def masked(self, state: State, kept: Tensor) -> State:
        """Return a state with zeros where it is pruned."""
        return {**state, **{n: state[n] * mask for n, mask in self.masks(kept).items()}}

    def sparsity(self, kept: Tensor) -> float:
        """Return the share pruned."""
        return 1 - int(kept.sum()) / self.layout.entries

    def adam(self, rate: float | None = None) -> torch.optim.Optimizer:
        """Return the optimiser of pre- and post-training: the task's own, or Adam."""
        trained = [p for p in self.model.parameters() if p.requires_grad]
        if self.task.optimizer is not None and rate is None:
            return self.task.optimizer(trained)
        rate = self.settings.learning_rate if rate is None else rate
        return torch.optim.Adam(trained, lr=rate, fused=self.device.type == "cuda")

    def epoch(self, stage: str, iteration: int, epoch: int, data: Data) -> Iterator[Batch]:
        """Go once through data, in the order in which `collectors.pruning.prune` does."""
        words = (stage, iteration, epoch)
        own = derived_seed(self.seed, *words, 0)
        seed_everything(own, data, order=derived_seed(self.seed, *words))
        yield from batches(data, self.model)

    def judged(self, name: str, precision: Precision) -> Performance:
        """Evaluate the network as it is on train, validation or test data."""
        data = getattr(self.task, name)
        seed_everything(derived_seed(self.seed, "evaluation", 0, 0, 0), data)
        with arithmetic(precision, self.device):
            return evaluate(self.called, self.task, data, Processes(0, 1, self.device))


def make_subject(
    task: PruningTask,
    settings: PruningSettings,
    seed: int = 0,
    *,
    precision: Precision = "float32",
    fast: Precision = "float32",
    channels_last: bool = False,
    compiled: bool = False,
) -> Subject:
    """Make the network that all prunings of a task are made of.

    Parameters
    ----------
    task : PruningTask
        Network, data and loss; any network that `collectors.pruning.prune` takes, also with batch
        normalisation and dropout.
    settings : PruningSettings
        Rewinding to the weights after pre-training; pruning parameters.
    seed : int
        From 0.
    precision, fast : {"float32", "tf32", "bfloat16"}
        Of products while steps are recorded, and elsewhere.
    channels_last : bool
        Lay out images and kernels so.
    compiled : bool
        Compile the network by ``torch.compile`` for minibatches of the shape of the first; where
        that fails a warning says so.

    Returns
    -------
    Subject

    Raises
    ------
    ConfigurationError
        If the settings ask for what is not done here, or nothing can be pruned.

    Examples
    --------
    >>> x, y = torch.ones(4, 3), torch.zeros(4).long()
    >>> task = PruningTask(lambda: nn.Linear(3, 2), train=(x, y))
    >>> make_subject(task, PruningSettings()).layout.entries
    6
    """
    check_settings(settings)
    seed_everything(derived_seed(seed, "model"))
    model = task.new_model()
    if channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    chosen = prunable_parameters(model, task.layers)
    layout = FlatLayout({name: tuple(p.shape) for name, p in chosen.items()}, tuple(chosen))
    called = Called(model, channels_last)
    if compiled:
        called = _compiled(model, task, called, channels_last, fast)
    return Subject(task, model, called, layout, settings, seed, precision, fast)


def _compiled(
    model: nn.Module, task: PruningTask, plain: Called, channels_last: bool, precision: Precision
) -> Called:
    """Return the network compiled for the first minibatch, once a step with it has worked."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    device = next(model.parameters()).device
    inputs, targets = next(batches(task.train, model))
    try:
        # dropout draws as it does without a compiler, so that a step can be repeated
        drawn: dict[str, Any] = {"fallback_random": True}
        made: Any = torch.compile(model, dynamic=False, options=drawn)
        found = Called(model, channels_last, made, getattr(inputs, "shape", None))
        with arithmetic(precision, device):
            task.loss(call(found, inputs), targets).mean().backward()
    except Exception as error:  # a compiler fails in many ways
        reason = str(error).partition("\n")[0]
        warnings.warn(f"not compiled, {type(error).__name__}: {reason}", stacklevel=3)
        found = plain
    model.load_state_dict(before)
    model.zero_grad()
    return found
