"""The section of hyper-parameters: strips, and their values compared all else equal."""

from __future__ import annotations

import numpy as np

from causalhyper.granger.pruning import HyperparameterStrips
from causalhyper.report.blocks import Block, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.pictures import draw_picture
from causalhyper.report.pruning.tested import NullTest, fold_tests, p_words, side


def strips_section(
    found: HyperparameterStrips, *, title: str = "Hyper-parameters", prefix: str = "strips-"
) -> PageSection:
    """Show what the values of each hyper-parameter make of each outcome.

    Parameters
    ----------
    found : HyperparameterStrips
    title : str
    prefix : str
        Of the pictures' ids; unique in a page.

    Returns
    -------
    PageSection
    """
    table = found.to_frame()
    blocks: list[Block] = [Prose(tell_strips(found), verdict=True)]
    for i, (name, outcome) in enumerate(
        (name, outcome) for outcome in found.outcomes for name in found.parameters
    ):
        own = table[(table["parameter"] == name) & (table["outcome"] == outcome)]
        words = "; ".join(f"{r.value:g}: mean {r.mean:.4g}" for r in own.itertuples())
        drawn = f"{outcome} by {name}: every run, means and medians"

        def draw(name: str = name, outcome: str = outcome) -> object:
            return found.plot(name, outcome)

        blocks.append(draw_picture(draw, drawn, words, f"{prefix}{i}-"))  # type: ignore[arg-type]
    shown = [
        ShownColumn("hyper-parameter", ("parameter",), kind="text"),
        ShownColumn("value", ("value",), 4, kind="general"),
        ShownColumn("outcome", ("outcome",), kind="text"),
        ShownColumn("runs", ("runs",), 0),
        ShownColumn("mean", ("mean",), 4),
        ShownColumn("interval", ("lower", "upper"), 4),
        ShownColumn("all else equal, against the reference", ("difference",), 4, signed=True),
        ShownColumn("its interval", ("difference_lower", "difference_upper"), 4, signed=True),
        ShownColumn("remark", ("reason",), kind="text"),
    ]
    caption = (
        f"Means over seeds, and contrasts paired by all else, {100 * found.level:g}% intervals"
    )
    tests = fold_tests(_tests(found))
    return PageSection(title, (*blocks, frame_table(table, caption, shown), tests))


def tell_strips(found: HyperparameterStrips) -> str:
    """Say which values are told apart from their reference, all else equal.

    Parameters
    ----------
    found : HyperparameterStrips

    Returns
    -------
    str
    """
    told = []
    for row in found.to_frame().to_dict("records"):
        adjusted = row["adjusted_p_value"]
        if adjusted <= 1 - found.level:
            word = side(row["difference"], row["difference"])
            told.append(
                f"{row['outcome']} is {word} at {row['parameter']} = {row['value']:g} than at "
                f"{row['reference']:g}".replace(" is above", " is higher").replace(
                    " is below", " is lower"
                )
            )
    beside = found.summary().splitlines()[-1]
    unequal = f" {beside}." if "changes the sparsity too" in beside else ""
    if not told:
        return f"No value is told apart from its reference, all else equal.{unequal}"
    return f"All else equal, adjusted by Holm: {'; '.join(told)}.{unequal}"


def _tests(found: HyperparameterStrips) -> list[NullTest]:
    rows = []
    for row in found.to_frame().to_dict("records"):
        if np.isnan(row["difference"]):
            continue
        p, level = row["adjusted_p_value"], 1 - found.level
        word = "higher" if row["difference"] > 0 else "lower"
        rows.append(
            NullTest(
                "paired difference",
                f"{row['parameter']} = {row['value']:g} and {row['reference']:g} give the same "
                f"{row['outcome']}, all else equal",
                f"t over {row['pairs']} pairs: p = {p_words(row['p_value'])}, Holm {p_words(p)}; "
                f"flips of seeds {p_words(row['flip_p_value'])}",
                f"H0 rejected: {word}" if p <= level else "H0 kept",
            )
        )
    return rows
