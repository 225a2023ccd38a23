"""Triton kernels of LeNet's two convolutions, with bias, rectifier and pooling, of many networks.

Rows are pooled places of the images of a minibatch; the four pixels of a pool are accumulated
apart, so that nothing but the largest is ever written. Sums are in float32, in a fixed order.
"""

# mypy: ignore-errors
from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def rounded(x, precision: tl.constexpr):
    """Round to the 11 bits that a tensor core reads of float32; it cuts off the others."""
    if precision == "tf32":
        bits = x.to(tl.float32).to(tl.int32, bitcast=True)
        x = ((bits + 0x1000) & -0x2000).to(tl.float32, bitcast=True)
    return x


@triton.jit
def patches_kernel(
    images, found, total, rows,
    channels: tl.constexpr, side: tl.constexpr, size: tl.constexpr, pooled: tl.constexpr,
    width: tl.constexpr, precision: tl.constexpr, block: tl.constexpr,
):  # fmt: skip
    """Patches (4, rows, width) of images (n, channels, side, side), with a column of ones."""
    at = tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)
    k, row = (at % width).to(tl.int32), (at // width).to(tl.int32)
    pixel, row = row // rows, row % rows
    image, place = row // (pooled * pooled), row % (pooled * pooled)
    y = 2 * (place // pooled) + pixel // 2 + k % (size * size) // size
    x = 2 * (place % pooled) + pixel % 2 + k % size
    source = images + ((image * channels + k // (size * size)) * side + y) * side + x
    entries: tl.constexpr = channels * size * size
    value = tl.load(source, mask=(at < total) & (k < entries), other=0.0)
    value = rounded(tl.where(k == entries, 1.0, value.to(tl.float32)), precision)
    tl.store(found + at, value, mask=at < total)


@triton.jit
def first_kernel(
    patches, weights, found, winners, rows, columns,
    outputs: tl.constexpr, width: tl.constexpr, keep: tl.constexpr, precision: tl.constexpr,
    block_rows: tl.constexpr, block_columns: tl.constexpr, block_k: tl.constexpr,
):  # fmt: skip
    """Largest of four products (rows, width) x (width, columns), rectified, of all networks."""
    row = tl.program_id(1) * block_rows + tl.arange(0, block_rows)
    column = tl.program_id(0) * block_columns + tl.arange(0, block_columns)
    k = tl.arange(0, block_k)
    one = tl.zeros((block_rows, block_columns), tl.float32)
    two, three, four = one, one, one
    left = patches + row[:, None] * width + k[None, :]
    right = weights + k[:, None] * columns + column[None, :]
    there, known = row[:, None] < rows, column[None, :] < columns
    far = rows * width
    for _ in range(width // block_k):
        b = tl.load(right, mask=known, other=0.0)
        one = tl.dot(tl.load(left, mask=there, other=0.0), b, one, precision)
        two = tl.dot(tl.load(left + far, mask=there, other=0.0), b, two, precision)
        three = tl.dot(tl.load(left + 2 * far, mask=there, other=0.0), b, three, precision)
        four = tl.dot(tl.load(left + 3 * far, mask=there, other=0.0), b, four, precision)
        left += block_k
        right += block_k * columns
    best, winner = largest(one, two, three, four)
    place = (column // outputs)[None, :] * (rows * outputs) + (column % outputs)[None, :]
    place += row[:, None] * outputs
    tl.store(found + place, rounded(best, precision), mask=there & known)
    if keep:
        tl.store(winners + place, winner.to(tl.uint8), mask=there & known)


@triton.jit
def largest(one, two, three, four):
    """Largest of four, rectified, and the first that is so; 4 where none is positive."""
    best, winner = one, tl.zeros(one.shape, tl.int32)
    winner = tl.where(two > best, 1, winner)
    best = tl.where(two > best, two, best)
    winner = tl.where(three > best, 2, winner)
    best = tl.where(three > best, three, best)
    winner = tl.where(four > best, 3, winner)
    best = tl.where(four > best, four, best)
    return tl.where(best < 0, 0.0, best), tl.where(best > 0, winner, 4)


@triton.jit
def first_weights_kernel(
    patches, gradients, winners, found, rows, columns,
    outputs: tl.constexpr, low: tl.constexpr, high: tl.constexpr, precision: tl.constexpr,
    split: tl.constexpr, block_rows: tl.constexpr, block_columns: tl.constexpr,
):  # fmt: skip
    """Gradients (splits, columns, low + high) of the weights, each of so many (split) rows."""
    width: tl.constexpr = low + high
    column = tl.program_id(0) * block_columns + tl.arange(0, block_columns)
    known = column[None, :] < columns
    start = (column // outputs)[None, :] * (rows * outputs) + (column % outputs)[None, :]
    begin = tl.program_id(1) * split
    k = tl.arange(0, low)
    total = tl.zeros((block_columns, low), tl.float32)
    if high > 0:
        more = tl.arange(0, high) + low
        other = tl.zeros((block_columns, high), tl.float32)
    for step in range(split // block_rows):
        row = begin + step * block_rows + tl.arange(0, block_rows)
        there = row[:, None] < rows
        place = start + row[:, None] * outputs
        gradient = tl.load(gradients + place, mask=there & known, other=0.0)
        winner = tl.load(winners + place, mask=there & known, other=4)
        for pixel in tl.static_range(4):
            own = tl.trans(tl.where(winner == pixel, gradient, 0.0).to(gradient.dtype))
            left = patches + (pixel * rows + row)[:, None] * width
            a = tl.load(left + k[None, :], mask=there, other=0.0)
            total = tl.dot(own, a, total, precision)
            if high > 0:
                a = tl.load(left + more[None, :], mask=there, other=0.0)
                other = tl.dot(own, a, other, precision)
    to = found + (tl.program_id(1) * columns + column)[:, None] * width
    tl.store(to + k[None, :], total, mask=column[:, None] < columns)
    if high > 0:
        tl.store(to + more[None, :], other, mask=column[:, None] < columns)


@triton.jit
def second_kernel(
    images, weights, biases, found, winners, rows,
    channels: tl.constexpr, side: tl.constexpr, size: tl.constexpr, pooled: tl.constexpr,
    outputs: tl.constexpr, padded: tl.constexpr, keep: tl.constexpr, precision: tl.constexpr,
    block_rows: tl.constexpr, block_k: tl.constexpr,
):  # fmt: skip
    """Convolve (rows, side, side, channels) of each network: weights (size^2 channels, padded)."""
    entries: tl.constexpr = size * size * channels
    run: tl.constexpr = size * channels
    places: tl.constexpr = pooled * pooled
    net = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * block_rows + tl.arange(0, block_rows)
    image, place = row // places, row % places
    corner = (image * side + 2 * (place // pooled)) * side + 2 * (place % pooled)
    left = images + net * (rows // places * side * side * channels)
    left = left + (corner * channels)[:, None]
    output = tl.arange(0, padded)
    right = weights + net * (entries * padded) + output[None, :]
    one = tl.zeros((block_rows, padded), tl.float32)
    two, three, four = one, one, one
    for start in range(0, entries, block_k):
        k = start + tl.arange(0, block_k)
        there = (row[:, None] < rows) & (k[None, :] < entries)
        b = tl.load(right + k[:, None] * padded, mask=k[:, None] < entries, other=0.0)
        a = left + (k // run * (side * channels) + k % run)[None, :]
        one = tl.dot(tl.load(a, mask=there, other=0.0), b, one, precision)
        two = tl.dot(tl.load(a + channels, mask=there, other=0.0), b, two, precision)
        a += side * channels
        three = tl.dot(tl.load(a, mask=there, other=0.0), b, three, precision)
        four = tl.dot(tl.load(a + channels, mask=there, other=0.0), b, four, precision)
    bias = tl.load(biases + net * padded + output)[None, :].to(tl.float32)
    best, winner = largest(one + bias, two + bias, three + bias, four + bias)
    to = net * (rows * outputs) + (image * (outputs * places) + place)[:, None]
    to = to + (output * places)[None, :]
    there = (row[:, None] < rows) & (output[None, :] < outputs)
    tl.store(found + to, rounded(best, precision), mask=there)
    if keep:
        at = net * (rows * outputs) + (row * outputs)[:, None] + output[None, :]
        tl.store(winners + at, winner.to(tl.uint8), mask=there)


@triton.jit
def unpool_kernel(
    gradients, winners, found, rows,
    side: tl.constexpr, pooled: tl.constexpr, outputs: tl.constexpr, padded: tl.constexpr,
    precision: tl.constexpr, block_rows: tl.constexpr,
):  # fmt: skip
    """Put gradients (rows, outputs) at the pixels that won: (images, side^2, padded)."""
    row = tl.program_id(0).to(tl.int64) * block_rows + tl.arange(0, block_rows)
    image, place = row // (pooled * pooled), row % (pooled * pooled)
    output = tl.arange(0, padded)
    there = (row < rows)[:, None] & (output[None, :] < outputs)
    at = (row * outputs)[:, None] + output[None, :]
    gradient = tl.load(gradients + at, mask=there, other=0.0).to(tl.float32)
    gradient = rounded(gradient, precision)
    winner = tl.load(winners + at, mask=there, other=4)
    corner = (image * side + place // pooled * 2) * side + place % pooled * 2
    to = found + (corner * padded)[:, None] + output[None, :]
    for pixel in tl.static_range(4):
        value = tl.where(winner == pixel, gradient, 0.0)
        far = (pixel // 2 * side + pixel % 2) * padded
        tl.store(to + far, value, mask=(row < rows)[:, None])


@triton.jit
def second_weights_kernel(
    images, gradients, found, rows,
    channels: tl.constexpr, side: tl.constexpr, size: tl.constexpr, padded: tl.constexpr,
    precision: tl.constexpr, split: tl.constexpr, block_rows: tl.constexpr, block_k: tl.constexpr,
):  # fmt: skip
    """Gradients (splits, nets, size^2 channels, padded) of the weights; rows are pixels."""
    entries: tl.constexpr = size * size * channels
    run: tl.constexpr = size * channels
    wide: tl.constexpr = side - size + 1
    net = tl.program_id(2).to(tl.int64)
    k = tl.program_id(0) * block_k + tl.arange(0, block_k)
    output = tl.arange(0, padded)
    left = images + net * (rows // (wide * wide) * (side * side * channels))
    left = left + (k // run * (side * channels) + k % run)[None, :]
    right = gradients + net * rows * padded + output[None, :]
    total = tl.zeros((block_k, padded), tl.float32)
    begin = tl.program_id(1) * split
    for step in range(split // block_rows):
        row = begin + step * block_rows + tl.arange(0, block_rows)
        image, pixel = row // (wide * wide), row % (wide * wide)
        corner = ((image * side + pixel // wide) * side + pixel % wide) * channels
        there = (row[:, None] < rows) & (k[None, :] < entries)
        a = tl.load(left + corner[:, None], mask=there, other=0.0)
        b = tl.load(right + row[:, None] * padded, mask=row[:, None] < rows, other=0.0)
        total = tl.dot(tl.trans(a), b, total, precision)
    to = found + (tl.program_id(1) * tl.num_programs(2) + net) * (entries * padded)
    to = to + k[:, None] * padded + output[None, :]
    tl.store(to, total, mask=k[:, None] < entries)


@triton.jit
def second_inputs_kernel(
    gradients, weights, found, rows,
    channels: tl.constexpr, side: tl.constexpr, size: tl.constexpr, padded: tl.constexpr,
    wide_channels: tl.constexpr, precision: tl.constexpr, block_rows: tl.constexpr,
):  # fmt: skip
    """Gradients (nets, images, side, side, channels) of the inputs; rows are images x columns."""
    wide: tl.constexpr = side - size + 1
    net, y = tl.program_id(2).to(tl.int64), tl.program_id(1)
    row = tl.program_id(0) * block_rows + tl.arange(0, block_rows)
    image, x = row // side, row % side
    output, channel = tl.arange(0, padded), tl.arange(0, wide_channels)
    left = gradients + net * (rows // side * (wide * wide * padded)) + output[None, :]
    right = weights + net * (size * size * padded * wide_channels)
    right = right + output[:, None] * wide_channels + channel[None, :]
    total = tl.zeros((block_rows, wide_channels), tl.float32)
    first, last = tl.maximum(y - wide + 1, 0), tl.minimum(y, size - 1)
    for tap in range(first * size, (last + 1) * size):
        across = x - tap % size
        pixel = (image * wide + y - tap // size) * wide + across
        there = (row < rows) & (across >= 0) & (across < wide)
        a = tl.load(left + (pixel * padded)[:, None], mask=there[:, None], other=0.0)
        b = tl.load(right + tap * (padded * wide_channels))
        total = tl.dot(a, b, total, precision)
    to = found + net * (rows * side * channels)
    to = to + (((image * side + y) * side + x) * channels)[:, None] + channel[None, :]
    there = (row[:, None] < rows) & (channel[None, :] < channels)
    tl.store(to, rounded(total, precision), mask=there)
