"""Running sums over the steps of many networks, and their changes where all are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from causalhyper.frames import LayerSums, StepSums
from causalhyper.granger.criteria import Criterion
from causalhyper.granger.criteria.moved import Fisher, TotalMovement
from causalhyper.granger.criteria.shifted import Shifted
from collectors.ensembles.pruning.launching import BLOCK, grid_of, has_kernels
from collectors.ensembles.pruning.layout import FlatLayout

Kind = Literal["same", "trajectory", "next", "moves", "fresh", "none"]
KINDS: tuple[Kind, ...] = ("same", "trajectory", "next", "moves", "fresh", "none")
"""In the order in which rows stand: those that need the loss after a step come first."""
ALONE = ("moves", "fresh")
"""Squared changes are summed without a response."""


@dataclass(frozen=True, slots=True, order=True)
class Asked:
    """What is recorded for a criterion.

    Attributes
    ----------
    kind : str
        Sums with the loss change of the step's own minibatch; every change, with that; sums with
        the loss change to the next minibatch; sums of squared changes alone; those and sums of
        changes times gradients on the next minibatch, which did not choose them; nothing.
    lag : int
        Steps by which the loss is shifted behind the changes.
    """

    kind: Kind
    lag: int = 0


def asked_of(criterion: Criterion) -> Asked:
    """Say what is recorded for a criterion.

    Parameters
    ----------
    criterion : Criterion
        Any without momentum.

    Returns
    -------
    Asked

    Raises
    ------
    ConfigurationError
        If it needs what a stack does not record.

    Examples
    --------
    >>> from causalhyper.granger.criteria import named
    >>> asked_of(named("causal")), asked_of(named("magnitude")).kind
    (Asked(kind='same', lag=0), 'none')
    """
    needs = criterion.needs
    lag = criterion.shift if isinstance(criterion, Shifted) and needs.sums else 0
    others = set(needs.lags) - {lag}
    turned = "turned" in needs.attribution
    unrecorded = needs.momentum or needs.series or turned or others
    if unrecorded or (needs.trajectory and needs.response == "next"):
        raise ConfigurationError(
            f"the criterion {criterion.name!r} needs momentum, several lags, gradients after "
            "steps or a trajectory with the next minibatch's loss, which stacks do not record: "
            "prune it by prune_many"
        )
    if needs.trajectory:
        return Asked("trajectory")
    if needs.attribution:
        return Asked("fresh")
    if not needs.sums:
        return Asked("none")
    if isinstance(criterion, TotalMovement | Fisher):
        return Asked("moves")
    return Asked("same" if needs.response == "same" else "next", lag)


class Recording:
    """What is recorded of some neighbouring rows while they train.

    Parameters
    ----------
    asked : Asked
        What.
    rows : slice
        Which.
    """

    def __init__(self, asked: Asked, rows: slice) -> None:
        self.asked, self.rows = asked, rows
        self._responses: list[Tensor] = []
        self._before: Tensor | None = None
        self._waiting: Tensor | None = None
        self._steps: list[Tensor] = []
        self._sums: dict[str, Tensor] = {}

    @property
    def needs_after(self) -> bool:
        """Whether the loss after each step is needed."""
        return self.asked.kind in ("same", "trajectory")

    @property
    def needs_losses(self) -> bool:
        """Whether losses before steps are part of what is recorded."""
        return self.needs_after or self.asked.kind == "next"

    @property
    def needs_fresh(self) -> bool:
        """Whether gradients on a minibatch that did not choose the step are needed."""
        return self.asked.kind == "fresh"

    def add(
        self, changes: Tensor, before: Tensor, after: Tensor, fresh: Tensor | None = None
    ) -> None:
        """Take one step.

        Parameters
        ----------
        changes : Tensor, shape (R, p)
            Of all rows; only its own are kept.
        before : Tensor, shape (R,)
            Losses before the step.
        after : Tensor, shape (rows that need it,)
            Losses after it, on the same minibatch.
        fresh : Tensor, shape (its rows, p), optional
            Gradients before the step on a minibatch that did not choose it, of its own rows.
        """
        own, kind = changes[self.rows], self.asked.kind
        if self.needs_after:
            change = after[self.rows].double() - before[self.rows].double()
            self._responses.append(change)
        if kind == "trajectory":
            self._steps.append(own.clone())
        elif kind == "same":
            lag, step = self.asked.lag, len(self._responses) - 1
            self._add(own, self._responses[step - lag] if step >= lag else None)
        elif kind == "next":
            now = before[self.rows].double()
            if self._before is not None and self._waiting is not None:
                self._responses.append(now - self._before)
                self._add(self._waiting, self._responses[-1])
            self._before, self._waiting = now, own.clone()
        elif kind == "moves":
            self._add(own, None)
        elif fresh is not None:
            gained = own.double() * fresh.double()
            self._add(own, None)
            self._sums.setdefault("fresh", torch.zeros_like(gained)).add_(gained)

    def _add(self, changes: Tensor, response: Tensor | None) -> None:
        """Add squares to the sums; without a response to the movement alone."""
        if not self._sums:
            names = ("moved",) if self.asked.kind in ALONE else ("moved", "x", "xx", "xy")
            self._sums = {n: torch.zeros_like(changes, dtype=torch.float64) for n in names}
        if has_kernels(changes) and changes.is_contiguous():
            from collectors.ensembles.pruning.row_kernels import sums_kernel

            moved = self._sums["moved"]
            others = [self._sums.get(name, moved) for name in ("x", "xx", "xy")]
            args = changes, moved if response is None else response, moved, *others
            shape = {"width": changes.shape[1], "paired": response is not None, "block": BLOCK}
            sums_kernel[grid_of(changes)](*args, **shape)
            return
        squares = changes.double().square_()
        self._sums["moved"].add_(squares)
        if response is not None:
            self._sums["x"].add_(squares)
            self._sums["xy"].addcmul_(squares, response[:, None])
            self._sums["xx"].addcmul_(squares, squares)

    def of_row(self, row: int) -> RowRecord:
        """Return what is known of one of its rows, counted from its first."""
        responses = torch.stack([y[row] for y in self._responses]) if self._responses else None
        sums = {name: total[row] for name, total in self._sums.items()}
        if self._waiting is not None and sums:
            sums["moved"] = sums["moved"] + self._waiting[row].double().square()
        steps = torch.stack([step[row] for step in self._steps]) if self._steps else None
        return RowRecord(self.asked, sums, responses, steps)


@dataclass(frozen=True, slots=True, eq=False)
class RowRecord:
    """What was recorded of one network.

    Attributes
    ----------
    asked : Asked
        What it is.
    sums : dict of Tensor
        ``moved`` of all steps; ``x, xx, xy`` of those with a response; ``fresh``, changes times
        fresh gradients; each of shape (p,).
    responses : Tensor, shape (T,), or None
        Loss changes.
    steps : Tensor, shape (T, p), or None
        Changes.
    """

    asked: Asked
    sums: dict[str, Tensor]
    responses: Tensor | None
    steps: Tensor | None

    @property
    def paired(self) -> Tensor:
        """The responses that have a change, shape (n,)."""
        assert self.responses is not None
        return self.responses[: len(self.responses) - self.asked.lag]

    def step_sums(self, layout: FlatLayout, displacement: Tensor) -> StepSums:
        """Return the sums, with the way from first to last, as criteria of the core take them."""
        host = {name: total.cpu().numpy() for name, total in self.sums.items()}
        far = displacement.double().cpu().numpy()
        places, response = layout.places(), "next" if self.asked.kind == "next" else "same"
        if self.asked.kind in ALONE:
            host |= {name: np.zeros_like(host["moved"]) for name in ("x", "xx", "xy")}
        layers = []
        for name in layout.prunable:
            x, xx, xy = (host[each][places[name]].reshape(1, 1, -1) for each in ("x", "xx", "xy"))
            ends = far[places[name]], host["moved"][places[name]]
            layers.append(LayerSums(name, layout.shapes[name], x, xx, xy, *ends))
        series = self.paired.cpu().numpy() if self.responses is not None else np.zeros(0)
        return StepSums(tuple(layers), (0,), False, (series,), {"response": response})
