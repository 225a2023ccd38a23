"""Which parameters of each layer are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Flags
from causalhyper.errors import DataError
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, eq=False)
class Masks(Shown):
    """Which parameters (or units) of each layer are kept.

    Attributes
    ----------
    kept : mapping of str to ndarray of bool
        By layer, in its shape; True where the parameter is kept.

    Raises
    ------
    DataError
        If there is no layer, a layer has no entry, or a mask is not of truth values.

    Examples
    --------
    >>> masks = Masks({"fc": np.array([[True, False], [False, False]])})
    >>> masks.sparsity
    0.75
    """

    kept: Mapping[str, Flags]

    def __post_init__(self) -> None:
        if not self.kept:
            raise DataError("masks need one layer at least; got none")
        for name, mask in self.kept.items():
            if not isinstance(mask, np.ndarray) or mask.dtype != bool or not mask.size:
                raise DataError(
                    f"the mask of layer {name!r} must be an array of truth values, not empty; got "
                    f"{getattr(mask, 'dtype', type(mask).__name__)} of shape {np.shape(mask)}"
                )

    @classmethod
    def all_kept(cls, shapes: Mapping[str, tuple[int, ...]]) -> Masks:
        """Return masks of layers of these shapes that keep everything."""
        return cls({name: np.ones(shape, dtype=bool) for name, shape in shapes.items()})

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, shapes: Mapping[str, tuple[int, ...]]) -> Masks:
        """Return the masks that `to_frame` wrote.

        Parameters
        ----------
        frame : pandas.DataFrame
            Columns ``layer`` and ``index``: a row an entry that is kept.
        shapes : mapping of str to tuple of int
            Of every layer, also of those of which nothing is kept.

        Returns
        -------
        Masks

        Raises
        ------
        DataError
            If a column is missing, or an entry lies in no layer.
        """
        if missing := {"layer", "index"} - set(frame.columns):
            raise DataError(f"a frame of masks has the columns layer and index; missing {missing}")
        kept = {name: np.zeros(shape, dtype=bool) for name, shape in shapes.items()}
        for key, rows in frame.groupby("layer", sort=False):
            name = str(key)
            index = rows["index"].to_numpy()
            if name not in kept or index.min() < 0 or index.max() >= kept[name].size:
                raise DataError(
                    f"entries of layer {name!r} lie outside the shapes given, "
                    f"{dict(shapes)}: give the shape of every layer"
                )
            kept[name].ravel()[index] = True
        return cls(kept)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each layer."""
        return {name: mask.shape for name, mask in self.kept.items()}

    @property
    def sparsity(self) -> float:
        """Share of all entries that is not kept."""
        size = sum(mask.size for mask in self.kept.values())
        return 1 - sum(self.layer_counts().values()) / size

    def layer_counts(self) -> dict[str, int]:
        """Return how many entries of each layer are kept."""
        return {name: int(mask.sum()) for name, mask in self.kept.items()}

    def counts(self) -> pd.DataFrame:
        """One row a layer: layer, entries, kept, sparsity."""
        entries = np.array([mask.size for mask in self.kept.values()])
        kept = np.array(list(self.layer_counts().values()))
        columns = {"layer": list(self.kept), "entries": entries, "kept": kept}
        return pd.DataFrame(columns | {"sparsity": 1 - kept / entries})

    def to_frame(self) -> pd.DataFrame:
        """One row an entry that is kept: layer, index (row-major)."""
        found = {name: np.flatnonzero(mask) for name, mask in self.kept.items()}
        return pd.DataFrame(
            {
                "layer": np.repeat(list(found), [len(index) for index in found.values()]),
                "index": np.concatenate(list(found.values())),
            }
        )

    def _overview(self) -> pd.DataFrame:
        return self.counts()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of each layer that is kept."""
        from causalhyper.figures.kept_shares import plot_kept_shares

        counts = self.counts()
        shares = counts["kept"] / counts["entries"]
        return plot_kept_shares(
            counts.assign(share_kept=shares, collapsed=counts["kept"] == 0), ax=ax
        )

    def summary(self) -> str:
        """Say how much of each layer is kept."""
        counts = self.counts()
        kept, entries = int(counts["kept"].sum()), int(counts["entries"].sum())
        lines = [f"{kept} of {entries} entries kept, {self.sparsity:.2%} pruned"]
        lines += [
            f"{row.layer}: {row.kept} of {row.entries}, {row.sparsity:.2%} pruned"
            for row in counts.itertuples()
        ]
        return "\n".join(lines)
