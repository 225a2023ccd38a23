"""FashionMNIST at 14 by 14 pixels, on a device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import DataError

TRAIN = 50_000
"""Of the 60,000 training images; the other 10,000 are for validation."""


@dataclass(frozen=True, slots=True)
class Images:
    """Inputs, shape (n, 196), standardised; and classes, shape (n,), of each part."""

    train: tuple[Tensor, Tensor]
    validation: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]

    @property
    def parts(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The parts by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}


def load_images(path: Path, device: str) -> Images:
    """Read FashionMNIST and average its pixels by fours.

    Parameters
    ----------
    path : Path
        An ``npz`` with ``x_train, y_train, x_test, y_test``, images of 28 by 28 bytes.
    device : str
        Where the tensors go.

    Returns
    -------
    Images
        The mean and standard deviation of the training pixels are taken from all parts.
    """
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{str(path)!r} must hold FashionMNIST as x_train, y_train, x_test, y_test: {error}"
        ) from error
    images = {name: _pooled(arrays[f"x_{name}"]) for name in ("train", "test")}
    mean, spread = images["train"][:TRAIN].mean(), images["train"][:TRAIN].std()

    def part(name: str, rows: slice) -> tuple[Tensor, Tensor]:
        inputs = torch.from_numpy((images[name][rows] - mean) / spread)
        classes = torch.from_numpy(arrays[f"y_{name}"][rows].astype(np.int64))
        return inputs.to(device), classes.to(device)

    return Images(
        train=part("train", slice(TRAIN)),
        validation=part("train", slice(TRAIN, None)),
        test=part("test", slice(None)),
    )


def perceptron(*widths: int) -> nn.Sequential:
    """Make a network of linear layers with rectifiers between them, from pixels to classes."""
    sizes = [196, *widths, 10]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _pooled(images: np.ndarray) -> np.ndarray:
    """Average 28 by 28 bytes to 196 numbers."""
    cells = images.reshape(len(images), 14, 2, 14, 2).astype(np.float32)
    return cells.mean(axis=(2, 4)).reshape(len(images), 196)
