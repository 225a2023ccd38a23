"""The section of flatness: eigenvalues beside the training loss, and loss surfaces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.figures import plot_eigenvalues, plot_loss_surfaces
from causalhyper.report.blocks import Block, Bullets, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.pictures import draw_picture

COLUMNS = ("method", "quantity", "space", "rank", "value", "caution")
"""Columns that a frame of flatness has."""
SPACES = {"full": "all parameters", "kept": "kept parameters"}
NOTES = (
    "A network that has collapsed is flattest of all: eigenvalues are read beside training loss "
    "and accuracy, and between networks of like training loss only.",
    "All parameters: pruned ones may come back. Kept parameters: the network that is left; its "
    "largest eigenvalue never exceeds that of all parameters.",
)


def flatness_section(
    frame: pd.DataFrame,
    *,
    surfaces: pd.DataFrame | None = None,
    title: str = "Flatness",
    prefix: str = "flatness-",
) -> PageSection:
    """Show the largest eigenvalues of each method beside how well its network fits.

    Parameters
    ----------
    frame : DataFrame
        Columns `COLUMNS`, and ``seed`` where there are several: rows of
        ``collectors.curvature.Flatness.to_frame(method=..., seed=...)``.
    surfaces : DataFrame, optional
        Columns method, alpha, beta, loss, log_loss: rows of
        ``collectors.curvature.LossSurface.to_frame(method=...)``.
    title : str
    prefix : str
        Of the pictures' ids; unique in a page.

    Returns
    -------
    PageSection

    Raises
    ------
    DataError
        If a column is missing or there is no eigenvalue.
    """
    table = flatness_table(frame)
    blocks: list[Block] = [Prose(tell_flatness(table), verdict=True)]
    for space in dict.fromkeys(table["space"]):
        own = table[table["space"] == space]
        if not (own["top"] > 0).any():
            continue
        words = "; ".join(
            f"{r['method']}: {r['top']:.3g} at training loss {r['loss']:.3g}"
            for r in own.to_dict("records")
        )
        blocks.append(
            draw_picture(
                lambda space=space: plot_eigenvalues(frame, space=space),  # type: ignore[misc]
                f"Largest eigenvalues of the Hessian, {SPACES.get(space, space)}",
                words,
                f"{prefix}{space}-",
            )
        )
    if surfaces is not None:
        names = ", ".join(map(str, dict.fromkeys(surfaces["method"])))
        blocks.append(
            draw_picture(
                lambda: plot_loss_surfaces(surfaces)[0],
                "log(1 + training loss) around each network, on one scale",
                f"surfaces of {names}",
                f"{prefix}surface-",
            )
        )
    shown = [
        ShownColumn("method", ("method",), kind="text"),
        ShownColumn("moving", ("space",), kind="text"),
        ShownColumn("networks", ("networks",), 0),
        ShownColumn("largest eigenvalue, median", ("top",), 3, kind="general"),
        ShownColumn("least to most", ("least", "most"), 3, kind="general"),
        ShownColumn("training loss", ("loss",), 4),
        ShownColumn("training accuracy, %", ("accuracy",), 1, 100),
        ShownColumn("cautions", ("cautions",), kind="text"),
    ]
    named = table.assign(space=table["space"].map(SPACES).fillna(table["space"]))
    blocks += [frame_table(named, "Eigenvalues and fit, medians", shown), Bullets(NOTES)]
    return PageSection(title, tuple(blocks))


def flatness_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The largest eigenvalue of each method and space, beside medians of loss and accuracy.

    Parameters
    ----------
    frame : DataFrame
        Columns `COLUMNS`.

    Returns
    -------
    DataFrame
        Columns method, space, networks, top, least, most, loss, accuracy, cautions.
    """
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise DataError(f"a frame of flatness lacks the columns {', '.join(missing)}")
    top = frame[(frame["quantity"] == "eigenvalue") & (frame["rank"] == 1)]
    if top.empty:
        raise DataError("a frame of flatness needs rows of eigenvalues, of rank 1")
    rows = []
    for (method, space), own in top.groupby(["method", "space"], sort=False):
        fit = frame[frame["method"] == method]
        medians = {
            name: fit.loc[fit["quantity"] == quantity, "value"].median()
            for name, quantity in (("loss", "training_loss"), ("accuracy", "training_accuracy"))
        }
        words = (w for text in own["caution"].fillna("") for w in str(text).split("; ") if w)
        values = own["value"].to_numpy(dtype=np.float64)
        rows.append(
            {"method": method, "space": space, "networks": len(own), "top": np.median(values),
             "least": values.min(), "most": values.max(), **medians,
             "cautions": "; ".join(dict.fromkeys(words))}
        )  # fmt: skip
    return pd.DataFrame(rows)


def tell_flatness(table: pd.DataFrame) -> str:
    """Say which method is flattest, and whether it may be called so.

    Parameters
    ----------
    table : DataFrame
        Of `flatness_table`.

    Returns
    -------
    str
    """
    said = []
    for space, own in table.groupby("space", sort=False):
        flattest = own.sort_values("top", kind="stable").iloc[0]
        best = own.sort_values("loss", kind="stable").iloc[0]
        text = (
            f"{SPACES.get(str(space), str(space))}: flattest {flattest['method']} (largest "
            f"eigenvalue {flattest['top']:.3g})"
        )
        if flattest["cautions"]:
            text += f", of which there is a caution ({flattest['cautions']})"
        elif flattest["method"] != best["method"]:
            text += (
                f", at a training loss of {flattest['loss']:.3g} against {best['loss']:.3g} of "
                f"{best['method']}"
            )
        said.append(text)
    return f"{'; '.join(said)}. Medians over networks; no test is made of them here."
