"""Squared changes of a linear layer, computed block by block from the factors of each step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.columns import Matrix

HOST_WIDTH, DEVICE_WIDTH = 2**14, 2**20
"""Columns a block at least, of arrays in memory and of tensors on an accelerator."""


@dataclass(frozen=True, slots=True)
class FactorColumns:
    r"""Squared changes of a linear layer in T steps of plain gradient descent.

    .. math:: x_{t,(o,i)} = \Bigl(\eta_t \sum_b \delta_{tbo} a_{tbi}\Bigr)^2

    Column ``o * in + i`` is the weight from input i to output o. A pass costs 2 T B p operations
    and holds one block, and the factors, of ``T B (in + out)`` numbers, stand for the T p of X.

    Parameters
    ----------
    inputs : ndarray or tensor, shape (T, B, in)
        a, float32 or float64; a tensor may lie on any device, and blocks come from there.
    errors : the same, shape (T, B, out)
        δ.
    rates : sequence of float, shape (T,)
        η of each step, not negative.
    width : int, optional
        Columns a block at least; whole outputs are taken.

    Raises
    ------
    ConfigurationError
        If shapes, precisions or devices do not agree, or a rate is negative or not finite.

    Examples
    --------
    >>> inputs, errors = np.ones((2, 1, 3)), np.array([[[1.0, 2.0]], [[0.0, 4.0]]])
    >>> columns = FactorColumns(inputs, errors, [0.5, 0.5])
    >>> start, block = next(columns.blocks())
    >>> (block * columns.unit).tolist()
    [[0.25, 0.25, 0.25, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 4.0, 4.0, 4.0]]
    """

    inputs: Any
    errors: Any
    rates: Any
    width: int | None = None
    _scale: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check(self)
        object.__setattr__(self, "_scale", self._choose_scale())

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and weights."""
        return int(self.inputs.shape[0]), int(self.inputs.shape[2] * self.errors.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return _dtype(self.inputs)

    @property
    def unit(self) -> float:
        """Squares in a block are so many times too large."""
        return self._scale**-2.0

    def blocks(self) -> Iterator[tuple[int, Matrix]]:
        """Yield the squares of whole outputs, block by block."""
        into, out = int(self.inputs.shape[2]), int(self.errors.shape[2])
        near = str(getattr(self.inputs, "device", "cpu")) == "cpu"
        width = self.width or (HOST_WIDTH if near else DEVICE_WIDTH)
        outputs = max(1, width // into)
        for first in range(0, out, outputs):
            block = self._changes(slice(first, first + outputs), self._scale)
            block *= block
            yield first * into, block

    def _changes(self, outputs: slice, scale: float) -> Any:
        """Changes of the weights of some outputs, times a number; shape (T, w)."""
        errors = self.errors[:, :, outputs].swapaxes(1, 2)
        rates = np.asarray(self.rates, dtype=np.float64) * scale
        products = (errors * _like(rates[:, None, None], errors)) @ self.inputs
        return products.reshape(self.shape[0], -1)

    def _choose_scale(self) -> float:
        """Power of two that brings the largest change of the first output that moved near one."""
        for first in range(int(self.errors.shape[2])):
            largest = float(abs(self._changes(slice(first, first + 1), 1.0)).max())
            if largest > 0 or math.isnan(largest):
                return 2.0 ** -math.frexp(largest)[1] if math.isfinite(largest) else 1.0
        return 1.0


def _dtype(array: Any) -> np.dtype[Any]:
    return np.dtype(str(array.dtype).removeprefix("torch."))


def _like(numbers: Matrix, other: Any) -> Any:
    """Numbers as an array of the kind, precision and place of another."""
    if isinstance(other, np.ndarray):
        return numbers.astype(other.dtype)
    return other.new_tensor(numbers)


def _check(columns: FactorColumns) -> None:
    inputs, errors = columns.inputs, columns.errors
    if inputs.ndim != 3 or errors.ndim != 3 or tuple(inputs.shape[:2]) != tuple(errors.shape[:2]):
        raise ConfigurationError(
            "expected inputs of shape (T, B, in) and errors of shape (T, B, out); got "
            f"{tuple(inputs.shape)} and {tuple(errors.shape)}"
        )
    kinds = [str(each.dtype).removeprefix("torch.") for each in (inputs, errors)]
    if kinds[0] != kinds[1] or kinds[0] not in ("float32", "float64") or 0 in inputs.shape:
        raise ConfigurationError(
            "expected factors of one precision, float32 or float64, with a step, a row and an "
            f"input at least; got {kinds[0]} and {kinds[1]} of {tuple(inputs.shape)}"
        )
    rates = np.asarray(columns.rates, dtype=np.float64)
    if rates.shape != (inputs.shape[0],) or not (np.isfinite(rates) & (rates >= 0)).all():
        raise ConfigurationError(
            f"expected a learning rate for each of {inputs.shape[0]} steps, finite and not "
            f"negative; got {rates.shape} of them, {rates[:3].tolist()} and so on"
        )
    if columns.width is not None and columns.width < 1:
        raise ConfigurationError(f"a block has one column at least; got width {columns.width}")
