"""The section of what an effect withstands: robustness values, bounds, E-values."""

from __future__ import annotations

from causalhyper.queries.robustness import Robustness
from causalhyper.report.blocks import Block, Drawing, Fold, PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.result_sections.estimates import digits_of, whole_rows
from causalhyper.report.tables import ReportTable


def sensitivity_section(found: Robustness) -> PageSection:
    """Every check as test, H0, reading and verdict, and the numbers behind them."""
    blocks: list[Block] = [
        Prose(found.verdict, verdict=True),
        Prose(found.curve.verdict),
        findings_table(found),
        *_partial_r2(found),
        *_correlations(found),
        e_value_table(found),
        *_left_out(found),
        Drawing(found.plot, "Sensitivity", found.verdict, _caption(found)),
    ]
    return PageSection("Sensitivity", tuple(blocks))


def findings_table(found: Robustness) -> ReportTable:
    """One row a check."""
    heads = ("test", "H0", "reading", "verdict")
    names = ("test", "null", "reading", "verdict")
    shown = [ShownColumn(h, (n,), kind="text") for h, n in zip(heads, names, strict=True)]
    return frame_table(found.to_frame(), "What the effect withstands", shown)


def _partial_r2(found: Robustness) -> list[Block]:
    """Robustness values of every arc, and the bounds that observed causes give."""
    if found.partial_r2 is None:
        return []
    digits = digits_of([a.slope for a in found.partial_r2.arcs])
    values = [
        ShownColumn("arc", ("arc",), kind="text"),
        ShownColumn("slope", ("estimate",), digits, signed=True),
        ShownColumn("interval", ("lower", "upper"), digits, signed=True),
        ShownColumn("partial R²", ("partial_r2",), 3),
        ShownColumn("robustness value", ("robustness_value",), 3),
        ShownColumn("of the interval", ("robustness_value_interval",), 3),
    ]
    bounds = [
        ShownColumn("arc", ("arc",), kind="text"),
        ShownColumn("as strong as", ("observed",), kind="text"),
        ShownColumn("times", ("times",), 3, kind="general"),
        ShownColumn("as", ("kind",), kind="text"),
        ShownColumn("R² with the cause", ("r2_cause",), 3),
        ShownColumn("R² with the response", ("r2_response",), 3),
        ShownColumn("slope then", ("estimate",), digits, signed=True),
        ShownColumn("interval", ("lower", "upper"), digits, signed=True),
    ]
    blocks: list[Block] = [
        Prose(
            "The robustness value of an arc is the share of the residual variance of cause and "
            "response that an unmeasured cause of both would have to explain to take the slope, "
            "or its interval's nearer end, to zero."
        ),
        frame_table(found.partial_r2.sensitivity_frame(), "Robustness values", values),
    ]
    benchmarks = found.partial_r2.benchmark_frame()
    if not benchmarks.empty:
        table = frame_table(benchmarks, "Bounds by observed causes", bounds)
        blocks.append(Fold("If an unmeasured cause were as strong as an observed one", (table,)))
    return blocks


def _correlations(found: Robustness) -> list[Block]:
    """At which correlation of errors each effect is zero, and where its interval reaches zero."""
    if found.correlated_errors is None:
        return []
    frame = found.correlated_errors.roots_frame()
    frame["part"] = frame["part"].str.replace("_", " ")
    numbers = ["value", "estimate", "rho_zero", "rho_interval"]
    frame = frame.rename(columns={"rho_zero": "zero at ρ", "rho_interval": "in doubt from ρ"})
    numbers[2:] = ["zero at ρ", "in doubt from ρ"]
    return [whole_rows(frame, "Correlated errors (empty: none that was tried)", numbers)]


def e_value_table(found: Robustness) -> ReportTable:
    """E-values of every effect."""
    frame = found.e_values.to_frame()
    words = frame["query"].str.partition(".")[2].str.replace("_", " ")
    frame = frame.assign(
        label=words + (" through " + frame["subject"]).where(frame["subject"] != "", "")
    )
    shown = [
        ShownColumn("effect", ("label",), kind="text"),
        ShownColumn("value", ("value",), 6, kind="general"),
        ShownColumn("risk ratio", ("ratio",), 3, kind="general"),
        ShownColumn("interval", ("ratio_lower", "ratio_upper"), 3, kind="general"),
        ShownColumn("E-value", ("e_value",), 2),
        ShownColumn("of the interval", ("e_value_interval",), 2),
    ]
    return frame_table(frame, "E-values", shown)


def _left_out(found: Robustness) -> list[Block]:
    frame = found.leave_out.influence_frame()
    if frame.empty:
        return []
    digits = digits_of(found.leave_out.whole)
    frame = frame.assign(most_influential=frame["most_influential"].astype(str))
    shown = [
        ShownColumn("estimator", ("estimator",), kind="text"),
        ShownColumn("value", ("value",), 6, kind="general"),
        ShownColumn("estimate", ("estimate",), digits, signed=True),
        ShownColumn("range", ("lowest", "highest"), digits, signed=True),
        ShownColumn("most influential", ("most_influential",), kind="text"),
        ShownColumn("change in standard errors", ("change",), 2, signed=True),
        ShownColumn("same sign, %", ("same_sign",), 0, 100),
        ShownColumn("intervals without zero, %", ("excludes_zero",), 0, 100),
    ]
    table = frame_table(frame, f"One {found.leave_out.by} left out at a time", shown)
    return [table]


def _caption(found: Robustness) -> str:
    if found.correlated_errors is None:
        return "The effect without each group in turn."
    return "The total effect over the correlation of errors that most easily undoes it."
