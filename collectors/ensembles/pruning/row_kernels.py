"""Triton kernels over rows of parameters: updates and running sums, each in one pass.

What is pruned is not read: at 98% most of a network's memory is passed over.
"""

# mypy: ignore-errors
from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def adam_kernel(
    rows, gradients, pruned, first, second, scales, width, one, two, eps, block: tl.constexpr
):
    """Move rows by Adam, as `AdamUpdate` does; scales (rows,) hold rate and corrections."""
    row = tl.program_id(1)
    column = tl.program_id(0) * block + tl.arange(0, block)
    at = row.to(tl.int64) * width + column
    kept = tl.load(pruned + at, mask=column < width, other=1) == 0
    g = tl.load(gradients + at, mask=kept, other=0.0)
    m = tl.load(first + at, mask=kept, other=0.0)
    v = tl.load(second + at, mask=kept, other=0.0)
    m += one * (g - m)
    v += two * (g * g - v)
    w = tl.load(rows + at, mask=kept, other=0.0)
    w += m / (tl.sqrt(v) + eps) * tl.load(scales + row)
    tl.store(first + at, m, mask=kept)
    tl.store(second + at, v, mask=kept)
    tl.store(rows + at, w, mask=kept)


@triton.jit
def descent_kernel(rows, gradients, pruned, width, rate, block: tl.constexpr):
    """Move rows down their gradients, which become the changes: zero where pruned."""
    column = tl.program_id(0) * block + tl.arange(0, block)
    at = tl.program_id(1).to(tl.int64) * width + column
    inside = column < width
    kept = tl.load(pruned + at, mask=inside, other=1) == 0
    change = -rate * tl.load(gradients + at, mask=kept, other=0.0)
    tl.store(gradients + at, change, mask=inside)
    w = tl.load(rows + at, mask=kept, other=0.0)
    tl.store(rows + at, w + change, mask=kept)


@triton.jit
def sums_kernel(
    changes, responses, moved, x, xx, xy, width, paired: tl.constexpr, block: tl.constexpr
):
    """Add squares of changes, in float64: to the movement, and where paired to the others."""
    row = tl.program_id(1)
    column = tl.program_id(0) * block + tl.arange(0, block)
    at = row.to(tl.int64) * width + column
    change = tl.load(changes + at, mask=column < width, other=0.0).to(tl.float64)
    going = change != 0
    square = change * change
    tl.store(moved + at, tl.load(moved + at, mask=going) + square, mask=going)
    if paired:
        y = tl.load(responses + row)
        tl.store(x + at, tl.load(x + at, mask=going) + square, mask=going)
        tl.store(xx + at, tl.load(xx + at, mask=going) + square * square, mask=going)
        tl.store(xy + at, tl.load(xy + at, mask=going) + square * y, mask=going)
