"""How the change of a parameter is taken from the optimiser's own update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError

State = Mapping[str, Any]


class UpdateRule(Protocol):
    """Writes the change of one parameter in one step, partly before the update, partly after.

    `out` has the parameter's shape, in float32 or float64; what is written before the update is
    still there afterwards. Nothing of the optimiser is changed.
    """

    change: str
    """The words by which the settings of a recording say how the change was taken."""

    def before(self, parameter: Tensor, scale: Tensor | None, group: State, out: Tensor) -> None:
        """Take what the update overwrites; the gradient is yet to be divided by `scale`."""

    def after(self, parameter: Tensor, group: State, state: State, out: Tensor) -> None:
        """Complete the change from the state that the update left."""


class GradientDescent:
    r"""SGD: the gradient, or the momentum buffer, times the learning rate.

    .. math:: d_t = \pm g_t + w\,\theta_{t-1}, \quad b_t = m\,b_{t-1} + (1 - \tau)\,d_t, \quad
        \Delta\theta_t = -\eta \{d_t,\; b_t,\; d_t + m\,b_t\}

    with the three alternatives for plain, momentum and Nesterov; :math:`b_1 = d_1`.
    """

    change = "update"

    def before(self, parameter: Tensor, scale: Tensor | None, group: State, out: Tensor) -> None:
        """Take the direction d, times the learning rate where nothing is to be added to it."""
        momentum, decay = group["momentum"], group["weight_decay"]
        if momentum and not group["nesterov"]:
            return
        factor = -1.0 if group["maximize"] else 1.0
        if not momentum:
            decay, factor = -decay * group["lr"], -factor * group["lr"]
        gradient = parameter.grad
        assert gradient is not None  # those without do not move, and are not asked
        if gradient.dtype == out.dtype:
            torch.mul(gradient, factor, out=out)
        else:
            out.copy_(gradient).mul_(factor)
        if scale is not None:
            out.div_(scale)
        if decay:
            out.add_(parameter, alpha=_number(decay))

    def after(self, parameter: Tensor, group: State, state: State, out: Tensor) -> None:
        """Take the momentum that the update left."""
        momentum = group["momentum"]
        if not momentum:
            return
        if group["nesterov"]:
            out.add_(state["momentum_buffer"], alpha=_number(momentum)).mul_(-group["lr"])
        elif state["momentum_buffer"].dtype == out.dtype:
            torch.mul(state["momentum_buffer"], -group["lr"], out=out)
        else:
            out.copy_(state["momentum_buffer"]).mul_(-group["lr"])


class Adaptive:
    r"""Adam and AdamW: recomputed from the moments that the update left.

    .. math:: \Delta\theta_t = -\eta w \theta_{t-1} - \frac{\eta}{1 - \beta_1^t}
        \frac{m_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    The first term is AdamW's decoupled decay (`decoupled`); Adam's own decay is in the moments.
    With ``amsgrad`` the running maximum takes the place of v.
    """

    change = "update"

    def __init__(self, decoupled: bool) -> None:
        self._decoupled = decoupled
        self._scratch: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def before(self, parameter: Tensor, scale: Tensor | None, group: State, out: Tensor) -> None:
        """Take the decay of the weights as they were."""
        if self._decoupled and group["weight_decay"]:
            out.copy_(parameter).mul_(-group["lr"] * group["weight_decay"])
        else:
            out.zero_()

    def after(self, parameter: Tensor, group: State, state: State, out: Tensor) -> None:
        """Add the step along the corrected moments."""
        beta1, beta2 = group["betas"]
        step = _steps(group, state["step"])
        root = self._scratch_like(out)
        root.copy_(state["max_exp_avg_sq" if group["amsgrad"] else "exp_avg_sq"])
        root.sqrt_().div_((1 - beta2**step) ** 0.5).add_(group["eps"])
        torch.div(state["exp_avg"].to(out.dtype), root, out=root)
        out.add_(root.mul_(-group["lr"] / (1 - beta1**step)))

    def _scratch_like(self, out: Tensor) -> Tensor:
        """Return a tensor to work in; it is kept, for to make one anew a step costs time."""
        key = out.device, out.dtype
        if key not in self._scratch or self._scratch[key].numel() < out.numel():
            self._scratch[key] = torch.empty_like(out).reshape(-1)
        return self._scratch[key][: out.numel()].view(out.shape)


class Difference:
    r"""The parameter after the update less the parameter before, for an optimiser not known.

    The subtraction is exact or nearly so, but the parameters themselves were rounded:
    :math:`|error| \le \tfrac12 \mathrm{ulp}(\theta) \le \epsilon |\theta| / 2`.
    """

    change = "difference"

    def before(self, parameter: Tensor, scale: Tensor | None, group: State, out: Tensor) -> None:
        """Keep the parameter."""
        out.copy_(parameter)

    def after(self, parameter: Tensor, group: State, state: State, out: Tensor) -> None:
        """Subtract it from the new one."""
        torch.sub(parameter.to(out.dtype), out, out=out)


def update_rule_of(optimizer: torch.optim.Optimizer, *, differences: bool = False) -> UpdateRule:
    """Return the rule by which the changes of an optimiser are taken.

    Parameters
    ----------
    optimizer : Optimizer
        ``torch.optim.SGD``, ``Adam`` or ``AdamW``, in any implementation (loop, foreach, fused,
        capturable); a subclass counts as unknown, for it may update in another way.
    differences : bool
        Take differences of the parameters where the optimiser is unknown.

    Returns
    -------
    UpdateRule
        The rule.

    Raises
    ------
    ConfigurationError
        If the optimiser is unknown and differences are not allowed.

    Examples
    --------
    >>> weights = [torch.zeros(2, requires_grad=True)]
    >>> update_rule_of(torch.optim.SGD(weights, lr=0.1)).change
    'update'
    >>> update_rule_of(torch.optim.Adagrad(weights), differences=True).change
    'difference'
    """
    kind = type(optimizer)
    if kind is torch.optim.SGD:
        return GradientDescent()
    if kind is torch.optim.Adam or kind is torch.optim.AdamW:
        decoupled = kind is torch.optim.AdamW
        marked = optimizer.param_groups[0].get("decoupled_weight_decay", decoupled)
        return Adaptive(decoupled or bool(marked))
    if differences:
        return Difference()
    raise ConfigurationError(
        "cannot take changes from the update of an unknown optimiser; expected torch.optim.SGD, "
        f"Adam or AdamW, got {kind.__module__}.{kind.__qualname__}: with differences=True "
        "differences of the parameters are recorded, which carry the parameters' rounding"
    )


def unwrapped(optimizer: Any) -> torch.optim.Optimizer:
    """Return the optimiser of torch within the wrappers of training libraries.

    Parameters
    ----------
    optimizer : Optimizer or wrapper of one
        Wrappers hold theirs as ``optimizer``.

    Returns
    -------
    Optimizer
        The innermost.

    Raises
    ------
    ConfigurationError
        If it is no optimiser.

    Examples
    --------
    >>> unwrapped(torch.optim.SGD([torch.zeros(1)], lr=1.0)).defaults["lr"]
    1.0
    """
    inner = optimizer
    while isinstance(getattr(inner, "optimizer", None), torch.optim.Optimizer):
        inner = inner.optimizer
    if not isinstance(inner, torch.optim.Optimizer):
        raise ConfigurationError(
            f"expected an optimiser of torch; got {type(optimizer).__qualname__}"
        )
    return inner


def _steps(group: State, step: Tensor | float) -> Tensor | float:
    """Count steps in the precision in which the optimiser corrects its moments.

    The capturable form, and the fused one on a GPU, work on the device in float32; the others in
    Python.
    """
    if not isinstance(step, Tensor) or group.get("capturable") or step.device.type != "cpu":
        return step
    return float(step)


def _number(value: Any) -> float:
    """Return a number that `alpha` takes."""
    return float(value) if isinstance(value, Tensor) else value
