"""Which way each parameter's per-example gradients are taken, and the proof that it is right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from collectors.batches import count, take
from collectors.calls import Loss
from collectors.model_state import measuring
from collectors.noise.passes import ParameterPass, by_loop, by_rules, by_vmap
from collectors.parameters import chosen_parameters

Way = Literal["auto", "vmap", "loop"]


@dataclass(slots=True)
class Strategy:
    """Take per-example gradients by the cheapest way that has been shown right.

    Attributes
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        Per-example losses from outputs and targets.
    memory : int
        Bytes that per-example gradients held at once may take.
    way : str
        "auto" begins with the layers' rules, falls back to "vmap" for parameters that no rule
        covers, and for all where the rules fail the check; and to "loop" where torch cannot map.
    checked : bool
        Whether the rules were held against single examples.
    """

    model: nn.Module
    loss: Loss
    memory: int
    way: Way = "auto"
    checked: bool = False

    def __call__(self, inputs: Any, targets: Any) -> dict[str, ParameterPass]:
        """Return what one batch says about each trainable parameter."""
        if self.way == "auto" and not self.checked:
            self.checked = True
            found = self._checked(inputs, targets)
        else:
            found = self._rules(inputs, targets) if self.way == "auto" else {}
        rest = [name for name in chosen_parameters(self.model) if name not in found]
        return found | (self._without_rules(inputs, targets, rest) if rest else {})

    def _rules(self, inputs: Any, targets: Any) -> dict[str, ParameterPass]:
        return by_rules(self.model, self.loss, inputs, targets, self.memory)

    def _without_rules(
        self, inputs: Any, targets: Any, names: list[str]
    ) -> dict[str, ParameterPass]:
        arguments = (self.model, self.loss, inputs, targets, names)
        if self.way != "loop":
            try:
                return by_vmap(*arguments, self.memory)
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError:
                if self.way == "vmap":
                    raise
        return by_loop(*arguments)

    def _checked(self, inputs: Any, targets: Any) -> dict[str, ParameterPass]:
        """Hold the rules against the first and last example alone; give them up if they differ.

        The check runs in eval mode, where dropout does not draw. Where that is the mode of
        every layer already, its pass over the batch is the measurement's own.
        """
        same = not any(module.training for module in self.model.modules())
        with measuring(self.model, "eval"):
            found = self._rules(inputs, targets)
            ends = (0, count(inputs) - 1)
            if not all(self._agrees(found, inputs, targets, i) for i in ends):
                self.way = "vmap"
                return {}
        return found if same else self._rules(inputs, targets)

    def _agrees(self, found: dict[str, ParameterPass], inputs: Any, targets: Any, i: int) -> bool:
        x, y = take(inputs, i, i + 1), take(targets, i, i + 1)
        alone = by_loop(self.model, self.loss, x, y, list(found))
        values = {k: float(part.squares) for k, part in alone.items()}
        floor = 1e-6 * math.fsum(values.values())
        within = max([1e-3, *(50 * torch.finfo(p.squares.dtype).eps for p in found.values())])
        return all(
            not math.isfinite(value)
            or abs(float(found[k].squares[i]) - value) <= within * value + floor
            for k, value in values.items()
        )
