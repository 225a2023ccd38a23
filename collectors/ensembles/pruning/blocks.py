"""Sizes in which kernels of our own work, and the precision of their products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

WIDE = 96
"""Padded entries of a patch up to which all rows of a block fit; half of those of wider ones."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Sizes of the kernels' blocks, for bfloat16; half of most for float32.

    Attributes
    ----------
    rows, columns : int
        Pooled places, and channels of all networks, of the first convolution.
    second : int
        Pooled places of the second convolution.
    k : int
        Entries of a patch at a time.
    pixels : int
        Rows of the gradient of its inputs.
    summed : int
        Rows that a gradient of weights adds at a time.
    channels : int
        Those between the convolutions are stored as a multiple of this.
    warps, stages : int
        Of a program.
    """

    rows: int = 64
    columns: int = 64
    second: int = 64
    k: int = 32
    pixels: int = 128
    summed: int = 64
    channels: int = 4
    warps: int = 4
    stages: int = 3

    def of(self, dtype: torch.dtype) -> Blocks:
        """Return the sizes for a type, so that as many bytes are shared."""
        if dtype.itemsize < 4:
            return self
        k, pixels, summed = max(self.k // 2, 16), self.pixels // 2, self.summed // 2
        return replace(self, k=k, pixels=pixels, summed=summed)

    def summed_of(self, width: int) -> int:
        """Return the rows of patches that a gradient adds at a time: half of wide ones."""
        return self.summed if width <= WIDE else self.summed // 2


BLOCKS: Mapping[str, Blocks] = {
    "fused": Blocks(),
    "fused-aligned": Blocks(channels=8),
    "fused-wide": Blocks(rows=128, second=128, pixels=256, channels=8, warps=8),
    "fused-deep": Blocks(k=64, channels=8, stages=3),
}
"""Engines, by name."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How products are computed.

    Attributes
    ----------
    blocks : Blocks
        Their sizes.
    dtype : dtype
        In which activations are held.
    precision : {"ieee", "tf32"}
        Of products of float32.
    """

    blocks: Blocks
    dtype: torch.dtype
    precision: str

    def options(self) -> dict[str, Any]:
        """Return what every kernel takes."""
        b = self.blocks
        return {"precision": self.precision, "num_warps": b.warps, "num_stages": b.stages}

    def held(self, values: Tensor) -> Tensor:
        """Return weights as kernels read them: rounded to 11 bits for TF32."""
        if self.precision == "ieee":
            return values.to(self.dtype)
        return ((values.view(torch.int32) + 0x1000) & -0x2000).view(torch.float32)
