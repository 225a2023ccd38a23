"""Where a value lies: layers, blocks of steps and columns, and offsets in a layer's file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory.codec import CODECS


@dataclass(frozen=True, slots=True)
class Layer:
    """One parameter tensor of a model.

    Parameters
    ----------
    name : str
        Its name, unique in the store.
    shape : tuple of int
        Its shape; a column of the trajectory is an entry of it, counted row by row (C order).

    Raises
    ------
    ConfigurationError
        If the name is empty or the shape is none.

    Examples
    --------
    >>> Layer("fc1.weight", (10, 64)).size
    640
    """

    name: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError(f"a layer needs a name; got {self.name!r}")
        shape = tuple(int(extent) for extent in self.shape)
        if any(extent < 0 for extent in shape):
            raise ConfigurationError(f"layer {self.name!r} has the shape {shape}: none is below 0")
        object.__setattr__(self, "shape", shape)

    @property
    def size(self) -> int:
        """Number of columns: entries of the tensor."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Cells:
    """Consecutive rows of one column block within one block of steps: adjacent in the file.

    Parameters
    ----------
    row, rows : int
        The first row and their number.
    block : int
        The column block.
    start, stop : int
        Its columns.
    offset, length : int
        Place and extent in the layer's file, in bytes.
    """

    row: int
    rows: int
    block: int
    start: int
    stop: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """How the rows of a store lie in its files.

    The file of a layer of p columns is a sequence of blocks of `block_steps` rows; each is a
    sequence of blocks of `block_columns` columns (the last one narrower); each of these holds its
    rows one after the other. Row 0 is the first recorded step.

    Parameters
    ----------
    layers : tuple of Layer
        In the order of the files.
    dtype : str
        "float32", "float64", "float16" or "bfloat16".
    block_steps, block_columns : int
        Rows and columns of a block.

    Raises
    ------
    ConfigurationError
        If there are no layers, two share a name, or a number or the dtype is not allowed.

    Examples
    --------
    >>> layout = StoreLayout((Layer("w", (3,)),), "float32", 2, 2)
    >>> [layout.length(3, rows) for rows in range(4)]
    [0, 20, 24, 44]
    """

    layers: tuple[Layer, ...]
    dtype: str
    block_steps: int
    block_columns: int

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.layers]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if not names or repeated:
            found = f"{repeated[0]!r} stands twice" if repeated else "there is none"
            raise ConfigurationError(f"a trajectory needs layers of different names: {found}")
        if self.dtype not in CODECS:
            raise ConfigurationError(
                f"cannot store {self.dtype!r}; expected one of {', '.join(CODECS)}"
            )
        for name in ("block_steps", "block_columns"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigurationError(f"{name} must be a whole number from 1; got {value!r}")

    @property
    def columns(self) -> int:
        """Columns of all layers together."""
        return sum(layer.size for layer in self.layers)

    @property
    def blocks(self) -> int:
        """Column blocks of all layers together."""
        return sum(len(self.edges(layer.size)) - 1 for layer in self.layers)

    @property
    def itemsize(self) -> int:
        """Bytes of a stored value."""
        return CODECS[self.dtype].stored.itemsize

    @property
    def files(self) -> tuple[str, ...]:
        """Name of each layer's file."""
        return tuple(
            f"{place:04d}-{re.sub(r'[^A-Za-z0-9._-]', '_', layer.name)[:80]}.blocks"
            for place, layer in enumerate(self.layers)
        )

    def edges(self, size: int) -> list[int]:
        """Return where the column blocks of a layer begin, and its number of columns."""
        return [*range(0, size, self.block_columns), size]

    def length(self, size: int, rows: int) -> int:
        """Return the bytes of a layer's file of that many rows."""
        whole, rest = divmod(rows, self.block_steps)
        length = whole * self.block_steps * size
        if rest and size:
            last = (size - 1) // self.block_columns * self.block_columns
            length += self.block_steps * last + rest * (size - last)
        return length * self.itemsize

    def spans(self, first: int, stop: int) -> Iterator[tuple[int, int]]:
        """Cut the rows from `first` to `stop` where blocks of steps end; yield row and number."""
        while first < stop:
            end = min(stop, (first // self.block_steps + 1) * self.block_steps)
            yield first, end - first
            first = end

    def cells(self, size: int, row: int, rows: int, start: int, stop: int) -> Iterator[Cells]:
        """Yield the cells of some rows of one block of steps that hold the columns asked for."""
        whole, rest = divmod(row, self.block_steps)
        base = whole * self.block_steps * size
        for block in range(start // self.block_columns, -(-min(stop, size) // self.block_columns)):
            a = block * self.block_columns
            b = min(a + self.block_columns, size)
            offset = (base + self.block_steps * a + rest * (b - a)) * self.itemsize
            length = rows * (b - a) * self.itemsize
            yield Cells(row, rows, block, a, b, offset, length)
