"""The loss over a line or a plane through a network's parameters."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data, batches
from collectors.calls import Loss, call_with, check_losses
from collectors.curvature.directions import Direction, cosine
from collectors.curvature.moves import Directions, moves, moving_entries
from collectors.curvature.operator import seeded
from collectors.kept import KeptEntries
from collectors.model_state import Mode, measuring
from collectors.parameters import chosen_parameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class LossSurface(Shown):
    """Mean loss over a grid of moves from a network.

    Attributes
    ----------
    alphas : ndarray, shape (a,)
        Lengths of the move along the first direction, in units of that direction.
    betas : ndarray, shape (b,)
        Along the second; a single 0 on a line.
    losses : ndarray, shape (b, a)
        Mean loss over the examples; infinite where it overflows or is not a number.
    directions : {"random", "given"}
        Filter-normalised random directions, or the caller's.
    space : {"full", "kept"}
        Whether all entries move, or those alone that the masks keep.
    lengths : tuple of float
        Euclidean norm of each direction, in units of a parameter.
    cosine : float
        Of the angle between the directions; NaN on a line.
    passes : int
        Forward passes through all the data: a times b.
    parameters, examples : int
        Numbers that may move, and n.
    mode : str
        Mode of the network.
    seed : int
        Of directions and dropout.
    """

    alphas: np.ndarray
    betas: np.ndarray
    losses: np.ndarray
    directions: str
    space: str
    lengths: tuple[float, ...]
    cosine: float
    passes: int
    parameters: int
    examples: int
    mode: str
    seed: int

    @property
    def loss(self) -> float:
        """At the network itself, the middle of the grid."""
        return float(self.losses[len(self.betas) // 2, len(self.alphas) // 2])

    @property
    def diverged(self) -> int:
        """How many points have an infinite loss."""
        return int(np.isinf(self.losses).sum())

    def to_frame(self, **labels: Any) -> pd.DataFrame:
        """Return one row a point: the labels, alpha, beta, loss and log_loss = log(1 + loss).

        An infinite loss has an infinite logarithm; a loss of -1 or less has none (NaN).

        Parameters
        ----------
        **labels : scalar
            Columns that say whose surface it is, such as method="magnitude", seed=0.
        """
        beta, alpha = np.meshgrid(self.betas, self.alphas, indexing="ij")
        loss = self.losses.ravel()
        with np.errstate(invalid="ignore"):
            log_loss = np.log1p(np.where(loss > -1, loss, np.nan))
        columns = {"alpha": alpha.ravel(), "beta": beta.ravel(), "loss": loss}
        frame = pd.DataFrame({**columns, "log_loss": log_loss})
        return frame.assign(**labels)[[*labels, *frame.columns]]

    def _overview(self) -> None:
        """No table: the frame is a grid of points."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw contours of log(1 + loss), or the line; return the axes."""
        from causalhyper.figures import plot_loss_lines, plot_loss_surface

        draw = plot_loss_lines if len(self.betas) == 1 else plot_loss_surface
        return draw(self.to_frame(), ax=ax)

    def summary(self) -> str:
        """Return what was moved how, and the range of the loss, in text."""
        kind = "filter-normalised random" if self.directions == "random" else "given"
        what = "line" if len(self.betas) == 1 else "plane"
        moved = "all entries move" if self.space == "full" else "pruned entries stay zero"
        finite = self.losses[np.isfinite(self.losses)]
        low, high = (finite.min(), finite.max()) if finite.size else (math.nan, math.nan)
        lines = [
            f"Loss over a {what} of {kind} directions, {self.space} space ({moved}): "
            f"{self.parameters} parameters, {self.examples} examples, {self.mode} mode",
            f"  {self.loss:.6g} at the network, from {low:.6g} to {high:.6g} on {self.passes} "
            f"points with alpha from {self.alphas[0]:g} to {self.alphas[-1]:g}",
        ]
        if self.diverged:
            lines.append(f"  {self.diverged} points diverged: their loss is kept as infinite")
        if low < self.loss:
            lines.append("  the lowest point is not the network: it is no minimum on this grid")
        return "\n".join(lines)


