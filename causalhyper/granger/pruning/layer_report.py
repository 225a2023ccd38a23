"""What pruning left of each layer: parameters, operations, bytes, dead units, collapse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.granger.masks import Masks
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COSTS = ("kind", "parameters", "flops", "kept_flops", "bytes")
UNITS = ("units", "dead", "effective")


@dataclass(frozen=True, slots=True, eq=False)
class PrunedLayers(Shown):
    """What pruning left of each layer; see `layer_report`.

    Attributes
    ----------
    table : DataFrame
        One row a layer: layer, entries, kept, share_kept; of costs `COSTS` and share_flops; of
        dead units `UNITS`; collapsed and reason.
    """

    table: pd.DataFrame

    @property
    def collapsed(self) -> tuple[str, ...]:
        """Layers that collapsed."""
        return tuple(self.table.loc[self.table["collapsed"], "layer"])

    def to_frame(self) -> pd.DataFrame:
        """One row a layer."""
        return self.table.copy()

    def summary(self) -> str:
        """Say what is left of the network and of each layer, and which layers collapsed."""
        sums = self.table.select_dtypes("number").sum()
        said = (
            f"{sums['kept']:.0f} of {sums['entries']:.0f} entries kept "
            f"({sums['kept'] / sums['entries']:.2%})"
        )
        if "flops" in self.table:
            said += f"; {sums['kept_flops'] / sums['flops']:.2%} of the operations"
            said += f"; {sums['bytes']:.0f} bytes"
        if "dead" in self.table:
            said += f"; {sums['dead']:.0f} of {sums['units']:.0f} units dead"
        lines = [said]
        for row in self.table.to_dict("records"):
            line = f"{row['layer']}: {row['kept']} of {row['entries']} ({row['share_kept']:.2%})"
            if "flops" in row:
                line += f", {row['share_flops']:.2%} of operations"
            if "dead" in row:
                line += f", {row['dead']:.0f} of {row['units']:.0f} units dead"
            lines.append(line + (f": collapsed, {row['reason']}" if row["collapsed"] else ""))
        if not self.collapsed:
            lines.append("No layer collapsed.")
        return "\n".join(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of each layer that is kept.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes
        """
        from causalhyper.figures.kept_shares import plot_kept_shares

        return plot_kept_shares(self.table, ax=ax)


def layer_report(
    masks: Masks, *, costs: pd.DataFrame | None = None, dead_units: pd.DataFrame | None = None
) -> PrunedLayers:
    """Put together what is left of each layer.

    Parameters
    ----------
    masks : Masks
        By parameter, such as ``fc1.weight``, or by layer.
    costs : pandas.DataFrame, optional
        One row a layer, columns layer and `COSTS`, as `collectors.pruning.costs.network_costs`
        gives; layers without a mask are left out.
    dead_units : pandas.DataFrame, optional
        One row a layer, columns layer, collapsed and `UNITS`, as
        `collectors.pruning.dead_units.find_dead_units` gives.

    Returns
    -------
    PrunedLayers
        A layer counts as collapsed where nothing of it is kept, where none of its units is on a
        path from inputs to outputs, or where fewer weights than output units are kept.

    Raises
    ------
    DataError
        For absent columns, a layer that is there twice, or a mask whose layer is not there.

    Notes
    -----
    Masks of several parameters of one layer (weight and bias) are one row where costs or dead
    units speak of the layer. Output units are those of the first axis.

    Examples
    --------
    >>> kept = np.zeros((10, 500), dtype=bool)
    >>> kept[0, :2] = True
    >>> print(layer_report(Masks({"fc1": np.eye(4) > 0, "fc2": kept})).summary())
    6 of 5016 entries kept (0.12%)
    fc1: 4 of 16 (25.00%)
    fc2: 2 of 5000 (0.04%): collapsed, 2 weights are kept for 10 output units
    """
    if not isinstance(masks, Masks):
        raise DataError(
            f"a report is of Masks, got {type(masks).__name__}: Masks({{layer: kept}})"
        )
    named = {"costs": (costs, COSTS), "dead_units": (dead_units, (*UNITS, "collapsed"))}
    given = {
        what: _indexed(f, columns, what) for what, (f, columns) in named.items() if f is not None
    }
    layers: dict[str, list[str]] = {}
    for name in masks.kept:
        layers.setdefault(_layer_of(name, given), []).append(name)
    rows = []
    for layer, parts in layers.items():
        row: dict[str, object] = {"layer": layer}
        sizes = [masks.kept[part].size for part in parts]
        kept = [int(masks.kept[part].sum()) for part in parts]
        row |= {"entries": sum(sizes), "kept": sum(kept), "share_kept": sum(kept) / sum(sizes)}
        reason = _collapse(masks, parts)
        if "costs" in given:
            own = given["costs"].loc[layer]
            row |= {name: own[name] for name in COSTS}
            row["share_flops"] = own["kept_flops"] / own["flops"] if own["flops"] else np.nan
        if "dead_units" in given:
            own = given["dead_units"].loc[layer]
            row |= {name: own[name] for name in UNITS}
            if own["collapsed"] and not reason:
                reason = "no unit is on a path from inputs to outputs"
        rows.append(row | {"collapsed": bool(reason), "reason": reason})
    return PrunedLayers(pd.DataFrame(rows))


def _indexed(frame: pd.DataFrame, columns: tuple[str, ...], what: str) -> pd.DataFrame:
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{what} is a pandas DataFrame, got {type(frame).__name__}")
    absent = [name for name in ("layer", *columns) if name not in frame.columns]
    if absent or frame["layer"].duplicated().any():
        raise DataError(
            f"{what} has one row a layer and the columns layer, {', '.join(columns)}; missing: "
            f"{', '.join(absent) or 'none'}; layers: {', '.join(map(str, frame.get('layer', [])))}"
        )
    return frame.set_index("layer")


def _layer_of(name: str, given: dict[str, pd.DataFrame]) -> str:
    """The layer that a mask belongs to: its own name, or that without the parameter's."""
    if not given:
        return name
    for candidate in (name, name.rpartition(".")[0]):
        if all(candidate in frame.index for frame in given.values()):
            return candidate
    known = {what: ", ".join(map(str, frame.index)) for what, frame in given.items()}
    raise DataError(
        f"the mask of {name!r} has no row in {' and '.join(given)}: {known}; give frames of the "
        "same network"
    )


def _collapse(masks: Masks, parts: list[str]) -> str:
    """Say why a layer collapsed, by its largest mask; "" where it did not."""
    mask = max((masks.kept[part] for part in parts), key=lambda m: m.size)
    kept, units = int(mask.sum()), mask.shape[0] if mask.ndim else 1
    if not kept:
        return "nothing is kept"
    if mask.ndim > 1 and kept < units:
        return f"{kept} weights are kept for {units} output units"
    return ""
