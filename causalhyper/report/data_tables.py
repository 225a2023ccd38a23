"""The data section of a report: a summary of the runs as sentences and tables."""

from __future__ import annotations

from causalhyper.report.blocks import Block, Drawing, Fold, Prose
from causalhyper.report.data_summary import DataSummary
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.tables import ReportTable

MOST = 20
"""Rows of a list of runs at most."""


def data_tables(found: DataSummary) -> tuple[ReportTable, ...]:
    """The tables of a summary: counts, missing values, balance, values far out, diverged runs.

    Parameters
    ----------
    found : DataSummary

    Returns
    -------
    tuple of ReportTable
        Lists that would be empty are left out; of long ones the first rows are shown, and a note
        says how many there are.
    """
    tables = [_count_table(found), _missing_table(found)]
    lists = (
        (found.incomplete, "Paired blocks that are not complete", _TEXTS),
        (found.outliers, "Values far out", _FAR),
        (found.diverged, "Runs that diverged or did not finish", _DIVERGED),
    )
    for frame, caption, shown in lists:
        if len(frame):
            rest = len(frame) - MOST
            notes = (f"The first {MOST} of {len(frame)}.",) if rest > 0 else ()
            table = frame_table(frame.head(MOST), caption, shown)
            tables.append(ReportTable(table.caption, table.columns, table.rows, notes))
    return tuple(tables)


def data_blocks(found: DataSummary) -> tuple[Block, ...]:
    """The data section of a page.

    Parameters
    ----------
    found : DataSummary

    Returns
    -------
    tuple of Block
        For a `PageSection`.
    """
    counts, missing, *lists = data_tables(found)
    blocks: list[Block] = [
        Prose(f"{found.n} runs in {found.clusters} clusters. {found.balance}"),
        counts,
        missing,
        Prose(found.ended),
        Prose(found.far_out),
        *lists,
    ]
    if found.scores["score"].notna().any():
        blocks.append(Fold("Every run's distance from its group", (_drawing(found),)))
    return tuple(blocks)


def _drawing(found: DataSummary) -> Drawing:
    return Drawing(
        found.plot,
        "Distances of runs from their group",
        f"{len(found.outliers)} values far out of {int(found.scores['score'].notna().sum())}; "
        "the table names them.",
        "Distance from the median of runs of one treatment value and context.",
        spare=True,
    )


_TEXTS = [ShownColumn(n, (n,), kind="text") for n in ("cluster", "context", "lacks", "repeats")]
_FAR = [
    ShownColumn("run", ("run_id",), kind="text"),
    ShownColumn("measurement", ("column",), kind="text"),
    ShownColumn("treatment", ("treatment",), 4, kind="general"),
    ShownColumn("value", ("value",), 4, kind="general"),
    ShownColumn("median of its group", ("centre",), 4, kind="general"),
    ShownColumn("spreads from it", ("score",), 1, signed=True),
]
_DIVERGED = [
    ShownColumn("run", ("run_id",), kind="text"),
    ShownColumn("treatment", ("treatment",), 4, kind="general"),
    ShownColumn("why", ("why",), kind="text"),
]


def _count_table(found: DataSummary, most: int = 60) -> ReportTable:
    """Runs and clusters by context and treatment value; contexts together where they are many."""
    counts = found.counts
    contexts = [c for c in counts.columns if c not in (found.treatment, "runs", "clusters")]
    notes: tuple[str, ...] = ()
    if len(counts) > most:
        notes = (f"All {len(counts[contexts].drop_duplicates())} contexts together.",)
        counts = counts.groupby(found.treatment, as_index=False)[["runs"]].sum()
        contexts = []
    shown = [ShownColumn(name, (name,), kind="text") for name in contexts]
    shown.append(ShownColumn(found.treatment, (found.treatment,), 6, kind="general"))
    shown += [ShownColumn(n, (n,), 0) for n in ("runs", "clusters") if n in counts]
    table = frame_table(counts, "Runs and clusters by treatment value", shown)
    return ReportTable(table.caption, table.columns, table.rows, notes)


def _missing_table(found: DataSummary) -> ReportTable:
    frame = found.missing.assign(node=found.missing["node"].replace("", "not analysed"))
    shown = [ShownColumn("node", ("node",), kind="text")]
    shown += [ShownColumn("column", ("column",), kind="text")]
    shown += [ShownColumn(name, (name,), 0) for name in ("present", "missing")]
    return frame_table(frame, "Missing values by role", shown)
