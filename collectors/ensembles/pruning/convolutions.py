"""Convolutions with pooling, of many networks at once.

They agree to rounding, and differ in speed. Pooling takes the largest of 2 x 2, before any bias.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def shared(images: Tensor, weights: Tensor) -> Tensor:
    """Convolve images that all networks share, as one convolution with the channels of all.

    Parameters
    ----------
    images : Tensor, shape (n, c, height, width)
    weights : Tensor, shape (R, o, c, k, k)
        Of R networks.

    Returns
    -------
    Tensor, shape (n, R o, (height - k + 1) // 2, (width - k + 1) // 2)
    """
    return functional.max_pool2d(functional.conv2d(images, weights.flatten(0, 1)), 2)


def shared_product(images: Tensor, weights: Tensor) -> Tensor:
    """Convolve shared images by one product of matrices, as `shared` has it.

    Parameters
    ----------
    images : Tensor, shape (n, c, height, width)
    weights : Tensor, shape (R, o, c, k, k)

    Returns
    -------
    Tensor, shape (n, R o, (height - k + 1) // 2, (width - k + 1) // 2)
    """
    size = weights.shape[-1]
    patches = functional.unfold(images, size).transpose(0, 1).flatten(1)
    found = weights.flatten(2).flatten(0, 1) @ patches
    high, wide = (side - size + 1 for side in images.shape[2:])
    return functional.max_pool2d(found.unflatten(1, (len(images), high, wide)), 2).transpose(0, 1)


def grouped(images: Tensor, weights: Tensor) -> Tensor:
    """Convolve each network's images as one convolution in groups.

    Parameters
    ----------
    images : Tensor, shape (n, R c, height, width)
        Of each of R networks c channels.
    weights : Tensor, shape (R, o, c, k, k)

    Returns
    -------
    Tensor, shape (n, R o, (height - k + 1) // 2, (width - k + 1) // 2)
    """
    return functional.max_pool2d(
        functional.conv2d(images, weights.flatten(0, 1), groups=len(weights)), 2
    )


def in_turn(images: Tensor, weights: Tensor) -> Tensor:
    """Convolve network by network, as `grouped` has it.

    Parameters
    ----------
    images : Tensor, shape (n, R c, height, width)
    weights : Tensor, shape (R, o, c, k, k)

    Returns
    -------
    Tensor, shape (n, R o, (height - k + 1) // 2, (width - k + 1) // 2)
    """
    own = images.unflatten(1, (len(weights), -1)).transpose(0, 1).contiguous()
    pairs = zip(own, weights.to(own.dtype), strict=True)
    each = [functional.conv2d(x, w) for x, w in pairs]
    return functional.max_pool2d(torch.cat(each, dim=1), 2)


def in_turn_last(images: Tensor, weights: Tensor) -> Tensor:
    """Convolve network by network with channels last in memory, as `grouped` has it.

    Parameters
    ----------
    images : Tensor, shape (n, R c, height, width)
    weights : Tensor, shape (R, o, c, k, k)

    Returns
    -------
    Tensor, shape (n, R o, (height - k + 1) // 2, (width - k + 1) // 2)
    """
    own = images.unflatten(1, (len(weights), -1)).permute(1, 0, 3, 4, 2).contiguous()
    pairs = zip(own.permute(0, 1, 4, 2, 3), weights.to(own.dtype), strict=True)
    return torch.cat([functional.max_pool2d(functional.conv2d(x, w), 2) for x, w in pairs], dim=1)


def by_products(images: Tensor, weights: Tensor) -> Tensor:
    """Convolve by one batched product of matrices of patches, as `grouped` has it.

    Parameters
    ----------
    images : Tensor, shape (n, R c, height, width)
    weights : Tensor, shape (R, o, c, k, k)

    Returns
    -------
    Tensor, shape (n, R o, (height - k + 1) // 2, (width - k + 1) // 2)
    """
    own = images.unflatten(1, (len(weights), -1)).permute(1, 0, 3, 4, 2).contiguous()
    matrix = weights.to(own.dtype).permute(0, 3, 4, 2, 1).flatten(1, 3)
    found: Tensor = _Patches.apply(own, matrix, weights.shape[-1])  # type: ignore[no-untyped-call]
    pooled = functional.max_pool2d(found.flatten(0, 1).permute(0, 3, 1, 2), 2)
    return pooled.unflatten(0, (len(weights), -1)).transpose(0, 1).flatten(1, 2)


class _Patches(torch.autograd.Function):
    """Patches of (R, n, h, w, c) times matrices (R, k k c, o)."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, matrix: Tensor, size: int) -> Tensor:
        windows = images.unfold(2, size, 1).unfold(3, size, 1)
        rows = windows.permute(0, 1, 2, 3, 5, 6, 4).flatten(4, 6).flatten(1, 3)
        ctx.save_for_backward(rows, matrix)
        ctx.size, ctx.shape = size, images.shape
        return torch.bmm(rows, matrix).unflatten(1, (images.shape[1], *windows.shape[2:4]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        rows, matrix = ctx.saved_tensors
        size, channels = ctx.size, ctx.shape[4]
        high, wide = gradient.shape[2:4]
        flat = gradient.flatten(1, 3)
        own = torch.bmm(flat, matrix.transpose(1, 2))
        parts = own.unflatten(2, (size, size, channels)).unflatten(1, (-1, high, wide))
        images = gradient.new_zeros(ctx.shape)
        for i in range(size):
            for j in range(size):
                images[:, :, i : i + high, j : j + wide].add_(parts[:, :, :, :, i, j])
        return images, torch.bmm(rows.transpose(1, 2), flat), None


FIRST = {"conv": shared, "product": shared_product}
"""Of shared images."""
SECOND = {"grouped": grouped, "loop": in_turn, "loop_last": in_turn_last, "unfold": by_products}
"""Of each network's own."""
ENGINES = tuple(f"{first}-{second}" for first in FIRST for second in SECOND)
"""Both, by name."""


def features_of(p: Mapping[str, Tensor], images: Tensor, engine: str) -> Tensor:
    """Apply both convolutions of many `LeNet`, with bias, rectifier and pooling.

    Pooling comes before bias and rectifier, which gives the same with a quarter of the work.

    Parameters
    ----------
    p : mapping of str to Tensor
        Parameters, each of shape (R, ...).
    images : Tensor, shape (n, c, height, height)
        Shared by all.
    engine : str
        Of `ENGINES`.

    Returns
    -------
    Tensor, shape (R, n, features)
    """
    first, second = engine.split("-")
    members = len(p["conv1.weight"])
    x = _rectified(FIRST[first](images, p["conv1.weight"]), p["conv1.bias"])
    x = _rectified(SECOND[second](x, p["conv2.weight"]), p["conv2.bias"])
    return x.unflatten(1, (members, -1)).flatten(2).transpose(0, 1)


def _rectified(found: Tensor, bias: Tensor) -> Tensor:
    return (found + bias.flatten()[:, None, None].to(found.dtype)).relu()
