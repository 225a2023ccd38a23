"""The parameters that are recorded, each with its place in one flat vector of changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from causalhyper.errors import ConfigurationError

Choice = Callable[[str, nn.Parameter], bool] | Sequence[str] | str | None
"""Which layers: a condition on name and parameter, names or patterns such as ``*.weight``."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One parameter tensor that is recorded.

    Attributes
    ----------
    name : str
        Its name in the model.
    parameter : Parameter
        The tensor.
    start, stop : int
        Its columns in the vector of all changes.
    """

    name: str
    parameter: nn.Parameter
    start: int
    stop: int

    def view(self, flat: Tensor) -> Tensor:
        """Return the layer's part of a flat vector in the layer's shape."""
        return flat[self.start : self.stop].view(self.parameter.shape)


def choose_layers(
    model: nn.Module, optimizer: torch.optim.Optimizer, choice: Choice = None
) -> tuple[Layer, ...]:
    """List the trainable parameters that an optimiser moves, in the model's order.

    Parameters
    ----------
    model : Module
        The network; a parameter that it shares between modules is listed once. The prefix
        ``module.`` of a data-parallel wrapper is left out of the names.
    optimizer : Optimizer
        What moves them; what is frozen (``requires_grad`` is false) is left out.
    choice : callable, str or sequence of str, optional
        Which to keep: a condition on name and parameter, or names and patterns. All without it.

    Returns
    -------
    tuple of Layer
        With consecutive columns.

    Raises
    ------
    ConfigurationError
        If none is left, a pattern meets none, the optimiser moves what the model does not hold,
        or the parameters are complex, sharded, or on several devices.

    Examples
    --------
    >>> model = nn.Linear(3, 2)
    >>> layers = choose_layers(model, torch.optim.SGD(model.parameters(), lr=0.1), "weight")
    >>> [(layer.name, layer.start, layer.stop) for layer in layers]
    [('weight', 0, 6)]
    """
    moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
    wrapped = isinstance(model, DistributedDataParallel | nn.DataParallel)
    named = {
        name.removeprefix("module.") if wrapped else name: p
        for name, p in model.named_parameters()
        if p.requires_grad and id(p) in moved
    }
    _check_held(model, optimizer)
    chosen = _chosen(named, choice)
    if not chosen:
        raise ConfigurationError(
            f"no layer to record: the optimiser trains {', '.join(named) or 'nothing'} of this "
            f"model, of which {choice!r} keeps none"
        )
    _check_kind(chosen)
    layers, start = [], 0
    for name, parameter in chosen.items():
        stop = start + parameter.numel()
        layers.append(Layer(name, parameter, start, stop))
        start = stop
    return tuple(layers)


def new_changes(layers: Sequence[Layer]) -> Tensor:
    """Return a vector for the changes of all layers, on their device, of zeros.

    Parameters
    ----------
    layers : sequence of Layer
        From `choose_layers`.

    Returns
    -------
    Tensor, shape (p,)
        In float64 where a parameter has it, else in float32.

    Examples
    --------
    >>> model = nn.Linear(3, 2).double()
    >>> new_changes(choose_layers(model, torch.optim.SGD(model.parameters()))).dtype
    torch.float64
    """
    double = any(layer.parameter.dtype == torch.float64 for layer in layers)
    dtype = torch.float64 if double else torch.float32
    return torch.zeros(layers[-1].stop, dtype=dtype, device=layers[0].parameter.device)


def _chosen(named: dict[str, nn.Parameter], choice: Choice) -> dict[str, nn.Parameter]:
    if choice is None:
        return named
    if callable(choice):
        return {name: p for name, p in named.items() if choice(name, p)}
    patterns = [choice] if isinstance(choice, str) else choice
    if not isinstance(patterns, Sequence) or not all(isinstance(each, str) for each in patterns):
        raise ConfigurationError(
            "layers must be a name or pattern, a list of them, or a condition on name and "
            f"parameter; got {choice!r}"
        )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in named):
            raise ConfigurationError(
                f"no layer is called {pattern!r}; the optimiser trains {', '.join(named)}"
            )
    return {k: p for k, p in named.items() if any(fnmatchcase(k, pat) for pat in patterns)}


def _check_held(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Refuse an optimiser of other parameters than the model's."""
    held = {id(p) for p in model.parameters()}
    lost = sum(id(p) not in held for g in optimizer.param_groups for p in g["params"])
    if lost:
        raise ConfigurationError(
            f"the optimiser moves {lost} parameters that are not the model's: give the module "
            "that holds them all, and the optimiser that was made from it"
        )


def _check_kind(chosen: dict[str, nn.Parameter]) -> None:
    devices = {p.device for p in chosen.values()}
    if len(devices) > 1:
        raise ConfigurationError(
            f"the layers lie on several devices ({', '.join(sorted(map(str, devices)))}): record "
            "those of one device, by layers="
        )
    for name, p in chosen.items():
        if type(p.data) is not Tensor or not p.is_floating_point():
            raise ConfigurationError(
                f"{name!r} is a {type(p.data).__name__} of {p.dtype}; expected a plain tensor of "
                "real numbers, neither sharded nor quantised: leave it out by layers="
            )
