"""Images as the networks take them, on the device."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from case_studies.pruning.images import Minibatches, parts_of
from case_studies.pruning.stacked_runs.sheets import read_images

Bytes = NDArray[np.uint8]
CHUNK = 2_500
"""Images enlarged at a time."""

read_once = lru_cache(maxsize=1)(read_images)
"""Decoding takes seconds; networks of one data set come one after another."""


def network_images(
    folder: Path,
    name: str,
    device: str,
    size: int,
    validation: int,
    *,
    side: int | None = None,
    channels: int | None = None,
) -> tuple[dict[str, Minibatches], int]:
    """Read a data set, shape its images, and put them on a device.

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
        Pixels a side to which they are enlarged.
    channels : int, optional
        How often grey images are repeated.

    Returns
    -------
    parts : dict of str to Minibatches
        train, validation, test.
    classes : int
        Number of classes.
    """
    arrays = dict(read_once(folder, name))
    for part in ("x_train", "x_test"):
        arrays[part] = shaped(arrays[part], side, channels)
    classes = int(max(arrays["y_train"].max(), arrays["y_test"].max())) + 1
    return parts_of(arrays, device, size, validation), classes


def shaped(images: Bytes, side: int | None, channels: int | None) -> Bytes:
    """Enlarge images between their pixels' centres (bilinear), and repeat grey ones.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width) or (n, height, width, channels)
    side : int or None
        Pixels a side; None, or their own, leaves them.
    channels : int or None
        For grey images.

    Returns
    -------
    ndarray of uint8
        Of shape (n, side, side[, channels]).

    Examples
    --------
    >>> shaped(np.array([[[0, 200], [0, 200]]], np.uint8), 4, None)[0, 0].tolist()
    [0, 50, 150, 200]
    >>> shaped(np.zeros((1, 2, 2), np.uint8), None, 3).shape
    (1, 2, 2, 3)
    """
    grey = images.ndim == 3
    if side is not None and side != images.shape[1]:
        flat = images[..., None] if grey else images
        parts = [_enlarged(flat[i : i + CHUNK], side) for i in range(0, len(flat), CHUNK)]
        images = np.concatenate(parts)
        images = images[..., 0] if grey else images
    if grey and channels not in (None, 1):
        images = np.repeat(images[..., None], int(channels or 1), axis=-1)
    return images


def _enlarged(images: Bytes, side: int) -> Bytes:
    values = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()
    found = interpolate(values, (side, side), mode="bilinear", align_corners=False)
    whole: Bytes = found.round_().to(torch.uint8).numpy().transpose(0, 2, 3, 1)
    return whole
