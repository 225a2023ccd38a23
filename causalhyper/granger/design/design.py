"""A design: columns, response, and what each column stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design.columns import HeldColumns
from causalhyper.granger.design.features import NAMES, Features
from causalhyper.granger.design.response import Response
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.notebook import Shown

Scaling = Literal["none", "learning_rate"]


@dataclass(frozen=True, slots=True, eq=False)
class GrangerDesign(Shown):
    """The two sides of a regression of loss changes on parameter changes.

    Attributes
    ----------
    columns : ColumnBlocks
        X, of shape (T, p), read in blocks.
    y : ndarray, shape (T,)
        Loss change of each row.
    layers : tuple of str
        Layers, or sets of layers that share units, from left to right.
    sizes : tuple of int
        Parameters of each, or units.
    features : {"squares", "momentum"}
        Columns of a parameter or unit: its squared change; or squared change, squared change of
        the step before, product of both, side by side.
    share : str or None
        "output", "input" or "labels" where columns are sums over units.
    scaling : {"none", "learning_rate"}
        Whether each row of X is divided by its learning rate.
    response : str
        Which loss change, see `loss_changes`.
    centred : bool
        Whether X and y have mean zero in each training: an intercept a training.
    runs : tuple of str
        Names of the trainings.
    edges : ndarray of int, shape (trainings + 1,)
        Rows where trainings begin, and T.
    steps : ndarray of int, shape (T,)
        Number of the step of each row.

    Raises
    ------
    ConfigurationError
        If the parts do not fit together.
    DataError
        If there are fewer than two rows, or a loss change is not finite.
    """

    columns: ColumnBlocks
    y: Array
    layers: tuple[str, ...]
    sizes: tuple[int, ...]
    features: Features
    share: str | None
    scaling: Scaling
    response: Response
    centred: bool
    runs: tuple[str, ...]
    edges: Codes
    steps: Codes

    def __post_init__(self) -> None:
        rows, count = self.columns.shape
        if self.y.shape != (rows,) or self.steps.shape != (rows,) or self.edges[-1] != rows:
            raise ConfigurationError(
                f"a design of {rows} rows needs as many loss changes and steps; got "
                f"{self.y.shape}, {self.steps.shape} and edges to {self.edges[-1]}"
            )
        if self.groups * sum(self.sizes) != count:
            raise ConfigurationError(
                f"layers of {sum(self.sizes)} parameters or units with {self.groups} columns each "
                f"do not make {count} columns"
            )
        if rows < 2:
            raise DataError(f"a regression needs two rows at least; got {rows}: record more steps")
        if not np.isfinite(self.y).all():
            at = int(np.flatnonzero(~np.isfinite(self.y))[0])
            raise DataError(f"the loss change of step {self.steps[at]} is {self.y[at]}")

    @property
    def shape(self) -> tuple[int, int]:
        """T and p."""
        return self.columns.shape

    @property
    def groups(self) -> int:
        """Columns side by side that belong to one parameter or unit."""
        return len(NAMES[self.features])

    def labels(self, columns: Sequence[int] | Codes | None = None) -> pd.DataFrame:
        """Say what columns stand for.

        Parameters
        ----------
        columns : sequence of int, optional
            Their numbers, such as those of nonzero coefficients; all unless given.

        Returns
        -------
        pandas.DataFrame
            Columns ``column, layer, index, feature``, a row a column asked for; ``index`` is the
            parameter's place in its layer, row by row (C order), or the unit.

        Raises
        ------
        ConfigurationError
            If there is no such column.
        """
        count = self.shape[1]
        asked = np.arange(count) if columns is None else _numbers(columns)
        if len(asked) and not 0 <= asked.min() <= asked.max() < count:
            raise ConfigurationError(
                f"columns are 0 to {count - 1}; got {asked.min()} to {asked.max()}"
            )
        where, feature = np.divmod(asked, self.groups)
        starts = np.cumsum([0, *self.sizes])
        layer = np.searchsorted(starts, where, side="right") - 1
        names = np.array(self.layers, dtype=object)
        features = np.array(NAMES[self.features], dtype=object)
        return pd.DataFrame(
            {
                "column": asked,
                "layer": names[layer],
                "index": where - starts[layer],
                "feature": features[feature],
            }
        )

    def held(self) -> GrangerDesign:
        """Return the same design with its columns in memory, read once."""
        return replace(self, columns=HeldColumns.of(self.columns))

    def to_frame(self) -> pd.DataFrame:
        """One row a layer: layer, size (parameters or units) and columns."""
        sizes = np.array(self.sizes)
        return pd.DataFrame(
            {"layer": list(self.layers), "size": sizes, "columns": self.groups * sizes}
        )

    def summary(self) -> str:
        """Say what stands on both sides."""
        rows, count = self.shape
        of = "parameters" if self.share is None else f"units by {self.share}"
        shown = ", ".join(self.layers[:4]) + (", ..." if len(self.layers) > 4 else "")
        trainings = "1 training" if len(self.runs) == 1 else f"{len(self.runs)} trainings"
        lines = [
            f"Design of {rows} steps of {trainings} and {count} columns",
            f"columns: {self.features} ({', '.join(NAMES[self.features])}) of {sum(self.sizes)} "
            f"{of} of {shown}",
            "scaling: "
            + ("none" if self.scaling == "none" else "each row divided by its learning rate"),
            f"response: {self.response}, mean {self.y.mean():.3g}, standard deviation "
            f"{self.y.std():.3g}"
            + ("; each training has an intercept of its own" if self.centred else ""),
        ]
        return "\n".join(lines)


def _numbers(columns: Sequence[int] | Codes) -> Codes:
    """Numbers of columns, or what is wrong with them."""
    try:
        asked = np.asarray(columns)
    except ValueError:  # lists of several lengths
        asked = np.empty((0, 0))
    if asked.ndim != 1 or (len(asked) and asked.dtype.kind not in "iu"):
        raise ConfigurationError(f"columns are a list of whole numbers; got {columns!r:.60}")
    return asked.astype(np.intp)
