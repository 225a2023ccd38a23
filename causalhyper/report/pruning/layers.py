"""The sections of masks: what each criterion keeps of each layer, and what criteria share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.figures import plot_dots
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.pictures import MOST, draw_picture
from causalhyper.report.pruning.tested import NullTest, fold_tests, p_words
from causalhyper.report.sections import Block, PageSection, Prose
from causalhyper.report.tables import Cell, ReportTable

LAYERS = ("method", "layer", "entries", "kept")
"""Columns that a frame of layers has."""
PAIRS = (
    "first", "first_seed", "second", "second_seed", "both_pruned", "expected_both_pruned",
    "at_totals", "jaccard_kept", "expected_jaccard", "kappa_layers", "z", "p_value",
)  # fmt: skip
"""Columns that a frame of pairs of masks has, see `causalhyper.granger.masks`."""
ALPHA = 0.05
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


def overlap_section(
    pairs: pd.DataFrame, *, title: str = "What masks have in common"
) -> PageSection:
    """Show how much masks agree beyond independent masks of the same layer counts.

    Parameters
    ----------
    pairs : DataFrame
        Of `MaskAgreement.to_frame`: columns `PAIRS`, a row a pair of masks.
    title : str

    Returns
    -------
    PageSection

    Raises
    ------
    DataError
        If a column is missing or there is no row.
    """
    if missing := [name for name in PAIRS if name not in pairs.columns]:
        raise DataError(f"a frame of pairs of masks lacks the columns {', '.join(missing)}")
    if not len(pairs):
        raise DataError("a frame of pairs of masks needs a row at least")
    means = overlap_means(pairs)
    tests = [_overlap_test(row, len(pairs)) for row in means.to_dict("records")]
    shown = [
        ShownColumn("masks", ("masks",), kind="text"),
        ShownColumn("pairs", ("pairs",), 0),
        ShownColumn("both pruned, %", ("both_pruned",), 2, 100),
        ShownColumn("independent, same totals, %", ("at_totals",), 2, 100),
        ShownColumn("independent, same layer counts, %", ("expected_both_pruned",), 2, 100),
        ShownColumn("Jaccard of the kept", ("jaccard_kept",), 3),
        ShownColumn("independent", ("expected_jaccard",), 3),
        ShownColumn("kappa within layers", ("kappa_layers",), 3),
    ]
    closest = means.sort_values("kappa_layers", kind="stable").iloc[-1]
    said = (
        f"Most alike beyond their layer counts: {closest['masks']}, Jaccard of the kept "
        f"{closest['jaccard_kept']:.3f} against {closest['expected_jaccard']:.3f} of independent "
        "masks. Most of the share that both prune is arithmetic: compare it with that of "
        "independent masks beside it."
    )
    table = frame_table(means, "Overlap, means over pairs of seeds", shown)
    blocks = (Prose(said, verdict=True), table, fold_tests(tests))
    return PageSection(title, blocks)


def overlap_means(pairs: pd.DataFrame) -> pd.DataFrame:
    """Means over pairs of masks: two methods at the same seed where there are such, or two seeds.

    Parameters
    ----------
    pairs : DataFrame
        Of `MaskAgreement.to_frame`.

    Returns
    -------
    DataFrame
        Columns masks, pairs, means of shares, ``least_p`` and ``z``.
    """
    rows = []
    for (first, second), own in pairs.groupby(["first", "second"], sort=False):
        same = own[own["first_seed"].astype(str) == own["second_seed"].astype(str)]
        chosen, word = (own, ", any seeds") if same.empty else (same, ", same seed")
        name = f"{first}, two seeds" if first == second else f"{first} and {second}{word}"
        numbers = chosen[list(PAIRS[4:10])].mean().to_dict()
        least, z = float(chosen["p_value"].min()), float(chosen["z"].mean())
        rows.append({"masks": name, "pairs": len(chosen), **numbers, "least_p": least, "z": z})
    return pd.DataFrame(rows)


def _overlap_test(row: Mapping[Any, Any], tests: int) -> NullTest:
    masks, least, z = (row[name] for name in ("masks", "least_p", "z"))
    adjusted = min(1.0, least * tests)
    word = "more alike" if z > 0 else "less alike"
    return NullTest(
        "Mantel and Haenszel, layers as strata",
        f"{masks}: within layers, what one keeps says nothing of what the other keeps",
        f"least p {p_words(least)}, by Bonferroni over {tests} pairs {p_words(adjusted)}; mean z "
        f"{z:.1f}",
        "H0 kept" if adjusted > ALPHA else f"H0 rejected: {word}; entries taken as exchangeable",
    )
