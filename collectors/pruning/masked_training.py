"""Training in which pruned parameters stay zero, under any optimiser of torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks


class KeptPruned:
    """Keeps pruned parameters at zero while an optimiser trains; `keep_pruned` makes one.

    Parameters
    ----------
    optimizer : Optimizer
        Of torch.
    pruned : list of (Parameter, Tensor)
        Each parameter with a tensor of truth values in its shape: what is to be zero.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, pruned: list[tuple[nn.Parameter, Tensor]]
    ) -> None:
        self._optimizer = optimizer
        self._pruned = pruned
        self._stack = ExitStack()
        hooks = (
            optimizer.register_step_pre_hook(self._enter_step),
            optimizer.register_step_post_hook(self._leave_step),
            optimizer.register_load_state_dict_post_hook(self._clear_state),
        )
        for hook in hooks:
            self._stack.callback(hook.remove)
        self._clear_weights()
        self._clear_state(optimizer)

    def close(self) -> None:
        """Stop; parameters stay as they are."""
        self._stack.close()

    def __enter__(self) -> KeptPruned:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _enter_step(self, optimizer: Any, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        """Clear gradients; where the step computes them itself, each time it has."""
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._clear_gradients()
            return None

        def then_clear() -> Any:
            value = closure()
            self._clear_gradients()
            return value

        rest = {name: value for name, value in kwargs.items() if name != "closure"}
        return (args[0], then_clear, *args[2:]), rest

    def _leave_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._clear_weights()

    @torch.no_grad()
    def _clear_gradients(self) -> None:
        for parameter, pruned in self._pruned:
            if parameter.grad is not None:
                parameter.grad.masked_fill_(pruned, 0.0)

    @torch.no_grad()
    def _clear_weights(self) -> None:
        for parameter, pruned in self._pruned:
            parameter.masked_fill_(pruned, 0.0)

    @torch.no_grad()
    def _clear_state(self, optimizer: torch.optim.Optimizer) -> None:
        """Clear momenta and moments, which would move a parameter without a gradient."""
        for parameter, pruned in self._pruned:
            for value in self._optimizer.state.get(parameter, {}).values():
                if isinstance(value, Tensor) and value.shape == pruned.shape:
                    value.masked_fill_(pruned, 0.0)


def keep_pruned(
    model: nn.Module, optimizer: torch.optim.Optimizer, masks: Masks | Mapping[str, Tensor]
) -> KeptPruned:
    """Set pruned parameters to zero, and keep them there while an optimiser trains.

    Parameters
    ----------
    model : Module
        The network; ``DistributedDataParallel`` where it is.
    optimizer : Optimizer
        What trains it. Weight decay, momentum and closures (LBFGS) are all met; a state that is
        loaded later is cleared too.
    masks : Masks, or mapping of str to Tensor
        By name of a parameter, in its shape: True where it is kept.

    Returns
    -------
    KeptPruned
        A context manager; it ends with it, or with its `close`.

    Raises
    ------
    ConfigurationError
        If a mask fits no parameter or is not of truth values, or the optimiser trains none of the
        parameters that have one.

    Notes
    -----
    Gradients are cleared before a step, parameters after it: to exact zeros, whatever the rule
    of the optimiser. Momenta of pruned parameters are cleared once, and stay zero without a
    gradient. Cost: three passes over each masked layer a step.

    Examples
    --------
    >>> import numpy as np
    >>> model = nn.Linear(2, 1)
    >>> optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    >>> with keep_pruned(model, optimizer, Masks({"weight": np.array([[True, False]])})):
    ...     model(torch.ones(1, 2)).sum().backward()
    ...     optimizer.step()
    >>> model.weight[0, 1].item()
    0.0
    """
    kept = masks.kept if isinstance(masks, Masks) else masks
    named = {name.removeprefix("module."): p for name, p in model.named_parameters()}
    named |= dict(model.named_parameters())
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    pairs = []
    for name, mask in kept.items():
        if getattr(mask, "dtype", None) not in (torch.bool, np.dtype(bool)):
            raise ConfigurationError(
                f"the mask {name!r} must be of truth values, True where a weight is kept; got "
                f"{getattr(mask, 'dtype', type(mask).__name__)}: scores are no mask, and zeros "
                "and ones are one by mask != 0"
            )
        if name not in named or tuple(named[name].shape) != tuple(mask.shape):
            place = named.get(name)
            found = "no such parameter" if place is None else f"shape {tuple(place.shape)}"
            raise ConfigurationError(
                f"the mask {name!r} of shape {tuple(mask.shape)} fits no parameter of the model: "
                f"{found} there; masks are named as `named_parameters` names them"
            )
        pruned = ~torch.as_tensor(mask, dtype=torch.bool)
        pairs.append((named[name], pruned.to(named[name].device)))
    trains = [p for p, _ in pairs if p.requires_grad]
    if trains and not any(id(p) in trained for p in trains):
        raise ConfigurationError(
            f"the optimizer trains none of the parameters that have a mask ({', '.join(kept)}), "
            "and its steps are what keeps them pruned: give one that was made of this model's "
            "parameters"
        )
    return KeptPruned(optimizer, pairs)


Factory = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
"""Makes an optimiser of the parameters that train."""
