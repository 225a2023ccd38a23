"""Squared norms of per-example gradients and their sum, for one batch, by three ways."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree as pytree

from collectors.batches import count, take
from collectors.calls import Loss, call_with, example_losses
from collectors.noise.contributions import Contribution, form, squared_norms
from collectors.noise.layer_uses import Use, count_uses, record_losses
from collectors.parameters import chosen_parameters


@dataclass(frozen=True, slots=True)
class ParameterPass:
    """What one batch says about one parameter.

    Attributes
    ----------
    squares : Tensor, shape (n,)
        Squared norms of the per-example gradients.
    total : Tensor
        Sum of the gradients, of the parameter's shape or flat.
    way : str
        "rule", "vmap" or "loop".
    """

    squares: Tensor
    total: Tensor
    way: str


def by_rules(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, memory: int
) -> dict[str, ParameterPass]:
    """Go by the layers' rules: one gradient of the batch, and a product or two a layer.

    Parameters
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        Per-example losses from outputs and targets.
    inputs, targets : tensors
        One batch, examples first.
    memory : int
        Bytes that per-example gradients held at once may take.

    Returns
    -------
    dict of str to ParameterPass
        The trainable parameters that layers with a rule use, and nothing else does.

    Examples
    --------
    >>> model, loss = nn.Linear(2, 1), lambda outputs, targets: outputs[:, 0]
    >>> by_rules(model, loss, torch.ones(3, 2), None, 1024)["weight"].squares.tolist()
    [2.0, 2.0, 2.0]
    """
    n, parameters = count(inputs), chosen_parameters(model)
    losses, uses = record_losses(model, loss, inputs, targets, n)
    entered = count_uses(losses)
    met = Counter(id(p) for use in uses for p in use.parameters())
    sound = {id(p): k for k, p in parameters.items() if entered[id(p)] == met[id(p)]}
    parts: dict[str, list[Contribution]] = {k: [] for k in sound.values()}
    uses = [use for use in uses if any(id(p) in sound for p in use.parameters())]
    for use, delta in zip(uses, _deltas(losses, uses), strict=True):
        for p, part in use.contributions(delta, memory) if delta is not None else ():
            if p in sound:
                parts[sound[p]].append(part)
    return {k: _join(parts[k], n, parameters[k], memory) for k in parts}


def _deltas(losses: Tensor, uses: list[Use]) -> tuple[Tensor | None, ...]:
    """Differentiate the losses by the outputs of the layers, each example by its own loss."""
    if not uses:
        return ()
    return torch.autograd.grad(losses.sum(), [use.edge for use in uses], allow_unused=True)


def _join(parts: list[Contribution], n: int, p: Tensor, memory: int) -> ParameterPass:
    if not parts:
        return ParameterPass(p.new_zeros(n), torch.zeros_like(p), "rule")
    one = len(parts) == 1
    squares, total = parts[0].squares() if one else form(parts, n, p.numel(), memory)
    return ParameterPass(squares, total, "rule")


def by_vmap(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, names: list[str], memory: int
) -> dict[str, ParameterPass]:
    """Map the gradient of one example over the batch, in chunks whose gradients fit the memory.

    Parameters
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        Per-example losses from outputs and targets.
    inputs, targets : tensors
        One batch, examples first.
    names : list of str
        Parameters to differentiate by.
    memory : int
        Bytes that per-example gradients held at once may take.

    Returns
    -------
    dict of str to ParameterPass
        By name.

    Raises
    ------
    RuntimeError
        Torch's own, where the network cannot be mapped (control flow by values, writing in place).

    Examples
    --------
    >>> model, loss = nn.Linear(2, 1), lambda outputs, targets: outputs[:, 0]
    >>> by_vmap(model, loss, torch.ones(3, 2), None, ["weight"], 1024)["weight"].squares.tolist()
    [2.0, 2.0, 2.0]
    """
    chosen = {k: p.detach() for k, p in chosen_parameters(model).items() if k in names}
    size = sum(p.numel() * p.element_size() for p in chosen.values())
    step, n = max(1, memory // size), count(inputs)
    leaves, spec = pytree.tree_flatten((inputs, targets))
    places = tuple(0 if isinstance(leaf, Tensor) else None for leaf in leaves)

    def one(parameters: dict[str, Tensor], *example: Any) -> Tensor:
        alone = [x[None] if isinstance(x, Tensor) else x for x in example]
        x, y = pytree.tree_unflatten(alone, spec)
        return loss(call_with(model, parameters, x), y).sum()

    mapped = vmap(grad(one), (None, *places), randomness="different")
    squares: dict[str, list[Tensor]] = {k: [] for k in chosen}
    totals = {k: torch.zeros_like(p) for k, p in chosen.items()}
    for start in range(0, n, step):
        pieces = [take(leaf, start, start + step) for leaf in leaves]
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernels cannot be mapped
            rows = mapped(chosen, *pieces)
        for k, r in rows.items():
            squares[k].append(squared_norms(r))
            totals[k] += r.sum(0)
    return {k: ParameterPass(torch.cat(squares[k]), totals[k], "vmap") for k in chosen}


def by_loop(
    model: nn.Module, loss: Loss, inputs: Any, targets: Any, names: list[str]
) -> dict[str, ParameterPass]:
    """Take the gradient of each example alone: slow, and right for any network.

    Parameters
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        Per-example losses from outputs and targets.
    inputs, targets : tensors
        One batch, examples first.
    names : list of str
        Parameters to differentiate by.

    Returns
    -------
    dict of str to ParameterPass
        By name.

    Examples
    --------
    >>> model, loss = nn.Linear(2, 1), lambda outputs, targets: outputs[:, 0]
    >>> by_loop(model, loss, torch.ones(3, 2), None, ["weight"])["weight"].squares.tolist()
    [2.0, 2.0, 2.0]
    """
    chosen = {k: p for k, p in chosen_parameters(model).items() if k in names}
    if not chosen:
        return {}
    squares: dict[str, list[Tensor]] = {k: [] for k in chosen}
    totals = {k: torch.zeros_like(p) for k, p in chosen.items()}
    for i in range(count(inputs)):
        with torch.enable_grad():
            losses = example_losses(model, loss, take(inputs, i, i + 1), take(targets, i, i + 1))
        rows = torch.autograd.grad(losses.sum(), list(chosen.values()), allow_unused=True)
        for (k, p), row in zip(chosen.items(), rows, strict=True):
            filled = torch.zeros_like(p) if row is None else row
            squares[k].append(squared_norms(filled[None]))
            totals[k] += filled
    return {k: ParameterPass(torch.cat(squares[k]), totals[k], "loop") for k in chosen}
