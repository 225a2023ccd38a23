"""Tables, forests and words of estimates, for the sections of all results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd

from causalhyper.queries.effects.query import farthest
from causalhyper.report.blocks import Block, Drawing, Fold
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.tables import ReportTable
from causalhyper.results import Estimate, decimals, forest_frame, to_frame

MOST_ROWS = 40
"""Estimates that one forest plot shows."""
BEYOND = 0.05
"""Share of simulated runs beyond the observed from which on a section says so."""


def digits_of(estimates: Sequence[Estimate]) -> int:
    """Decimals at which the errors of some estimates show two figures."""
    return decimals(e.se for e in estimates)


def words_of(e: Estimate) -> str:
    """What an estimate is of, such as "natural direct" or "share randomise S"."""
    what = e.query.partition(".")[2].replace("_", " ")
    return e.subject if e.subject.startswith(what) else f"{what} {e.subject}".strip()


def span_of(e: Estimate) -> str:
    """Such as "95% interval"."""
    return f"{e.level:.0%} interval"


def said(e: Estimate, digits: int) -> str:
    """An estimate with its interval, in words."""
    sign = "-" if e.baseline is None else "+"
    return (
        f"{e.estimate:{sign}.{digits}f} ({span_of(e)} {e.lower:{sign}.{digits}f} to "
        f"{e.upper:{sign}.{digits}f})"
    )


def estimate_table(
    estimates: Sequence[Estimate],
    caption: str,
    *,
    label: Callable[[Estimate], str] = words_of,
    head: str = "effect",
) -> ReportTable:
    """Show estimates under one another: what each is of, its values, estimate, interval, error.

    Parameters
    ----------
    estimates : sequence of Estimate
        At least one.
    caption : str
    label : callable
        What heads the row of an estimate.
    head : str
        Above these.

    Returns
    -------
    ReportTable
        Numbers are those of `to_frame`, to six figures.
    """
    digits = digits_of(estimates)
    frame = to_frame(estimates).assign(label=[label(e) for e in estimates])
    signed = all(e.baseline is not None for e in estimates)
    shown = [
        ShownColumn(head, ("label",), kind="text"),
        ShownColumn("value", ("value",), 6, kind="general"),
        ShownColumn("against", ("baseline",), 6, kind="general"),
        ShownColumn("estimate", ("estimate",), digits, signed=signed),
        ShownColumn(span_of(estimates[0]), ("lower", "upper"), digits, signed=signed),
        ShownColumn("standard error", ("se",), digits),
    ]
    if frame["baseline"].isna().all():
        del shown[2]
    return frame_table(frame, caption, shown)


def at_farthest(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Those at the treatment value that is farthest from the baseline."""
    value = farthest(estimates).value
    return tuple(e for e in estimates if e.value == value)


def effect_blocks(
    estimates: Sequence[Estimate],
    caption: str,
    *,
    outcome: str,
    label: Callable[[Estimate], str] = words_of,
    head: str = "effect",
) -> tuple[Block, ...]:
    """Effects at the farthest value as a table and a forest, those at every value folded."""
    shown = at_farthest(estimates)
    first = shown[0]
    where = f"{caption}: {first.value:g} against {first.against:g}"
    blocks: list[Block] = [estimate_table(shown, where, label=label, head=head)]
    varying = [e for e in shown if e.se > 0]
    if 1 < len(varying) <= MOST_ROWS:
        blocks.append(forest_of(varying, where, outcome))
    if len(shown) < len(estimates):
        every = estimate_table(estimates, f"{caption}: every value", label=label, head=head)
        blocks.append(Fold(f"{caption} at every value", (every,)))
    return tuple(blocks)


def forest_of(estimates: Sequence[Estimate], title: str, outcome: str) -> Drawing:
    """Estimates drawn under one another."""
    from causalhyper.figures import plot_forest

    frame = forest_frame(estimates)
    xlabel = f"effect on {outcome}" if outcome else "effect"
    digits = digits_of(estimates)
    words = "; ".join(f"{words_of(e)} {e.interval(digits)}" for e in estimates)
    return Drawing(
        partial(plot_forest, frame, xlabel=xlabel),
        title,
        words,
        f"Points are estimates, lines their {span_of(estimates[0])}s.",
        spare=True,
    )


def beyond_sentence(share: float) -> str:
    """How many simulated runs lie beyond the observed; "" where few do."""
    if not share > BEYOND:
        return ""
    return (
        f"{share:.0%} of simulated runs lie beyond the observed: there the answer is extrapolated "
        "by the form of the mechanisms, and its interval does not know whether that form holds."
    )


def whole_rows(
    frame: pd.DataFrame, caption: str, numbers: Sequence[str], digits: int = 3
) -> ReportTable:
    """Show all columns of a frame; those named are numbers, to so many figures."""
    shown = [
        ShownColumn(
            str(name).replace("_", " "),
            (str(name),),
            digits,
            kind="general" if name in numbers else "text",
        )
        for name in frame.columns
    ]
    finite = frame.assign(
        **{name: frame[name].replace([np.inf, -np.inf], np.nan) for name in numbers}
    )
    return frame_table(finite, caption, shown)
