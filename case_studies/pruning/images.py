"""Images on a device, in minibatches that are shuffled by torch's global generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import DataError

VALIDATION = 10_000
"""The last training images, held out to choose epochs."""


@dataclass(frozen=True, slots=True, eq=False)
class Minibatches:
    """Images and classes; each pass is one epoch.

    Attributes
    ----------
    images : Tensor of uint8, shape (n, channels, height, width)
    classes : Tensor of int64, shape (n,)
    centre, scale : float
        Taken from a pixel, and divided by.
    size : int
        Of a minibatch; the last may be smaller.
    shuffle : bool
        Whether the order is drawn anew each pass.
    """

    images: Tensor
    classes: Tensor
    centre: float
    scale: float
    size: int
    shuffle: bool

    def __len__(self) -> int:
        return -(-len(self.images) // self.size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.images)
        order = torch.randperm(count) if self.shuffle else torch.arange(count)
        for rows in order.to(self.images.device).split(self.size):
            yield (self.images[rows].float() - self.centre) / self.scale, self.classes[rows]


def load_parts(path: Path, device: str, size: int) -> dict[str, Minibatches]:
    """Read training, validation and test images.

    Parameters
    ----------
    path : Path
        An ``npz`` with ``x_train, y_train, x_test, y_test``; images are bytes of shape
        (n, height, width) or (n, height, width, channels).
    device : str
        Where the images lie.
    size : int
        Of a minibatch.

    Returns
    -------
    dict of str to Minibatches
        train (shuffled), validation, test; standardised by the training pixels.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{str(path)!r} must hold x_train, y_train, x_test and y_test: {error}"
        ) from error
    return parts_of(arrays, device, size)


def classes_of(arrays: Mapping[str, np.ndarray]) -> int:
    """Return the number of classes: one more than the largest label."""
    return int(max(arrays["y_train"].max(), arrays["y_test"].max())) + 1


def parts_of(
    arrays: Mapping[str, np.ndarray], device: str, size: int, validation: int = VALIDATION
) -> dict[str, Minibatches]:
    """Split images, and put them on a device.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``x_train, y_train, x_test, y_test``, as `load_parts` reads them.
    device : str
        Where the images lie.
    size : int
        Of a minibatch.
    validation : int
        The last training images, so many, are held out.

    Returns
    -------
    dict of str to Minibatches
        train (shuffled), validation, test; standardised by the training pixels.
    """
    first = arrays["x_train"][:-validation]
    centre, scale = float(first.mean()), float(first.std())

    def part(name: str, rows: slice, *, shuffle: bool = False) -> Minibatches:
        images = arrays[f"x_{name}"][rows]
        shaped = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        classes = torch.from_numpy(arrays[f"y_{name}"][rows].astype(np.int64))
        held = torch.from_numpy(np.ascontiguousarray(shaped))
        return Minibatches(held.to(device), classes.to(device), centre, scale, size, shuffle)

    return {
        "train": part("train", slice(-validation), shuffle=True),
        "validation": part("train", slice(-validation, None)),
        "test": part("test", slice(None)),
    }
