"""LeNet's two convolutions by kernels of our own, for many networks; on a GPU with Triton."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning.blocks import BLOCKS, Plan
from collectors.ensembles.pruning.launching import has_kernels, parts

PADDED = 64
"""Columns in which the outputs of the second convolution stand."""


SPLIT = {"first": 1024, "second": 4096}
"""Rows over which a program sums a gradient: fixed, so that sums do not depend on company."""
LARGEST = 2**31 - 1
"""Values that kernels count in whole numbers of 32 bits."""


def fused_features(p: Mapping[str, Tensor], images: Tensor, engine: str) -> Tensor:
    """Apply both convolutions of many `LeNet`, with bias, rectifier and pooling.

    Parameters
    ----------
    p : mapping of str to Tensor
        Parameters, each of shape (R, ...).
    images : Tensor, shape (n, c, height, height)
        Shared by all.
    engine : str
        Of `BLOCKS`.

    Returns
    -------
    Tensor, shape (R, n, features)
        In bfloat16 under autocast, in float32 otherwise.

    Raises
    ------
    ConfigurationError
        If there is no GPU or no Triton, images are of another type, or networks and images are
        too many to be counted in 32 bits.
    """
    device = images.device.type
    bfloat16 = torch.is_autocast_enabled(device)
    if not has_kernels(images) or images.dtype != torch.float32:
        raise ConfigurationError(
            f"the engine {engine!r} needs a GPU, Triton and images in float32; got "
            f"{images.dtype} on {device}: choose an engine such as conv-loop"
        )
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    exact = bfloat16 or not torch.backends.cuda.matmul.allow_tf32
    how = Plan(BLOCKS[engine].of(dtype), dtype, "ieee" if exact else "tf32")
    first: Tensor = _First.apply(images, p["conv1.weight"], p["conv1.bias"], how)  # type: ignore[no-untyped-call]
    second: Tensor = _Second.apply(first, p["conv2.weight"], p["conv2.bias"], how)  # type: ignore[no-untyped-call]
    return second.flatten(2)


class _First(torch.autograd.Function):
    """Shared images (n, c, s, s) to (R, n, q, q, o), with the largest of 2 x 2, rectified."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, plan: Plan) -> Tensor:
        from collectors.ensembles.pruning import kernels

        nets, outputs, channels, size, _ = weight.shape
        entries = channels * size * size
        width = sum(_widths(entries + 1))
        pooled = (images.shape[2] - size + 1) // 2
        rows = len(images) * pooled * pooled
        block = plan.blocks
        stored = parts(outputs, block.channels) * block.channels
        columns = nets * stored
        if (most := rows * max(columns, 4 * width)) > LARGEST:
            raise ConfigurationError(
                f"{nets} networks and {len(images)} images have {most:,} values in one array, and "
                f"these kernels count to {LARGEST:,}: take fewer networks or images at once"
            )
        patches = images.new_empty((4, rows, width), dtype=plan.dtype)
        sizes = {"channels": channels, "side": images.shape[2], "size": size, "pooled": pooled}
        kernels.patches_kernel[parts(patches.numel(), 1024),](
            images.contiguous(), patches, patches.numel(), rows, **sizes, width=width,
            precision=plan.precision, block=1024,
        )  # fmt: skip
        matrix = weight.new_zeros((width, nets, stored))
        matrix[:entries, :, :outputs] = weight.flatten(2).permute(2, 0, 1)
        matrix[entries, :, :outputs] = bias
        found = patches.new_empty((nets, len(images), pooled, pooled, stored))
        keep = any(ctx.needs_input_grad)
        winners = torch.empty_like(found, dtype=torch.uint8) if keep else found
        grid = parts(columns, block.columns), parts(rows, block.rows)
        kernels.first_kernel[grid](
            patches, plan.held(matrix), found, winners, rows, columns, outputs=stored,
            width=width, keep=keep, block_rows=block.rows, block_columns=block.columns,
            block_k=32 if width % 32 == 0 else 16, **plan.options(),
        )  # fmt: skip
        ctx.save_for_backward(patches, winners)
        ctx.plan, ctx.shape = plan, weight.shape
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor, None]:
        from collectors.ensembles.pruning import kernels

        patches, winners = ctx.saved_tensors
        nets, outputs, *window = ctx.shape
        entries = window[0] * window[1] * window[2]
        _, rows, width = patches.shape
        low, high = _widths(entries + 1)
        stored, block = winners.shape[4], ctx.plan.blocks
        splits, columns = parts(rows, SPLIT["first"]), nets * stored
        sums = gradient.new_empty((splits, columns, width), dtype=torch.float32)
        grid = parts(columns, block.columns), splits
        kernels.first_weights_kernel[grid](
            patches, gradient.contiguous(), winners, sums, rows, columns, outputs=stored,
            low=low, high=high, split=SPLIT["first"], block_rows=block.summed_of(width),
            block_columns=block.columns, **ctx.plan.options(),
        )  # fmt: skip
        total = sums.sum(0).unflatten(0, (nets, stored))[:, :outputs]
        return None, total[..., :entries].unflatten(2, window), total[..., entries], None


