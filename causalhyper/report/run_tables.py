"""Tables of a report about runs and model: nodes, measurements, mechanisms."""

from __future__ import annotations

import pandas as pd

from causalhyper.report.parts import Analysed
from causalhyper.report.tables import Cell, ReportTable, text_cells


def mechanism_table(analysis: Analysed) -> ReportTable:
    """How each node was fitted, and how much of its variance within contexts that explains."""
    rows = []
    for node, mechanism in analysis.model.mechanisms.items():
        r2 = analysis.model.r_squared(node)
        edges = "; ".join(str(e) for e in mechanism.edges)
        size = f"{mechanism.fit.size}"
        rows.append(
            (*text_cells(node, edges, str(mechanism.options), size), Cell(f"{r2:.3f}", (r2,)))
        )
    return ReportTable(
        "Mechanisms",
        ("node", "hyperedges", "form", "coefficients", "R² within contexts"),
        tuple(rows),
    )


def role_table(analysis: Analysed) -> ReportTable:
    """Which column plays which node."""
    parts = {analysis.treatment: "treatment", analysis.outcome: "outcome"}
    roles = analysis.model.roles
    rows = (text_cells(v, parts.get(v, ""), roles[v].label) for v in analysis.model.graph.order())
    return ReportTable("Nodes", ("node", "part", "measured as"), tuple(rows))


def measurement_table(analysis: Analysed, runs: pd.DataFrame) -> ReportTable:
    """Mean and standard deviation of every node's column at each treatment value."""
    roles = analysis.model.roles
    column = roles[analysis.treatment].column
    values = sorted(runs[column].unique())
    rows = []
    for node in analysis.model.graph.order():
        if node != analysis.treatment:
            measured = runs.groupby(column)[roles[node].column].agg(["mean", "std"])
            cells = (
                Cell(f"{m:.4g} ({s:.2g})".replace("-", "\N{MINUS SIGN}"))
                for m, s in measured.loc[values].to_numpy()
            )
            rows.append((Cell(f"{node}: {roles[node].column}"), *cells))
    heads = tuple(f"{column} {v:g}" for v in values)
    return ReportTable("Mean (standard deviation)", ("measurement", *heads), tuple(rows))
