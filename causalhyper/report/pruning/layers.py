"""The section of masks by layer: what each criterion keeps of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.figures import plot_dots
from causalhyper.report.blocks import Block, PageSection, Prose
from causalhyper.report.pruning.pictures import MOST, draw_picture
from causalhyper.report.tables import Cell, ReportTable

LAYERS = ("method", "layer", "entries", "kept")
"""Columns that a frame of layers has."""
NAMED, SERIES = 6, 4
"""Methods that the verdict names, and that one picture of layers can tell apart."""


def layers_section(
    frame: pd.DataFrame, *, title: str = "Masks by layer", prefix: str = "layers-"
) -> PageSection:
    """Show how much of each layer each method keeps.

    Parameters
    ----------
    frame : DataFrame
        Columns `LAYERS`, such as ``PrunedLayers.to_frame().assign(method="causal")`` or the
        layers of logged prunings; optionally ``seed``, ``iteration`` (of each method, seed and
        layer the last counts) and ``collapsed``.
    title : str
    prefix : str
        Of the picture's ids; unique in a page.

    Returns
    -------
    PageSection

    Raises
    ------
    DataError
        If a column is missing or there is no row.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {"method": "causal", "layer": ["conv", "fc"], "entries": [100, 900], "kept": [20, 9]}
    ... )
    >>> table = layers_section(frame).blocks[-1]
    >>> [[cell.text for cell in row] for row in table.rows]
    [['conv', '100', '20.00 (20)'], ['fc', '900', '1.00 (9)'], ['all', '1,000', '2.90 (29)']]
    """
    shares = layer_shares(frame)
    blocks: list[Block] = [Prose(tell_layers(shares), verdict=True)]
    methods = list(dict.fromkeys(shares["method"]))
    own = shares[(shares["layer"] != ALL) & shares["method"].isin(methods[:SERIES])]
    drawn = own.assign(label=own["layer"], value=100 * own["share"], series=own["method"])
    if len(methods) <= SERIES and len(own) <= MOST:
        words = "; ".join(
            f"{r['method']}, {r['layer']}: {100 * r['share']:.3g}% kept"
            for r in own.to_dict("records")
        )
        blocks.append(
            draw_picture(
                lambda: plot_dots(drawn, xlabel="% of the layer that is kept", log=True),
                "Share of each layer that is kept",
                words,
                prefix,
            )
        )
    return PageSection(title, (*blocks, layer_table(shares)))


ALL = "all"


def layer_shares(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of what each method keeps of each layer, and of all together.

    Parameters
    ----------
    frame : DataFrame
        As `layers_section` takes it.

    Returns
    -------
    DataFrame
        Columns method, layer, entries, kept, share, collapsed (share of seeds), seeds.
    """
    if missing := [name for name in LAYERS if name not in frame.columns] or (
        [] if len(frame) else ["rows"]
    ):
        raise DataError(
            f"a frame of layers has the columns {', '.join(LAYERS)} and a row at least; missing: "
            f"{', '.join(missing)}"
        )
    frame = frame.assign(
        seed=frame.get("seed", 0), collapsed=frame.get("collapsed", np.nan)
    ).astype({"collapsed": float})
    if "iteration" in frame:
        last = frame.groupby(["method", "seed"])["iteration"].transform("max")
        frame = frame[frame["iteration"] == last]
    if frame.duplicated(["method", "seed", "layer"]).any():
        raise DataError(
            "a frame of layers has one row a method, seed and layer (of the last iteration): "
            "give one sparsity and one network at a time"
        )
    whole = frame.groupby(["method", "seed"], sort=False, as_index=False).agg(
        entries=("entries", "sum"), kept=("kept", "sum"), collapsed=("collapsed", "max")
    )
    both = pd.concat([frame, whole.assign(layer=ALL)], ignore_index=True)
    found = both.groupby(["method", "layer"], sort=False, as_index=False).agg(
        entries=("entries", "first"),
        kept=("kept", "mean"),
        collapsed=("collapsed", "mean"),
        seeds=("seed", "nunique"),
    )
    return found.assign(share=found["kept"] / found["entries"])


def tell_layers(shares: pd.DataFrame) -> str:
    """Say how unevenly methods prune, and which layers collapsed.

    Parameters
    ----------
    shares : DataFrame
        Of `layer_shares`.

    Returns
    -------
    str
    """
    said = []
    for method, own in shares[shares["layer"] != ALL].groupby("method", sort=False):
        ordered = own.sort_values("share", kind="stable").to_dict("records")
        least, most = ordered[0], ordered[-1]
        said.append(
            f"{method} keeps {most['share']:.1%} of {most['layer']} and {least['share']:.2%} of "
            f"{least['layer']}"
        )
    gone = shares[(shares["layer"] != ALL) & (shares["collapsed"] > 0)]
    tail = "No layer is known to have collapsed."
    if len(gone):
        names = (
            f"{r['layer']} of {r['method']} in {r['collapsed']:.0%} of seeds"
            for r in gone.to_dict("records")
        )
        tail = f"Collapsed: {', '.join(names)}."
    more = f"; {len(said) - NAMED} more in the table" if len(said) > NAMED else ""
    return f"{'; '.join(said[:NAMED])}{more}. {tail}"


def layer_table(shares: pd.DataFrame) -> ReportTable:
    """Show shares kept in percent (entries kept), a row a layer and a column a method."""
    methods = list(dict.fromkeys(shares["method"]))
    rows = []
    for layer, own in shares.groupby("layer", sort=False):
        by = {r["method"]: r for r in own.to_dict("records")}
        cells = []
        for method in methods:
            r = by.get(method)
            text = "" if r is None else f"{100 * r['share']:.2f} ({r['kept']:,.0f})"
            gone = " collapsed" if r is not None and r["collapsed"] > 0 and layer != ALL else ""
            cells.append(Cell(text + gone))
        entries = int(own["entries"].iloc[0])
        rows.append((Cell(str(layer)), Cell(f"{entries:,}", (float(entries),)), *cells))
    seeds = int(shares["seeds"].max())
    caption = f"Kept, % (entries), mean over {seeds} seed{'s' * (seeds != 1)}"
    return ReportTable(caption, ("layer", "entries", *map(str, methods)), tuple(rows))
