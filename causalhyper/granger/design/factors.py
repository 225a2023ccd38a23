"""Changes of a linear layer, computed block by block from the factors of each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.granger.lasso.arguments import real_numbers
from causalhyper.granger.lasso.backend import (
    NARROW,
    WIDE,
    Block,
    beside,
    computed_dtype,
    default_width,
    on_host_if_near,
)
from causalhyper.granger.lasso.columns import check_width
from causalhyper.granger.lasso.products import product

HOST_WIDTH = 2**14
"""Columns a block at least, in a processor's memory: inputs are read again for each block."""


@dataclass(frozen=True, slots=True)
class FactorChanges:
    r"""Changes of a linear layer in T steps of plain gradient descent, from their factors.

    .. math:: \Delta_{t,(o,i)} = -\eta_t \sum_b \delta_{tbo} a_{tbi}

    Column ``o * in + i`` is the weight from input i to output o. A reading costs 2 T B p
    operations and holds a block beside the factors, whose ``T B (in + out)`` numbers stand for the
    T p of all changes. ``SquaredChanges(FactorChanges(...))`` is the design of a fit.

    Parameters
    ----------
    inputs : ndarray or torch.Tensor, shape (T, B, in)
        a, float32 or float64; a tensor may lie on any device, and blocks come from there.
    errors : the same, shape (T, B, out)
        δ.
    rates : array_like, shape (T,)
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
    >>> start, block = next(FactorChanges(inputs, errors, [0.5, 0.5]).blocks())
    >>> block.tolist()
    [[-0.5, -0.5, -0.5, -1.0, -1.0, -1.0], [0.0, 0.0, 0.0, -2.0, -2.0, -2.0]]
    """

    inputs: Block
    errors: Block
    rates: Any
    width: int | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and weights."""
        return int(self.inputs.shape[0]), int(self.inputs.shape[2] * self.errors.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """What products are computed in."""
        return computed_dtype(self.inputs[0])

    @property
    def unit(self) -> float:
        """One: the values stand for themselves."""
        return 1.0

    def blocks(self) -> Iterator[tuple[int, Block]]:
        """Yield the changes of the weights to some outputs, block by block."""
        inputs, errors = on_host_if_near(self.inputs), on_host_if_near(self.errors)
        rates = -np.asarray(self.rates, dtype=np.float64)[:, None, None]
        rates = beside(rates.astype(self.dtype), inputs)
        into, out = int(inputs.shape[2]), int(errors.shape[2])
        wide = default_width(inputs[0, :, :1]) > NARROW
        width = self.width or (WIDE // self.shape[0] if wide else HOST_WIDTH)
        outputs = max(1, width // into)
        for first in range(0, out, outputs):
            some = (errors[:, :, first : first + outputs] * rates).swapaxes(1, 2)
            yield first * into, product(some, inputs).reshape(self.shape[0], -1)


def _check(factors: FactorChanges) -> None:
    inputs, errors = factors.inputs, factors.errors
    if not all(hasattr(each, "ndim") and hasattr(each, "dtype") for each in (inputs, errors)):
        raise ConfigurationError(
            "expected factors as arrays of numpy or tensors; got "
            f"{type(inputs).__name__} and {type(errors).__name__}"
        )
    if inputs.ndim != 3 or errors.ndim != 3 or tuple(inputs.shape[:2]) != tuple(errors.shape[:2]):
        raise ConfigurationError(
            "expected inputs of shape (T, B, in) and errors of shape (T, B, out); got "
            f"{tuple(inputs.shape)} and {tuple(errors.shape)}"
        )
    kinds = [str(each.dtype).removeprefix("torch.") for each in (inputs, errors)]
    empty = 0 in (*inputs.shape, *errors.shape)
    if kinds[0] != kinds[1] or kinds[0] not in ("float32", "float64") or empty:
        raise ConfigurationError(
            "expected factors of one precision, float32 or float64, with a step, a row, an input "
            f"and an output at least; got {kinds[0]} and {kinds[1]} of {tuple(inputs.shape)} and "
            f"{tuple(errors.shape)}"
        )
    for each in (inputs, errors):
        computed_dtype(each[0])
    if str(getattr(inputs, "device", "cpu")) != str(getattr(errors, "device", "cpu")):
        raise ConfigurationError(
            f"inputs are on {inputs.device} and errors on {errors.device}; expected one device"
        )
    rates = real_numbers("rates", factors.rates)
    if rates.shape != (inputs.shape[0],) or not (np.isfinite(rates) & (rates >= 0)).all():
        raise ConfigurationError(
            f"expected a learning rate for each of {inputs.shape[0]} steps, finite and not "
            f"negative; got shape {rates.shape}, {np.atleast_1d(rates)[:3].tolist()} and so on"
        )
    check_width(factors.width)
