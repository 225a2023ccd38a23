"""The changes of linear layers as the factors that they are products of, kept on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.recording.changes import Changes
from collectors.recording.layers import Choice, Layer, choose_layers
from collectors.recording.update_rules import GradientDescent, unwrapped


@dataclass(frozen=True, slots=True, eq=False)
class LayerFactors:
    r"""Inputs and back-propagated errors of a linear layer in T steps.

    .. math:: \Delta W_t = -\eta_t \sum_b \delta_{tb} a_{tb}^\top

    Attributes
    ----------
    name : str
        Name of the weight.
    inputs : Tensor, shape (T, B, in)
        a: what the layer was given, an example (and place in a sequence) a row; rows of zeros
        where a step had fewer than B.
    errors : Tensor, shape (T, B, out)
        δ: gradient of the step's loss by what the layer returned.
    rates : Tensor, shape (T,)
        η: learning rate of the weight's group, in float64 on the CPU.
    """

    name: str
    inputs: Tensor
    errors: Tensor
    rates: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the weight: out, in."""
        return self.errors.shape[2], self.inputs.shape[2]


def record_factors(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    steps: int,
    examples: int,
    layers: Choice = None,
    device: torch.device | str | None = None,
) -> FactorRecorder:
    """Record the steps of plain SGD, linear layers as factors and the rest as changes.

    A linear layer of many inputs and outputs moves by a product of two thin matrices. Kept as
    these, the trajectory of a large network fits on one device: AlexNet's 57 million parameters in
    980 steps are 223 GB of changes, and 16 GB of factors at minibatches of 64.

    Parameters
    ----------
    model : Module
        The network that is trained.
    optimizer : Optimizer
        ``torch.optim.SGD`` without momentum, weight decay and maximize: what else adds to a change
        is no product of the step's factors.
    steps : int
        Steps to record at most; memory for all is taken at once.
    examples : int
        Rows a step at most: the minibatch, times the length of a sequence, summed over minibatches
        that are accumulated and over layers that share the weight.
    layers : callable, str or sequence of str, optional
        Which parameters, as `record` takes them.
    device : device, optional
        Where factors and changes are kept; the model's own unless given.

    Returns
    -------
    FactorRecorder
        A context manager; the recording ends with it.

    Raises
    ------
    ConfigurationError
        If the optimiser is another, or a number means nothing.

    Notes
    -----
    Memory: ``T B (in + out)`` numbers a linear layer, T times its size any other. Each step is
    checked: a gradient that is not the product of its factors (clipped, scaled, or with a part
    that did not come through the layer, such as a penalty on its weights) is refused. Cost: a copy
    of the factors, and two products of a vector with each weight's gradient.

    Losses are recorded beside it by `record` without a place.

    Examples
    --------
    >>> model = nn.Linear(3, 2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with record_factors(model, optimizer, steps=5, examples=4) as recorder:
    ...     for _ in range(5):
    ...         optimizer.zero_grad()
    ...         model(torch.ones(4, 3)).square().mean().backward()
    ...         optimizer.step()
    >>> recorder.factors["weight"].inputs.shape, recorder.changes["bias"].shape
    (torch.Size([5, 4, 3]), torch.Size([5, 2]))
    """
    inner = unwrapped(optimizer)
    _check_plain(inner)
    for name, number in (("steps", steps), ("examples", examples)):
        if not isinstance(number, int) or number < 1:
            raise ConfigurationError(f"{name} must be a whole number from 1; got {number!r}")
    chosen = choose_layers(model, inner, layers)
    return FactorRecorder(model, inner, chosen, steps, examples, device)


class FactorRecorder:
    """Takes factors and changes while it is open; `record_factors` makes one.

    Attributes
    ----------
    step : int
        Steps recorded.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        layers: tuple[Layer, ...],
        steps: int,
        examples: int,
        device: torch.device | str | None,
    ) -> None:
        self.step, self._steps = 0, steps
        self._optimizer = optimizer
        place = torch.device(device) if device is not None else layers[0].parameter.device
        modules = [m for m in model.modules() if type(m) is nn.Linear]
        held = {id(m.weight) for m in modules}
        self._linear = {
            id(each.parameter): _Taken(each, steps, examples, place)
            for each in layers
            if id(each.parameter) in held
        }
        others = [each for each in layers if id(each.parameter) not in held]
        packed = _packed(others)
        self._others = Changes(optimizer, packed, GradientDescent()) if packed else None
        size = packed[-1].stop if packed else 0
        self._changes = torch.zeros(steps, size, device=place, dtype=_precision(packed))
        self._hooks = [
            m.register_forward_hook(self._watch) for m in modules if id(m.weight) in self._linear
        ]
        self._hooks.append(optimizer.register_step_pre_hook(self._before))

    @property
    def factors(self) -> dict[str, LayerFactors]:
        """Of each linear layer's weight, by name; the first `step` steps."""
        return {each.layer.name: each.result(self.step) for each in self._linear.values()}

    @property
    def changes(self) -> dict[str, Tensor]:
        """Of any other parameter, by name, shape (step, p)."""
        places = {} if self._others is None else self._others.places
        return {
            name: self._changes[: self.step, start:stop]
            for name, (start, stop, _) in places.items()
        }

    def __enter__(self) -> FactorRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _watch(self, module: nn.Linear, given: tuple[Tensor, ...], returned: Tensor) -> None:
        """Wait for the error of what a layer returned."""
        if not (torch.is_grad_enabled() and returned.requires_grad):
            return
        taken, inputs = self._linear[id(module.weight)], given[0].detach()
        returned.register_hook(lambda error: taken.take(self.step, inputs, error.detach()))

    @torch.no_grad()
    def _before(self, optimizer: Any, *_: object) -> None:
        """Close a step before its update."""
        if self.step == self._steps:
            raise ConfigurationError(
                f"{self._steps} steps are recorded, and no more was asked for: end the recording, "
                "or give more steps="
            )
        _check_plain(optimizer)
        groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
        away = [
            each.close(self.step, float(groups[key]["lr"])) for key, each in self._linear.items()
        ]
        shares = torch.stack(away).tolist() if away else []
        for each, share in zip(self._linear.values(), shares, strict=True):
            if not share <= TOLERANCE:
                raise ConfigurationError(
                    f"the gradient of {each.layer.name!r} in step {self.step + 1} is not the "
                    f"product of the layer's inputs and errors (away by {share:.2g} of its norm): "
                    "was it clipped or scaled, does a penalty act on the weights, or was it "
                    "cleared after a backward pass? Record changes with "
                    "collectors.recording.record then"
                )
        if self._others is not None:
            self._others.before(self.step + 1)
            self._changes[self.step] = self._others.flat
        self.step += 1


