"""Where the steps of a recording go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

COLUMNS = ("loss", "loss_after", "grad_norm", "update_norm", "learning_rate")
"""What is measured of a step, in the order of the steps frame."""
WAITING = 4096
"""Rows that wait on the device at most: each is a small tensor of its own there."""


@runtime_checkable
class Sink(Protocol):
    """Takes the changes of one step after another; a trajectory writer is one.

    Who opens it closes it: the recorder closes the store that it made from a path.
    """

    def append(
        self,
        changes: Mapping[str, NDArray[np.floating]],
        *,
        step: int,
        epoch: float,
        loss: float,
        loss_after: float,
        grad_norm: float,
        update_norm: float,
        learning_rate: float,
    ) -> object:
        """Take one step; what is kept of the arrays is copied before this returns."""


class Rows:
    """The rows of the steps frame; numbers stay on the device until they are asked for.

    Parameters
    ----------
    run_id : str
        Name of the run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._waiting: list[tuple[int, float, Tensor]] = []
        self._rows: list[tuple[int, float, list[float]]] = []

    def append(self, step: int, epoch: float, measured: Tensor) -> None:
        """Take what was measured of a step, in the order of `COLUMNS`; seldom is it waited for."""
        self._waiting.append((step, epoch, measured))
        if len(self._waiting) >= WAITING:
            self._fetch()

    def last(self) -> dict[str, float]:
        """Return what was measured of the last step."""
        self._fetch()
        return dict(zip(COLUMNS, self._rows[-1][2], strict=True))

    def to_frame(self) -> pd.DataFrame:
        """Return the steps frame, a row a recorded step."""
        self._fetch()
        frame = pd.DataFrame(
            [(self._run_id, step, epoch, *numbers) for step, epoch, numbers in self._rows],
            columns=["run_id", "step", "epoch", *COLUMNS],
        )
        kinds: dict[str, Any] = {"run_id": str, "step": "int64", "epoch": float} | dict.fromkeys(
            COLUMNS, float
        )
        return frame.astype(kinds)

    def state_dict(self) -> Tensor:
        """Return the rows for a checkpoint: step, epoch and `COLUMNS`, in float64."""
        self._fetch()
        rows = [[step, epoch, *numbers] for step, epoch, numbers in self._rows]
        return torch.tensor(rows, dtype=torch.float64).reshape(-1, 2 + len(COLUMNS))

    def load_state_dict(self, state: Tensor) -> None:
        """Put rows back."""
        self._waiting = []
        self._rows = [(int(step), epoch, rest) for step, epoch, *rest in state.tolist()]

    def _fetch(self) -> None:
        """Bring what waits to the host, in one copy."""
        if self._waiting:
            numbers = torch.stack([measured for *_, measured in self._waiting]).tolist()
            for (step, epoch, _), row in zip(self._waiting, numbers, strict=True):
                self._rows.append((step, epoch, row))
            self._waiting = []


class Host:
    """The changes of a step in the host's memory, one array a layer.

    On the CPU they are views of the recorder's own vector; from an accelerator they come in one
    copy, into memory that is pinned and used again for every step.

    Parameters
    ----------
    flat : Tensor, shape (p,)
        The recorder's vector of changes.
    places : mapping of str to (int, int, tuple of int)
        Of each layer: first column, last column plus one, shape.
    """

    def __init__(self, flat: Tensor, places: Mapping[str, tuple[int, int, torch.Size]]) -> None:
        self._flat = flat
        far = flat.device.type != "cpu"
        pinned = flat.device.type == "cuda"
        self._own = torch.empty_like(flat, device="cpu", pin_memory=pinned) if far else flat
        whole = self._own.numpy()
        self._arrays = {
            name: whole[start:stop].reshape(shape) for name, (start, stop, shape) in places.items()
        }

    def arrays(self) -> dict[str, NDArray[np.floating]]:
        """Return the arrays, which the next step overwrites."""
        if self._own is not self._flat:
            self._own.copy_(self._flat)
        return self._arrays