def loss_surface(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    directions: Directions = "random",
    dimensions: Literal[1, 2] = 2,
    span: float = 1.0,
    points: int = 25,
    orthogonal: bool = False,
    masks: KeptEntries | None = None,
    parameters: list[str] | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
    progress: bool = False,
) -> LossSurface:
    r"""Evaluate the mean loss on a grid around a network.

    .. math:: z(\alpha, \beta) = L(\theta + \alpha u_1 + \beta u_2), \qquad
              \|u_{k,ij}\| = \|\theta_{ij}\|

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches; gone through once.
    directions : "random", Tensor of shape (p, k), or sequence of k mappings of str to Tensor
        With "random", normal numbers, each filter j of layer i given the norm of the network's;
        parameters of one axis or none do not move. Others are taken as they are, without
        normalisation, such as `Eigenvalues.vectors` (p entries, or those alone that masks keep).
    dimensions : {2, 1}
        k: a plane, or a line (beta is 0).
    span : float
        alpha and beta go from -span to span.
    points : int
        Along each axis; odd, so that the network itself is one of them.
    orthogonal : bool
        Make the second random direction orthogonal to the first, filter by filter. Without it
        they are so up to about one over the root of their numbers (see `LossSurface.cosine`).
    masks : mapping of str to array of bool, or `Masks`, optional
        Of a pruned network, by parameter name, True where an entry is kept. With them pruned
        entries stay zero, and the surface is that of the sparse network ("kept"). Without them
        they move too ("full"): the surface is that of the dense network at a sparse point.
    parameters : list of str, optional
        Names of parameters or modules that move; without it, all that require a gradient.
    mode : {"eval", "train", "as_found"}
        Mode of the network. In eval mode batch normalisation keeps the statistics of the network
        in the middle; dropout, in train mode, draws the same at every point.
    generator : Generator, optional
        Of the directions and of dropout; seeded with 0 where none is given.
    progress : bool
        Whether to show a bar on the terminal.

    Returns
    -------
    LossSurface
        Losses exact over the examples (summed in float64); the network is left as it was found.

    Raises
    ------
    ConfigurationError
        If the grid, the directions or the masks do not fit, or the data hold no batch.

    Warns
    -----
    RuntimeWarning
        If the loss of the network itself is not finite.

    Notes
    -----
    A picture of two directions out of p: random ones show about the mean curvature, and leave out
    the few directions of large eigenvalues. A network that has collapsed looks flat: read the
    surface beside the training loss, which is its middle. Surfaces of two networks are compared
    on the same scale of z.

    Cost: points squared forward passes through the data (points on a line), and for each batch
    and point two multiples of all parameters; memory, three copies of the parameters. Source: Li,
    Xu, Taylor, Studer and Goldstein 2018, "Visualizing the loss landscape of neural nets",
    section 4; Shah, Challa and Danda, "A Granger-causal perspective on gradient descent", eq. 20.

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[3.0, 4.0]]))
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> data = (torch.tensor([[1.0, 0.0]]), torch.tensor([3.0]))
    >>> line = torch.tensor([[1.0], [0.0]])
    >>> found = loss_surface(model, squares, data, directions=line, dimensions=1, points=3)
    >>> found.to_frame()["loss"].tolist()
    [1.0, 0.0, 1.0]
    """
    _check(directions, dimensions, span, points)
    generator = seeded(generator)
    seed = generator.initial_seed()
    chosen = chosen_parameters(model, parameters)
    kept = moving_entries(chosen, masks)
    along = moves(chosen, kept, directions, dimensions, orthogonal, generator)
    alphas = np.linspace(-span, span, points)
    alphas[points // 2] = 0.0
    betas = alphas if dimensions == 2 else np.zeros(1)
    grid = [(float(a), float(b)) for b in betas for a in alphas]
    with measuring(model, mode, generator=generator), torch.no_grad():
        losses, examples = _evaluate(model, loss, data, along, grid, progress)
    if not math.isfinite(losses[len(grid) // 2]):
        message = "the loss of the network itself is not finite: did training diverge?"
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    lengths = tuple(math.hypot(*(float(part.norm()) for part in u.values())) for u in along)
    return LossSurface(
        alphas, betas, losses.reshape(len(betas), len(alphas)),
        "random" if isinstance(directions, str) else "given", "full" if masks is None else "kept",
        lengths, cosine(*along) if dimensions == 2 else math.nan, len(grid),
        sum(int(mask.sum()) for mask in kept.values()), examples, mode, seed,
    )  # fmt: skip


def _evaluate(
    model: nn.Module,
    loss: Loss,
    data: Data,
    along: Sequence[Direction],
    grid: Sequence[tuple[float, float]],
    progress: bool,
) -> tuple[np.ndarray, int]:
    """Mean loss at every point of the grid: batch by batch, each at all points."""
    fixed = {name: p.detach() for name, p in model.named_parameters()}
    totals, examples = np.zeros(len(grid)), 0
    seed = int(torch.randint(2**62, ()))
    with _bar(progress, _count(data, len(grid))) as bar:
        for number, (inputs, targets) in enumerate(batches(data, model)):
            for place, steps in enumerate(grid):
                torch.manual_seed((seed + number) % 2**62)  # dropout draws alike at all points
                moved = {
                    name: _moved(p, along, steps, name) if name in along[0] else p
                    for name, p in fixed.items()
                }
                losses = check_losses(loss(call_with(model, moved, inputs), targets))
                total = float(losses.double().sum())
                totals[place] += math.inf if math.isnan(total) else total
                bar.advance(bar.task_ids[0])
            examples += losses.numel()
    if not examples:
        raise ConfigurationError("the data hold no batch: expected at least one")
    return totals / examples, examples


def _count(data: Data, points: int) -> int | None:
    """Forward passes of batches to come, where that is known."""
    if isinstance(data, tuple):
        return points
    return points * len(data) if isinstance(data, Sized) else None


def _moved(
    centre: Tensor, along: Sequence[Direction], steps: tuple[float, float], name: str
) -> Tensor:
    for step, u in zip(steps, along, strict=False):
        if step:
            centre = torch.add(centre, u[name], alpha=step)
    return centre


@contextmanager
def _bar(shown: bool, count: int | None) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        bar.add_task("loss surface", total=count)
        yield bar


def _check(directions: Directions, dimensions: int, span: float, points: int) -> None:
    if isinstance(directions, str) and directions != "random":
        raise ConfigurationError(
            f"directions must be 'random', a tensor of shape (p, k) or k mappings by parameter "
            f"name; got {directions!r}"
        )
    if dimensions not in (1, 2):
        raise ConfigurationError(f"dimensions must be 1 or 2; got {dimensions}")
    if not 0 < span < math.inf:
        raise ConfigurationError(f"span must be above 0 and finite; got {span}")
    if points < 3 or points % 2 == 0:
        raise ConfigurationError(
            f"points must be odd and at least 3, so that the network is one of them; got {points}"
        )