TOLERANCE = 1e-2
"""Share of its norm by which a gradient may differ from the product of its factors."""


class _Taken:
    """Factors of one layer, filled step by step."""

    def __init__(self, layer: Layer, steps: int, examples: int, place: torch.device) -> None:
        self.layer, self._used = layer, 0
        weight = layer.parameter
        out, into = weight.shape
        self._inputs = torch.zeros(steps, examples, into, dtype=weight.dtype, device=place)
        self._errors = torch.zeros(steps, examples, out, dtype=weight.dtype, device=place)
        self._rates = torch.zeros(steps, dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)
        left, right = (
            torch.randn(n, generator=generator, dtype=torch.float64) for n in (out, into)
        )
        self._left, self._right = left.to(weight), right.to(weight)

    def take(self, step: int, inputs: Tensor, errors: Tensor) -> None:
        """Add the rows of one backward pass."""
        if step == len(self._rates):
            return
        inputs, errors = inputs.reshape(-1, inputs.shape[-1]), errors.reshape(-1, errors.shape[-1])
        end = self._used + len(inputs)
        if end > self._inputs.shape[1]:
            raise ConfigurationError(
                f"step {step + 1} has {end} rows or more at {self.layer.name!r}, and room was "
                f"made for {self._inputs.shape[1]}: give a larger examples="
            )
        self._inputs[step, self._used : end] = inputs
        self._errors[step, self._used : end] = errors
        self._used = end

    def close(self, step: int, rate: float) -> Tensor:
        """End a step; return how far the gradient is from the product, over its norm.

        Both are compared by one random linear form, whose standard deviation is that norm.
        """
        grad = self.layer.parameter.grad
        self._rates[step] = rate
        inputs = self._inputs[step, : self._used].to(self._right)
        errors = self._errors[step, : self._used].to(self._left)
        product = (errors @ self._left) @ (inputs @ self._right)
        for each in (self._inputs, self._errors):  # a step that was refused may have had more
            each[step, self._used :] = 0
        self._used = 0
        if grad is None:
            return product.abs().double()
        away = (self._left @ (grad @ self._right) - product).abs()
        norm = torch.linalg.vector_norm(grad).clamp_min(torch.finfo(grad.dtype).tiny)
        return (away / norm).double()

    def result(self, steps: int) -> LayerFactors:
        """Return the factors of the first steps."""
        return LayerFactors(
            self.layer.name, self._inputs[:steps], self._errors[:steps], self._rates[:steps]
        )


def _packed(layers: list[Layer]) -> tuple[Layer, ...]:
    """Return layers with consecutive columns."""
    found, start = [], 0
    for layer in layers:
        stop = start + layer.stop - layer.start
        found.append(Layer(layer.name, layer.parameter, start, stop))
        start = stop
    return tuple(found)


def _precision(layers: tuple[Layer, ...]) -> torch.dtype:
    double = any(each.parameter.dtype == torch.float64 for each in layers)
    return torch.float64 if double else torch.float32


def _check_plain(optimizer: torch.optim.Optimizer) -> None:
    """Refuse what moves a weight by more than its gradient."""
    if type(optimizer) is not torch.optim.SGD:
        raise ConfigurationError(
            "factors are recorded of torch.optim.SGD without momentum; got "
            f"{type(optimizer).__name__}: use collectors.recording.record"
        )
    for group in optimizer.param_groups:
        for name in ("momentum", "weight_decay"):
            if group[name]:
                raise ConfigurationError(
                    f"with {name} = {group[name]} a change is no product of one step's inputs and "
                    "errors: use collectors.recording.record, or train without"
                )
        if group["maximize"]:
            raise ConfigurationError(
                "with maximize a change goes up the gradient, and factors go down: minimise the "
                "loss with its sign turned, or use collectors.recording.record"
            )
    if getattr(optimizer, "grad_scale", None) is not None:
        raise ConfigurationError(
            "the optimiser divides the gradients by a scaler's scale in its own update: use "
            "fused=False, so that they are divided before"
        )
