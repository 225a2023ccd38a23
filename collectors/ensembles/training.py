"""Train one small network at many seeds at once, each as if it were trained alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import stack_module_state

from causalhyper.errors import ConfigurationError
from collectors.ensembles.beginnings import initial_model, minibatch_orders, spawned_seeds
from collectors.ensembles.stacked_gradients import MinibatchLoss, StackedGradients
from collectors.ensembles.stacked_optimizers import Sgd, Stacked, StackedOptimizer, State, advance

Data = Sequence[Tensor] | Callable[[int], Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Networks of one architecture, one a seed.

    Attributes
    ----------
    seeds : tuple of int
        One a member.
    parameters, buffers : dict of Tensor
        By name, each of shape (members, ...).
    losses : Tensor, shape (updates, members)
        Minibatch losses, each before its update.
    """

    seeds: tuple[int, ...]
    parameters: Stacked
    buffers: Stacked
    losses: Tensor

    @property
    def diverged(self) -> Tensor:
        """Whether a member's parameters are not all finite, shape (members,)."""
        finite = [p.isfinite().flatten(1).all(1) for p in self.parameters.values()]
        return ~torch.stack(finite).all(0)

    def state(self, seed: int) -> dict[str, Tensor]:
        """Return one member's parameters and buffers.

        Parameters
        ----------
        seed : int
            Of the member.

        Returns
        -------
        dict of Tensor
            For ``load_state_dict``; copies.

        Raises
        ------
        ConfigurationError
            If no member has the seed.
        """
        if seed not in self.seeds:
            raise ConfigurationError(f"no member has the seed {seed}: got {self.seeds}")
        place = self.seeds.index(seed)
        return {k: v[place].clone() for k, v in (self.parameters | self.buffers).items()}


def train_ensemble(
    make_model: Callable[[], nn.Module],
    seeds: Sequence[int],
    data: Data,
    loss: MinibatchLoss,
    *,
    batch_size: int,
    updates: int,
    learning_rate: float | Callable[[int], float],
    optimizer: StackedOptimizer | None = None,
) -> Ensemble:
    """Train one network a seed, all in one vectorised pass a step.

    Every member has the initial weights (`initial_model`) and the minibatches
    (`minibatch_orders`) that its seed gives, and gets the gradient, the optimiser state and, in
    SAM, the norm of its own; so it is what training alone gives, to rounding.

    Parameters
    ----------
    make_model : callable
        Makes the network, in the mode (train or eval) in which it is to be trained; its weights
        come from torch's global generator, which is seeded for each member.
    seeds : sequence of int
        One a member, at least 0, none twice.
    data : sequence of Tensor, or callable
        Tensors of shape (examples, ...), on the network's device; or what returns them for a
        seed, of the same shapes for all, where each has its own split.
    loss : callable
        ``loss(network, *minibatch)`` is the mean loss, a scalar; ``network`` is a callable.
    batch_size, updates : int
        B and the number of steps.
    learning_rate : float or callable
        The rate, or the rate of each step, numbered from 0.
    optimizer : Sgd, Adam or Sam, optional
        Plain `Sgd` if None.

    Returns
    -------
    Ensemble
        Parameters, buffers and losses of every member. One that diverges leaves the others as
        they are.

    Raises
    ------
    ConfigurationError
        If there are no seeds or one is there twice, the data do not fit together, the loss is
        no scalar, or the network cannot be vectorised.

    Notes
    -----
    Batch normalisation in train mode keeps the running statistics of each member, and SAM's
    second pass leaves them alone. Dropout draws a mask for each member, from a generator that
    the seeds determine: such members are a sample of what training alone gives, not the same.
    Cost: memory of all members at once; see ``benchmarks/ensembles.py`` for the time.

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 8)[:, None]
    >>> ensemble = train_ensemble(
    ...     lambda: nn.Linear(1, 1), seeds=[0, 1, 2], data=(x, 3 * x),
    ...     loss=lambda network, x, y: (network(x) - y).square().mean(),
    ...     batch_size=8, updates=100, learning_rate=0.5,
    ... )
    >>> ensemble.parameters["weight"].flatten().round(decimals=3).tolist()
    [3.0, 3.0, 3.0]
    """
    _check(seeds, updates)
    models = [initial_model(make_model, seed) for seed in seeds]
    parameters, buffers = _stacked(models)
    trained = [k for k, p in models[0].named_parameters() if p.requires_grad]
    tensors, own = _tensors(data, seeds)
    frozen = {k: p for k, p in parameters.items() if k not in trained}
    parameters = {k: parameters[k] for k in trained}
    optimizer = optimizer or Sgd()
    rate = learning_rate if callable(learning_rate) else lambda step: learning_rate
    state: State = {}
    losses = []
    orders = minibatch_orders(seeds, tensors[0].shape[int(own)], batch_size, updates)
    with _dropout_generator(seeds, models[0]), torch.no_grad():
        for step, order in enumerate(orders):
            gradients = StackedGradients(
                models[0], loss, frozen, buffers, _batch(tensors, order, own)
            )
            losses.append(advance(optimizer, parameters, gradients, state, step + 1, rate(step)))
    return Ensemble(tuple(seeds), parameters | frozen, buffers, torch.stack(losses))


def _check(seeds: Sequence[int], updates: int) -> None:
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigurationError(
            f"expected one seed at least, and none twice; got {', '.join(map(str, seeds)) or '0'}"
        )
    if updates < 1:
        raise ConfigurationError(f"updates must be at least 1; got {updates}")


def _stacked(models: Sequence[nn.Module]) -> tuple[Stacked, Stacked]:
    try:
        parameters, buffers = stack_module_state(list(models))
    except RuntimeError as error:
        raise ConfigurationError(
            f"the networks differ: {error}: let make_model make one architecture in one mode"
        ) from error
    return {k: p.detach() for k, p in parameters.items()}, dict(buffers)


def _tensors(data: Data, seeds: Sequence[int]) -> tuple[tuple[Tensor, ...], bool]:
    """The data, and whether each member has its own: then of shape (members, examples, ...)."""
    own = callable(data)
    each = [tuple(data(seed)) for seed in seeds] if callable(data) else [tuple(data)]
    shapes = {tuple(t.shape for t in tensors) for tensors in each}
    if len(shapes) > 1 or not each[0] or len({t.shape[0] for t in each[0]}) > 1:
        raise ConfigurationError(
            "the data must be tensors of one length, and of the same shapes for every seed; got "
            f"{sorted(tuple(map(tuple, shape)) for shape in shapes)}"
        )
    return tuple(map(torch.stack, zip(*each, strict=True))) if own else each[0], own


def _batch(tensors: tuple[Tensor, ...], order: Tensor, own: bool) -> tuple[Tensor, ...]:
    """The minibatches of all members, each of shape (members, batch_size, ...)."""
    order = order.to(tensors[0].device)
    if not own:
        return tuple(t[order] for t in tensors)
    members = torch.arange(len(order), device=order.device)[:, None]
    return tuple(t[members, order] for t in tensors)


@contextmanager
def _dropout_generator(seeds: Sequence[int], model: nn.Module) -> Iterator[None]:
    """Seed torch's global generators for dropout, and leave them as they were."""
    devices = {p.device for p in model.parameters() if p.device.type == "cuda"}
    with torch.random.fork_rng(devices=list(devices)):
        torch.manual_seed(spawned_seeds(seeds)[0])
        yield
