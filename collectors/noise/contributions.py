"""Per-example gradients of one parameter: squared norms and sum, by the cheaper way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.grad import conv1d_weight, conv2d_weight

WEIGHT_GRADIENTS: dict[int, Callable[..., Tensor]] = {3: conv1d_weight, 4: conv2d_weight}
"""By the number of axes of a batch of inputs."""


def squared_norms(rows: Tensor) -> Tensor:
    """Squared norm of every row.

    Parameters
    ----------
    rows : Tensor, shape (n, ...)
        One per-example gradient a row.

    Returns
    -------
    Tensor, shape (n,)
        Sums of squares.

    Examples
    --------
    >>> squared_norms(torch.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist()
    [25.0, 1.0]
    """
    flat = rows.reshape(len(rows), -1)
    return torch.linalg.vecdot(flat, flat)


class Contribution(Protocol):
    """What one use of a parameter contributes to its per-example gradients."""

    def squares(self) -> tuple[Tensor, Tensor]:
        """Squared norms, shape (n,), and the sum of the gradients over examples, flat."""

    def gradients(self, start: int, stop: int) -> Tensor:
        """Gradients of examples start to stop - 1, flat, a row each."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Per-example gradients that are small enough to hold.

    Attributes
    ----------
    rows : Tensor, shape (n, p)
        One per-example gradient a row.
    """

    rows: Tensor

    def squares(self) -> tuple[Tensor, Tensor]:
        """Return the squared norms and the sum."""
        return squared_norms(self.rows), self.rows.sum(0)

    def gradients(self, start: int, stop: int) -> Tensor:
        """Return the rows."""
        return self.rows[start:stop]


@dataclass(frozen=True, slots=True)
class Outer:
    r"""Gradients of a matrix that meets L inputs: ``sum_l delta_l x_l^T``, g groups side by side.

    The squared norm is ``|delta|^2 |x|^2`` for L = 1 (Goodfellow 2015, equation 2); otherwise
    ``sum_{l, m} (delta_l . delta_m) (x_l . x_m)`` or the sum of squares of the gradient itself
    (Rochette, Manoel and Tramel 2019), whichever takes fewer multiplications.

    Attributes
    ----------
    delta : Tensor, shape (n, g, d, L)
        Derivatives of the losses by the layer's outputs.
    x : Tensor, shape (n, g, a, L)
        The layer's inputs.
    memory : int
        Bytes that the gradients or products held at once may take.
    """

    delta: Tensor
    x: Tensor
    memory: int

    def squares(self) -> tuple[Tensor, Tensor]:
        """Return the squared norms and the sum."""
        _, groups, d, length = self.delta.shape
        a = self.x.shape[2]
        if length > 1 and length * (a + d) >= a * d:
            return form([self], len(self.delta), groups * d * a, self.memory)
        total = torch.einsum("ngdl,ngal->gda", self.delta, self.x).reshape(-1)
        if length > 1:
            return self._gram(groups * length**2), total
        pairs = torch.linalg.vecdot(self.delta[..., 0], self.delta[..., 0])
        return (pairs * torch.linalg.vecdot(self.x[..., 0], self.x[..., 0])).sum(1), total

    def gradients(self, start: int, stop: int) -> Tensor:
        """Form the gradients."""
        rows = self.delta[start:stop] @ self.x[start:stop].transpose(-1, -2)
        return rows.reshape(stop - start, -1)

    def _gram(self, size: int) -> Tensor:
        found = []
        for start, stop in _pieces(
            len(self.delta), 2 * size * self.delta.element_size(), self.memory
        ):
            delta, x = self.delta[start:stop], self.x[start:stop]
            products = (delta.transpose(-1, -2) @ delta) * (x.transpose(-1, -2) @ x)
            found.append(products.flatten(1).sum(1))
        return torch.cat(found)


@dataclass(frozen=True, slots=True)
class Convolved:
    """Gradients of a kernel, as those of one convolution with a group an example.

    Attributes
    ----------
    delta : Tensor, shape (n, out, ...)
        Derivatives of the losses by the layer's outputs.
    x : Tensor, shape (n, in, ...)
        The layer's inputs, padded.
    layer : Conv1d or Conv2d
        For its shape, stride, dilation and groups.
    memory : int
        Bytes that the gradients held at once may take.
    """

    delta: Tensor
    x: Tensor
    layer: nn.Conv1d | nn.Conv2d
    memory: int

    def squares(self) -> tuple[Tensor, Tensor]:
        """Return the squared norms and the sum."""
        return form([self], len(self.x), self.layer.weight.numel(), self.memory)

    def gradients(self, start: int, stop: int) -> Tensor:
        """Form the gradients."""
        n, layer = stop - start, self.layer
        rows = WEIGHT_GRADIENTS[self.x.ndim](
            self.x[start:stop].flatten(0, 1)[None],
            (n * layer.out_channels, *layer.weight.shape[1:]),
            self.delta[start:stop].flatten(0, 1)[None],
            stride=layer.stride,
            dilation=layer.dilation,
            groups=n * layer.groups,
        )
        return rows.reshape(n, -1)


@dataclass(frozen=True, slots=True)
class Lookup:
    """Gradients of an embedding: every row of the table sums the deltas of the places it fills.

    Attributes
    ----------
    indices : Tensor of int64, shape (n, L)
        Rows looked up.
    delta : Tensor, shape (n, L, width)
        Derivatives by what was looked up, zero at the padding.
    table : int
        Rows of the table.
    """

    indices: Tensor
    delta: Tensor
    table: int

    def squares(self) -> tuple[Tensor, Tensor]:
        """Sum the products of deltas of places that share a row."""
        same = self.indices[:, :, None] == self.indices[:, None, :]
        products = self.delta @ self.delta.transpose(-1, -2)
        total = self.delta.new_zeros(self.table, self.delta.shape[-1])
        total.index_add_(0, self.indices.flatten(), self.delta.flatten(0, 1))
        return (products * same).flatten(1).sum(1), total.reshape(-1)

    def gradients(self, start: int, stop: int) -> Tensor:
        """Form the gradients, a whole table an example."""
        delta, width = self.delta[start:stop], self.delta.shape[-1]
        rows = delta.new_zeros(stop - start, self.table, width)
        places = self.indices[start:stop, :, None].expand(-1, -1, width)
        return rows.scatter_add_(1, places, delta).flatten(1)


def form(
    parts: Sequence[Contribution], examples: int, size: int, memory: int
) -> tuple[Tensor, Tensor]:
    """Form the gradients of a parameter, adding those of its uses, and square them.

    Parameters
    ----------
    parts : sequence of Contribution
        One a use, of the same parameter.
    examples, size : int
        Number n of examples and of the parameter's entries.
    memory : int
        Bytes that the gradients held at once may take.

    Returns
    -------
    squares : Tensor, shape (n,)
        Squared norms.
    total : Tensor, shape (size,)
        Sum of the gradients over examples and uses.

    Examples
    --------
    >>> form([Rows(torch.ones(2, 3)), Rows(torch.ones(2, 3))], 2, 3, 1024)[0].tolist()
    [12.0, 12.0]
    """
    first = parts[0].gradients(0, 1)
    found, total = [], torch.zeros_like(first[0])
    for start, stop in _pieces(examples, size * first.element_size() * len(parts), memory):
        rows = parts[0].gradients(start, stop)
        for part in parts[1:]:
            rows = rows + part.gradients(start, stop)
        found.append(squared_norms(rows))
        total += rows.sum(0)
    return torch.cat(found), total


def _pieces(examples: int, size: int, memory: int) -> Iterator[tuple[int, int]]:
    """Ranges of examples that take no more than the memory, `size` bytes each."""
    step = max(1, memory // size)
    return ((start, min(start + step, examples)) for start in range(0, examples, step))
