"""A forward pass that records what the layer rules need, and proves that it missed no use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from collectors.calls import Loss, example_losses
from collectors.noise.contributions import Contribution
from collectors.noise.layer_rules import LayerRule, layer_rule_of


@dataclass(frozen=True, slots=True)
class Use:
    """One call of a layer that has a rule.

    Attributes
    ----------
    layer : Module
        The layer.
    rule : callable
        Its rule.
    x : Tensor
        Its input, detached.
    edge : GradientEdge
        Where the derivative by its output comes by.
    """

    layer: nn.Module
    rule: LayerRule
    x: Tensor
    edge: GradientEdge

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield the trainable parameters of the layer itself."""
        return (p for p in self.layer.parameters(recurse=False) if p.requires_grad)

    def contributions(self, delta: Tensor, memory: int) -> Iterator[tuple[int, Contribution]]:
        """Yield the identity of each trainable parameter with its contribution."""
        named = dict(self.layer.named_parameters(recurse=False))
        for name, part in self.rule(self.layer, self.x, delta, memory).items():
            if named[name].requires_grad:
                yield id(named[name]), part


@contextmanager
def _recording(model: nn.Module, uses: list[Use], examples: int) -> Iterator[None]:
    """Record, while the context lasts, the calls whose input and output have examples first."""

    def record(layer: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        found, rule = [*args, *kwargs.values()], layer_rule_of(layer)
        if rule is None or len(found) != 1 or not isinstance(output, Tensor):
            return
        x = found[0]
        if output.requires_grad and x.ndim and len(x) == len(output) == examples:
            if isinstance(layer, (nn.Conv1d, nn.Conv2d)) and x.ndim != layer.weight.ndim:
                return
            uses.append(Use(layer, rule, x.detach(), get_gradient_edge(output)))

    hooks = [
        module.register_forward_hook(record, with_kwargs=True)
        for module in model.modules()
        if layer_rule_of(module) is not None
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def record_losses(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, examples: int
) -> tuple[Tensor, list[Use]]:
    """Per-example losses with their graph, and the uses of layers with a rule.

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        Per-example losses from outputs and targets.
    inputs, targets : tensors
        One batch, examples first.
    examples : int
        Number n of examples in the batch.

    Returns
    -------
    losses : Tensor, shape (n,)
        The losses.
    uses : list of Use
        In the order of calls.

    Examples
    --------
    >>> model, loss = nn.Linear(2, 1), lambda outputs, targets: outputs[:, 0]
    >>> losses, uses = record_losses(model, loss, torch.ones(3, 2), None, 3)
    >>> len(losses), len(uses)
    (3, 1)
    """
    uses: list[Use] = []
    with torch.enable_grad(), _recording(model, uses, examples):
        losses = example_losses(model, loss, inputs, targets)
    return losses, uses


def count_uses(losses: Tensor) -> Counter[int]:
    """Count how often each parameter enters the graph of the losses.

    Parameters
    ----------
    losses : Tensor
        With its graph.

    Returns
    -------
    Counter of int
        By the parameter's ``id``: a layer's call enters each of its parameters once, so a larger
        number than the calls recorded betrays a use that no rule has seen.

    Examples
    --------
    >>> weight = nn.Parameter(torch.ones(2))
    >>> count_uses((weight * weight.exp()).sum())[id(weight)]
    2
    """
    uses: Counter[int] = Counter()
    if losses.grad_fn is None:
        return uses
    seen, waiting = {losses.grad_fn}, [losses.grad_fn]
    while waiting:
        for node, _ in waiting.pop().next_functions:
            if node is None:
                continue
            if hasattr(node, "variable"):
                uses[id(node.variable)] += 1
            elif node not in seen:
                seen.add(node)
                waiting.append(node)
    return uses