class _Second(torch.autograd.Function):
    """Each network's (R, n, s, s, c) to (R, n, o, q, q), with the largest of 2 x 2, rectified."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, weight: Tensor, bias: Tensor, plan: Plan) -> Tensor:
        from collectors.ensembles.pruning import kernels

        nets, outputs, channels, size, _ = weight.shape
        count, side, _, stored = images.shape[1:]
        pooled = (side - size + 1) // 2
        rows = count * pooled * pooled
        matrix = weight.new_zeros((nets, size, size, stored, PADDED))
        matrix[:, :, :, :channels, :outputs] = weight.permute(0, 3, 4, 2, 1)
        biases = weight.new_zeros((nets, PADDED))
        biases[:, :outputs] = bias
        found = images.new_empty((nets, count, outputs, pooled, pooled))
        keep = any(ctx.needs_input_grad)
        shape = nets, count, pooled * pooled, outputs
        winners = found.new_empty(shape, dtype=torch.uint8) if keep else found
        block = plan.blocks
        kernels.second_kernel[parts(rows, block.second), nets](
            images, plan.held(matrix), biases, found, winners, rows, channels=stored, side=side,
            size=size, pooled=pooled, outputs=outputs, padded=PADDED, keep=keep,
            block_rows=block.second, block_k=block.k, **plan.options(),
        )  # fmt: skip
        ctx.save_for_backward(images, weight, winners)
        ctx.plan = plan
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        from collectors.ensembles.pruning import kernels

        images, weight, winners = ctx.saved_tensors
        nets, outputs, channels, size, _ = weight.shape
        (count, side, _, stored), wide = images.shape[1:], images.shape[2] - size + 1
        plan, block, pooled = ctx.plan, ctx.plan.blocks, gradient.shape[3]
        gradient = gradient.flatten(3).transpose(2, 3).contiguous()
        whole = wide == 2 * pooled  # otherwise no pool has the last pixels
        make = images.new_empty if whole else images.new_zeros
        pixels = make((nets, count * wide * wide, PADDED))
        sizes = {"side": wide, "pooled": pooled, "outputs": outputs, "padded": PADDED}
        rows = nets * count * pooled * pooled
        kernels.unpool_kernel[parts(rows, 32),](
            gradient, winners, pixels, rows, **sizes, precision=plan.precision, block_rows=32,
        )  # fmt: skip
        sizes = {"channels": stored, "side": side, "size": size, "padded": PADDED}
        rows, entries = count * wide * wide, size * size * stored
        splits = parts(rows, SPLIT["second"])
        sums = weight.new_empty((splits, nets, entries, PADDED))
        kernels.second_weights_kernel[parts(entries, 128), splits, nets](
            images, pixels, sums, rows, **sizes, split=SPLIT["second"],
            block_rows=block.summed, block_k=128, **plan.options(),
        )  # fmt: skip
        broad = max(16, 1 << (stored - 1).bit_length())
        turned = weight.new_zeros((nets, size * size, PADDED, broad))
        turned[:, :, :outputs, :channels] = weight.permute(0, 3, 4, 1, 2).flatten(1, 2)
        back = torch.empty_like(images)
        kernels.second_inputs_kernel[parts(count * side, block.pixels), side, nets](
            pixels, plan.held(turned), back, count * side, **sizes, wide_channels=broad,
            block_rows=block.pixels, **plan.options(),
        )  # fmt: skip
        total = sums.sum(0).unflatten(1, (size, size, stored))[..., :channels, :outputs]
        biases = torch.where(winners < 4, gradient, 0).sum((1, 2), dtype=weight.dtype)
        return back, total.permute(0, 4, 3, 1, 2), biases, None


def _widths(entries: int) -> tuple[int, int]:
    """Two powers of two, from 16 (the second may be 0), with the least sum that has room."""
    powers = [2**k for k in range(4, 10)]
    pairs = [(low, high) for low in powers for high in (0, *powers) if low >= high]
    return min((pair for pair in pairs if sum(pair) >= entries), key=lambda p: (sum(p), p[1]))
