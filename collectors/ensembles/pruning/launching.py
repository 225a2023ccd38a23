"""Whether kernels of our own can run where a tensor is, and how a row of programs is counted."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

from torch import Tensor

BLOCK = 1024
"""Parameters of a program."""


def has_kernels(tensor: Tensor) -> bool:
    """Say whether Triton's kernels can work on a tensor: on a GPU, or interpreted in a test.

    Parameters
    ----------
    tensor : Tensor

    Returns
    -------
    bool
    """
    there = tensor.is_cuda or os.environ.get("TRITON_INTERPRET") == "1"
    return there and _is_installed()


@cache
def _is_installed() -> bool:
    return find_spec("triton") is not None


def parts(count: int, size: int) -> int:
    """Return how many blocks of a size cover so many.

    Parameters
    ----------
    count, size : int

    Returns
    -------
    int
    """
    return -(-count // size)


def grid_of(rows: Tensor) -> tuple[int, int]:
    """Return the programs that cover rows of parameters.

    Parameters
    ----------
    rows : Tensor, shape (R, p)

    Returns
    -------
    tuple of int
        Blocks of a row, and R.
    """
    return parts(rows.shape[1], BLOCK), len(rows)
