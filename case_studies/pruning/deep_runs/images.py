"""Images as the networks take them, on the device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

from torch import Tensor
from torch.nn.functional import interpolate

from case_studies.pruning.images import Minibatches, classes_of, parts_of
from case_studies.pruning.stacked_runs.sheets import read_images

read_once = lru_cache(maxsize=1)(read_images)
"""Decoding takes seconds; networks of one data set come one after another."""


@dataclass(frozen=True, slots=True, eq=False)
class ShapedMinibatches(Minibatches):
    """Minibatches that are enlarged on the device, where the images lie in their own size.

    Attributes
    ----------
    side : int
        Pixels a side, between their own pixels' centres (bilinear).
    channels : int
        Grey images are repeated so often.
    """

    side: int
    channels: int

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # super() without arguments fails in a dataclass with slots
        for images, classes in Minibatches.__iter__(self):
            yield shaped(images, self.side, self.channels), classes


def shaped(images: Tensor, side: int, channels: int) -> Tensor:
    """Enlarge images to so many pixels a side, and repeat grey ones so often."""
    if images.shape[-1] != side:
        images = interpolate(images, (side, side), mode="bilinear", align_corners=False)
    return images.expand(-1, channels, -1, -1) if images.shape[1] < channels else images


def network_images(
    folder: Path,
    name: str,
    device: str,
    size: int,
    validation: int,
    *,
    side: int | None = None,
    channels: int | None = None,
) -> tuple[dict[str, ShapedMinibatches], int]:
    """Read a data set, and put it on a device in the shape that a network takes.

    Parameters
    ----------
    folder : Path
        Of the files, see `read_images`.
    name : str
        Of the data set.
    device : str
        Where they lie.
    size : int
        Of a minibatch.
    validation : int
        The last training images, so many, are held out.
    side : int, optional
        Pixels a side to which they are enlarged; their own unless given.
    channels : int, optional
        How often grey images are repeated; once unless given.

    Returns
    -------
    parts : dict of str to ShapedMinibatches
        train, validation, test.
    classes : int
        Number of classes.
    """
    arrays = read_once(folder, name)
    found = {}
    for part, plain in parts_of(arrays, device, size, validation).items():
        own = {f.name: getattr(plain, f.name) for f in fields(plain)}
        _, depth, _, wide = plain.images.shape
        shape = {"side": side or wide, "channels": max(channels or 1, depth)}
        found[part] = ShapedMinibatches(**own, **shape)
    return found, classes_of(arrays)
