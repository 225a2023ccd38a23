"""Sharpness as the highest rise of the loss within a small distance (SAM)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data, batches
from collectors.calls import Loss, call_with, check_losses
from collectors.curvature.operator import seeded
from collectors.kept import KeptEntries, places_kept
from collectors.model_state import Mode, measuring
from collectors.parameters import chosen_parameters

SHRINK = 0.5
"""Factor of a step that did not raise the loss."""

Rise = Callable[[Tensor], tuple[float, Tensor]]
"""Perturbation u -> loss and its gradient by u."""


@dataclass(frozen=True, slots=True)
class SamSharpness(Shown):
    """The highest rise of the loss found within a ball.

    Attributes
    ----------
    value : float
        Highest loss found minus the loss at the parameters, in units of the loss, at least 0;
        NaN where the loss is not finite.
    first_order : float
        The rise after the one step of SAM; below zero where the loss falls there.
    loss : float
        At the parameters.
    radius : float
        rho.
    adaptive : bool
        Whether each parameter's distance is relative to its size (ASAM).
    steps, starts : int
        Ascent steps and starts asked for.
    gradients : int
        Evaluations of loss and gradient on all the data.
    distance : float
        Norm of the perturbation that gave the value, at most the radius.
    parameters, examples : int
        p, numbers that may move, and n.
    mode : str
        Mode of the network.
    seed : int
        Of starts and dropout.
    """

    value: float
    first_order: float
    loss: float
    radius: float
    adaptive: bool
    steps: int
    starts: int
    gradients: int
    distance: float
    parameters: int
    examples: int
    mode: str
    seed: int

    def to_frame(self) -> pd.DataFrame:
        """Return the measurement as a frame of one row."""
        columns = "value first_order loss radius adaptive steps starts gradients distance".split()
        return pd.DataFrame([[getattr(self, c) for c in columns]], columns=columns)

    def summary(self) -> str:
        """Return the measurement in text."""
        return (
            f"{'Adaptive ' if self.adaptive else ''}SAM sharpness at radius {self.radius:g}: the "
            f"loss {self.loss:.6g} rises by at least {self.value:.6g} (by {self.first_order:.6g} "
            f"after the first step)\n  {self.steps} steps from each of {self.starts} starts, "
            f"{self.gradients} gradients; {self.parameters} parameters, {self.examples} examples, "
            f"{self.mode} mode"
        )


def sam_sharpness(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    radius: float = 0.05,
    steps: int = 1,
    starts: int = 1,
    adaptive: bool = False,
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> SamSharpness:
    r"""Measure how far the mean loss rises within a ball around the parameters.

    .. math:: S_\rho = \max_{|u| \le \rho} L(\theta + D u) - L(\theta), \qquad
              D = I \ \mathrm{or}\ \mathrm{diag}|\theta|

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches that can be iterated again.
    radius : float
        rho, in units of a parameter; with `adaptive`, of its size.
    steps : int
        Ascent steps: 1 is the step of SAM, ``u = rho g / |g|``; more go on by projected ascent.
    starts : int
        Starts: the first at the parameters, the others at random points of the sphere.
    adaptive : bool
        ASAM: D is the size of each parameter, so that a parameter of zero does not move and
        rescaling the layers of a rectifier network changes nothing.
    parameters : list of str, optional
        Names of parameters or modules to perturb; without it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: only kept entries move.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of random starts and of dropout; seeded with 0 where none is given.

    Returns
    -------
    SamSharpness
        The rise found, a lower bound of the maximum.

    Raises
    ------
    ConfigurationError
        If radius, steps or starts are out of range, or the data cannot be measured.

    Notes
    -----
    Bias: a lower bound of S, exact to first order in rho with one step; equal to it for a convex
    loss once the ascent has converged to the highest of its maxima, which the starts make
    likelier. A step moves u by rho along the gradient (by half as much each time the loss would
    fall) and projects on the ball, so the loss never falls along an ascent. At a stationary
    point one step moves nothing and S comes out as 0: use random starts.

    Cost: 1 + steps gradients of all the data for the first start, 1 + steps for each other.
    Parameters are never changed in place. Source: Foret, Kleiner, Mobahi and Neyshabur 2021,
    "Sharpness-aware minimization", equation 2; Kwon, Kim, Park and Choi 2021, "ASAM", section 3.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.fill_(1.0)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> found = sam_sharpness(model, squares, (torch.ones(1, 1), torch.zeros(1)), radius=0.5)
    >>> found.value
    1.25
    """
    _check(radius, steps, starts)
    generator = seeded(generator)
    seed = generator.initial_seed()
    with measuring(model, mode, generator=generator), torch.enable_grad():
        ball = _Ball(model, loss, data, parameters, masks, adaptive)
        at, slope = ball.rise(torch.zeros_like(ball.centre))
        first = _step(torch.zeros_like(slope), slope, radius, radius)
        value, gradient = ball.rise(first)
        best = _ascend(ball.rise, first, value, gradient, radius, steps - 1)
        for _ in range(starts - 1):
            drawn = torch.randn(len(ball.centre), generator=generator, device=generator.device)
            drawn = ball.moved(drawn.to(device=ball.device, dtype=ball.dtype))
            u = radius * drawn / drawn.norm()
            best = max(best, _ascend(ball.rise, u, *ball.rise(u), radius, steps), key=_height)
    finite = math.isfinite(at) and math.isfinite(best[0])
    highest, distance = best if best[0] > at or not finite else (at, 0.0)
    return SamSharpness(
        highest - at if finite else math.nan, value - at, at, radius, adaptive, steps, starts,
        ball.gradients, distance, ball.size, ball.examples, mode, seed,
    )  # fmt: skip


class _Ball:
    """Loss and gradient at perturbed parameters, without touching the network's own."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        data: Data,
        names: list[str] | None,
        masks: KeptEntries | None,
        adaptive: bool,
    ) -> None:
        self.model, self.loss, self.data = model, loss, data
        self.fixed = {k: p.detach() for k, p in model.named_parameters()}
        chosen = chosen_parameters(model, names)
        self.names = list(chosen)
        centre = [self.fixed[k] for k in self.names]
        self.sizes = [p.numel() for p in centre]
        self.centre = torch.cat([p.reshape(-1) for p in centre])
        self.places = None if masks is None else places_kept(chosen, masks)
        self.scale = self.moved(self.centre.abs() if adaptive else torch.ones_like(self.centre))
        self.size = len(self.centre if self.places is None else self.places)
        self.gradients, self.examples = 0, 0
        self.dtype, self.device = self.centre.dtype, self.centre.device
        self.seed = int(torch.randint(2**62, ()))

    def moved(self, u: Tensor) -> Tensor:
        """Set to zero what the masks do not let move."""
        if self.places is None:
            return u
        return torch.zeros_like(u).index_copy_(0, self.places, u[self.places])

    def rise(self, u: Tensor) -> tuple[float, Tensor]:
        """Mean loss at theta + D u, and its gradient by u."""
        torch.manual_seed(self.seed)
        u = u.detach().requires_grad_()
        parts = (self.centre + self.scale * u).split(self.sizes)
        moved = {k: part.view_as(self.fixed[k]) for k, part in zip(self.names, parts, strict=True)}
        total, slope, examples = 0.0, torch.zeros_like(u), 0
        for inputs, targets in batches(self.data, self.model):
            outputs = call_with(self.model, {**self.fixed, **moved}, inputs)
            losses = check_losses(self.loss(outputs, targets))
            summed = losses.sum()
            if summed.requires_grad:
                slope += torch.autograd.grad(summed, u, retain_graph=True, materialize_grads=True)[
                    0
                ]
            total += float(summed.detach())
            examples += losses.numel()
        if not examples:
            raise ConfigurationError("the data hold no batch: expected at least one")
        self.gradients += 1
        self.examples = examples
        return total / examples, slope / examples


def _ascend(
    rise: Rise, u: Tensor, value: float, gradient: Tensor, radius: float, steps: int
) -> tuple[float, float]:
    """Go up from u; highest loss, and its distance. Every evaluation counts as a step."""
    length = radius
    for _ in range(steps):
        trial = _step(u, gradient, length, radius)
        higher, slope = rise(trial)
        if higher > value:
            u, value, gradient = trial, higher, slope
        else:
            length *= SHRINK
    return value, float(u.norm())


def _step(u: Tensor, gradient: Tensor, length: float, radius: float) -> Tensor:
    """Move along the gradient, and project on the ball."""
    norm = gradient.norm()
    if not bool(norm > 0):
        return u
    moved = u + length * gradient / norm
    return moved * (radius / moved.norm()).clamp(max=1.0)


def _height(found: tuple[float, float]) -> float:
    return found[0]


def _check(radius: float, steps: int, starts: int) -> None:
    if not 0 < radius < math.inf:
        raise ConfigurationError(f"the radius must be above 0 and finite; got {radius}")
    if min(steps, starts) < 1:
        raise ConfigurationError(f"steps and starts must be at least 1; got {steps}, {starts}")
