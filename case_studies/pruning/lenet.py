"""The paper's LeNet for images of any of its data sets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from collectors.networks import LeNet

LARGE = 64
"""Pixels a side from which the paper's kernels have 7 instead of 5: those of Tiny-ImageNet."""


def paper_lenet(classes: int, channels: int, side: int, **options: Any) -> Callable[[], LeNet]:
    """Return a function without arguments that makes the network.

    Parameters
    ----------
    classes : int
    channels, side : int
        Of the images.
    **options
        Of `LeNet`.

    Returns
    -------
    callable

    Examples
    --------
    >>> sum(p.numel() for p in paper_lenet(200, 3, 64)().parameters())
    3177710
    """
    kernel = 7 if side >= LARGE else 5
    return partial(LeNet, classes, channels, side, kernel=kernel, **options)
