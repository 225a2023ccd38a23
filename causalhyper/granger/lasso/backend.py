"""The few things that libraries of arrays do not do alike, for blocks on any device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from array_api_compat import (
    array_namespace,
    device,
    is_numpy_array,
    is_torch_array,
    to_device,
)
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError

Block = Any
"""An array of numpy, or of torch on some device."""

COMPUTED: dict[str, np.dtype[Any]] = {
    "float16": np.dtype(np.float32),
    "bfloat16": np.dtype(np.float32),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
"""What products are computed in, by what values are stored in."""

NARROW, WIDE = 1024, 2**27
"""Columns a block on a processor, whose cache then holds 500 rows of them in float32; numbers a
block on an accelerator, which has a gigabyte to spare and wants few, long calls."""


def as_matrix(values: Block) -> Block:
    """Return the numbers of a DataFrame as a matrix, absent ones as NaN; all else as it is."""
    if not isinstance(values, pd.DataFrame):
        return values
    kinds = {str(dtype) for dtype in values.dtypes}
    if len(kinds) == 1 and kinds <= set(COMPUTED):
        return values.to_numpy()
    try:
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"expected a frame of numbers, a column a parameter: {error}"
        ) from error


def computed_dtype(matrix: Block) -> np.dtype[Any]:
    """Return what products with a matrix are computed in; refuse what is no design."""
    if not (hasattr(matrix, "dtype") and hasattr(matrix, "shape")):
        raise ConfigurationError(
            f"expected an array of numpy or a tensor of torch; got {type(matrix).__name__}: pass "
            "numpy.asarray(...) of it"
        )
    stored = str(matrix.dtype).removeprefix("torch.")
    if len(matrix.shape) != 2 or not all(matrix.shape) or stored not in COMPUTED:
        raise ConfigurationError(
            "expected a matrix of float16, bfloat16, float32 or float64 with a row and a column "
            f"at least; got shape {tuple(matrix.shape)} of {stored}"
        )
    if is_torch_array(matrix):
        _check_tensor(matrix)
    return COMPUTED[stored]


def _check_tensor(tensor: Block) -> None:
    if tensor.device.type == "meta":
        raise ConfigurationError(
            "expected a tensor with values; one on the meta device has a shape alone: load its "
            "values first"
        )
    if str(tensor.layout) != "torch.strided":
        raise ConfigurationError(
            f"expected a dense tensor; got layout {tensor.layout}: pass tensor.to_dense()"
        )
    if tensor.requires_grad:
        raise ConfigurationError(
            "a lasso path has no gradient, and this tensor requires one: pass tensor.detach()"
        )


def default_width(matrix: Block) -> int:
    """Return how many columns a block should have on the matrix's device."""
    on_host = is_numpy_array(matrix) or str(device(matrix)) == "cpu"
    return NARROW if on_host else max(NARROW, WIDE // int(matrix.shape[0]))


def on_host_if_near(block: Block) -> Block:
    """Return a tensor in a processor's memory as an array of numpy, which is faster there.

    Its values are shared, unless they are of half precision: those become float32.
    """
    if not is_torch_array(block) or block.device.type != "cpu":
        return block
    return np.asarray(block.float() if block.dtype.itemsize == 2 else block)


def beside(array: NDArray[Any], block: Block) -> Block:
    """Return a host array in the library of a block, on its device."""
    if is_numpy_array(block):
        return array
    return array_namespace(block).asarray(np.array(array), device=device(block))


def to_host(array: Block) -> NDArray[Any]:
    """Return an array's values in numpy."""
    return np.asarray(to_device(array, "cpu"))


def squared_lengths(block: Block) -> Block:
    """Sum of squares of each column, shape (w,)."""
    if is_numpy_array(block):
        return np.einsum("ij,ij->j", block, block)  # without a copy of the block
    return array_namespace(block).sum(block * block, axis=0)


def largest(scores: Block, count: int) -> Block:
    """Positions of the `count` largest of more scores than that, in no order."""
    if is_numpy_array(scores):
        return np.argpartition(-scores, count - 1)[:count]
    if is_torch_array(scores):
        return scores.topk(count, sorted=False).indices
    return array_namespace(scores).argsort(scores, descending=True)[:count]
