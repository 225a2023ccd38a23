"""Steps that are excited: rates varied and noise added, so that parameters move independently."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.granger.masks import Masks


class Excited:
    r"""Excites the steps of plain gradient descent while it is open; `excite` makes one.

    .. math:: \Delta = -\eta_t (g + \sigma \, \mathrm{rms}(g) \, \xi), \quad
        \eta_t = \eta \, s^{u_t}, \quad u_t \sim U(-1, 1), \; \xi \sim N(0, I)

    over the entries that are kept: the noise is put into the gradient, so that who looks at the
    step later sees the change that it makes.

    Parameters
    ----------
    optimizer : Optimizer
        ``torch.optim.SGD`` without momentum where there is noise.
    kept : list of (Parameter, Tensor or None)
        What trains, with a tensor of truth values in its shape; None where all of it is kept.
    noise, spread : float
        :math:`\sigma` from 0 and s from 1.
    seed : int
        Of all that is drawn.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        kept: list[tuple[nn.Parameter, Tensor | None]],
        *,
        noise: float,
        spread: float,
        seed: int,
    ) -> None:
        self._optimizer = optimizer
        self._kept = kept
        self._counts = [p.numel() if mask is None else int(mask.sum()) for p, mask in kept]
        self._noise, self._spread = noise, spread
        self._rates = [group["lr"] for group in optimizer.param_groups]
        self._draws = np.random.default_rng(seed)
        # drawn where the parameters are: a copy from the host would wait at every step
        self._generator = torch.Generator(kept[0][0].device).manual_seed(seed)
        self._stack = ExitStack()
        self._stack.callback(optimizer.register_step_pre_hook(self._enter_step).remove)

    def __enter__(self) -> Excited:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate

    def _enter_step(self, optimizer: Any, args: Any, kwargs: Any) -> tuple[Any, Any] | None:
        """Draw the rate; add noise once the closure has made the gradient."""
        factor = self._spread ** self._draws.uniform(-1, 1)
        for group, rate in zip(self._optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * factor
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if closure is None:
            self._add_noise()
            return None

        def then_add() -> Any:
            value = closure()
            self._add_noise()
            return value

        rest = {name: value for name, value in kwargs.items() if name != "closure"}
        return (args[0], then_add, *args[2:]), rest

    @torch.no_grad()
    def _add_noise(self) -> None:
        moving = [
            (p.grad, mask, count)
            for (p, mask), count in zip(self._kept, self._counts, strict=True)
            if p.grad is not None
        ]
        total = sum(count for *_, count in moving)
        if not self._noise or not total:
            return
        norms = torch.stack([torch.linalg.vector_norm(g) for g, *_ in moving])
        size = self._noise * torch.linalg.vector_norm(norms) / total**0.5
        for gradient, mask, _ in moving:
            draws = torch.empty_like(gradient).normal_(generator=self._generator)
            gradient.add_(draws.mul_(size if mask is None else size * mask))


def excite(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    masks: Masks,
    *,
    noise: float,
    spread: float,
    seed: int,
) -> Excited:
    """Excite the steps of plain gradient descent.

    Parameters
    ----------
    model : Module
        The network itself.
    optimizer : Optimizer
        ``torch.optim.SGD``; its rates are put back in the end.
    masks : Masks
        By parameter: only what is kept is moved. Parameters without a mask are kept.
    noise : float
        Standard deviation of normal noise that is added to the change of each parameter, in units
        of the root mean square of the gradient's part of the change; 0 for none.
    spread : float
        Each step's rate is the optimiser's times a number that is drawn log-uniformly from
        1 / spread to spread; 1 leaves it.
    seed : int
        Of all that is drawn: the same in all processes that train together.

    Returns
    -------
    Excited
        A context manager.

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> masks = Masks({"weight": np.array([[True, False]])})
    >>> with excite(model, optimizer, masks, noise=2.0, spread=4.0, seed=0):
    ...     model(torch.tensor([[1.0, 0.0]])).sum().backward()
    ...     optimizer.step()
    >>> model.weight.grad[0, 0].item() != 1.0, model.weight.grad[0, 1].item()
    (True, 0.0)
    """
    kept: list[tuple[nn.Parameter, Tensor | None]] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            mask = masks.kept.get(name)
            held = None if mask is None else torch.as_tensor(mask, device=parameter.device)
            kept.append((parameter, held))
    return Excited(optimizer, kept, noise=noise, spread=spread, seed=seed)
