"""Convolutions of many networks at once, each with its own weights and its own images."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def grouped(images: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """Convolve as one convolution in groups.

    Parameters
    ----------
    images : Tensor, shape (n, R c, height, width)
        Of each of R networks c channels.
    weights : Tensor, shape (R, o, c, k, k)
    biases : Tensor, shape (R, o)

    Returns
    -------
    Tensor, shape (n, R o, height - k + 1, width - k + 1)
    """
    found: Tensor = F.conv2d(
        images, weights.flatten(0, 1), biases.flatten(), groups=weights.shape[0]
    )
    return found


def in_turn(images: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """Convolve network by network, as `grouped` has it."""
    own = images.unflatten(1, (weights.shape[0], -1)).transpose(0, 1).contiguous()
    each = [F.conv2d(x, w, b) for x, w, b in zip(own, weights, biases, strict=True)]
    return torch.cat(each, dim=1)


def by_products(images: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    """Convolve by one batched product of matrices of patches, as `grouped` has it."""
    members, size = weights.shape[0], weights.shape[-1]
    own = images.unflatten(1, (members, -1)).permute(1, 0, 3, 4, 2).contiguous()
    matrix = weights.to(own.dtype).permute(0, 3, 4, 2, 1).flatten(1, 3)
    found: Tensor = _Patches.apply(own, matrix, size)  # type: ignore[no-untyped-call]
    found = found + biases.to(own.dtype)[:, None, None, None, :]
    return found.permute(1, 0, 4, 2, 3).flatten(1, 2)


class _Patches(torch.autograd.Function):
    """Patches (R, n, h, w, c) times matrices (R, k k c, o)."""

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


ENGINES = {"grouped": grouped, "loop": in_turn, "unfold": by_products}
"""Ways to convolve a stack, by name; they agree to rounding, and differ in speed."""
