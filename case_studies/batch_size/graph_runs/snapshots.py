"""What is kept of a training: parameters at stopping times, and noise along the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from case_studies.batch_size.graph_runs.design import Trajectory


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A trajectory of every seed at a stopping time.

    Attributes
    ----------
    trajectory : Trajectory
    designs : tuple of str
        What it was stopped for.
    updates : Tensor of int64, shape (seeds,)
        Updates made.
    reached : Tensor of bool, shape (seeds,)
        Whether the loss target was reached; True where none was sought.
    parameters : Tensor, shape (seeds, p)
    """

    trajectory: Trajectory
    designs: tuple[str, ...]
    updates: Tensor
    reached: Tensor
    parameters: Tensor


@dataclass(slots=True, eq=False)
class Course:
    """What came of a training.

    Attributes
    ----------
    initial : Tensor, shape (seeds, p)
        Parameters before the first update.
    snapshots : list of Snapshot
    moments : dict
        Gradient noise by trajectory and update: S, the mean gradient's squared norm, and the
        noise of the update made, each of shape (seeds,).
    """

    initial: Tensor
    snapshots: list[Snapshot] = field(default_factory=list)
    moments: dict[tuple[Trajectory, int], tuple[Tensor, Tensor, Tensor]] = field(
        default_factory=dict
    )


class Passages:
    """Where trajectories first reach the loss target."""

    def __init__(self, initial: Tensor, seekers: Sequence[Trajectory], target: float) -> None:
        self.seekers, self._target = list(seekers), target
        shape = (len(initial), len(self.seekers))
        self._updates = torch.full(shape, -1, device=initial.device)
        self._reached = torch.zeros(shape, dtype=torch.bool, device=initial.device)
        self._parameters = initial.unsqueeze(1).repeat(1, len(self.seekers), 1)

    def look(self, means: Tensor, flat: Tensor, done: int, *, last: bool) -> None:
        """Keep the parameters of seekers that are at the target for the first time."""
        reached = means <= self._target
        first = (reached | last) & (self._updates < 0)
        self._updates.masked_fill_(first, done)
        self._reached |= first & reached
        self._parameters = torch.where(first.unsqueeze(-1), flat, self._parameters)

    def complete(self) -> list[Trajectory]:
        """The seekers of which every seed has been stopped."""
        ended = (self._updates >= 0).all(0).tolist()
        return [t for t, end in zip(self.seekers, ended, strict=True) if end]

    def end(self, ended: Sequence[Trajectory]) -> list[Snapshot]:
        """Let some seekers go; return where they were stopped."""
        found = [
            Snapshot(
                t,
                ("equal_loss",),
                self._updates[:, place].cpu(),
                self._reached[:, place].cpu(),
                self._parameters[:, place].clone(),
            )
            for place, t in enumerate(self.seekers)
            if t in ended
        ]
        kept = [place for place, t in enumerate(self.seekers) if t not in ended]
        self.seekers = [self.seekers[place] for place in kept]
        self._updates, self._reached = self._updates[:, kept], self._reached[:, kept]
        self._parameters = self._parameters[:, kept]
        return found
