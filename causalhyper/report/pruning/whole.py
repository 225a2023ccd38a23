"""A report on prunings from their frames: compared, drawn, layer by layer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from causalhyper.errors import DataError
from causalhyper.report.blocks import PageSection, Prose
from causalhyper.report.pruning.cells import PruningQuestion, cell_parts, split_cells
from causalhyper.report.pruning.flatness import flatness_section, flatness_table
from causalhyper.report.pruning.layers import layer_shares, layers_section
from causalhyper.report.pruning.markdown import sections_markdown
from causalhyper.report.pruning.overlap import overlap_section
from causalhyper.report.sections import render_sections, reproduce_section

SCHEMA = "causalhyper.prunings/1"
"""Name and version of the JSON document; a change that breaks readers raises the number."""


@dataclass(frozen=True, slots=True, eq=False)
class PruningReport:
    """What a report on prunings shows; see `report_prunings`.

    Attributes
    ----------
    title : str
    sections : tuple of PageSection
        The first paragraph of each is its verdict.
    tables : mapping of str to DataFrame
        The frames behind the sections, by file name.
    """

    title: str
    sections: tuple[PageSection, ...]
    tables: Mapping[str, pd.DataFrame]

    @property
    def verdicts(self) -> dict[str, str]:
        """The sentence of each section by its title."""
        return {
            section.title: block.text
            for section in self.sections
            for block in section.blocks[:1]
            if isinstance(block, Prose)
        }


def report_prunings(
    runs: pd.DataFrame,
    *,
    baseline: str = "magnitude",
    outcome: str = "test_accuracy",
    by: Sequence[str] = (),
    layers: pd.DataFrame | None = None,
    overlap: pd.DataFrame | None = None,
    flatness: pd.DataFrame | None = None,
    surfaces: pd.DataFrame | None = None,
    test_size: int | None = None,
    floor: float | None = None,
    level: float = 0.95,
    title: str = "Prunings",
) -> PruningReport:
    """Compare prunings, and put what came of them into sections of a page.

    Parameters
    ----------
    runs : DataFrame
        As `collectors.pruning.prune_many` writes or returns them: columns method, seed, sparsity
        and the outcome; where there is a column stage, rows of stage "final" count.
    baseline : str
        The method that the others are compared with.
    outcome : str
    by : sequence of str
        Columns that tell cells apart, such as the data set: each has sections of its own.
    layers : DataFrame, optional
        See `layers_section`; one sparsity.
    overlap : DataFrame, optional
        Pairs of masks, see `overlap_section`.
    flatness, surfaces : DataFrame, optional
        See `flatness_section`.
    test_size : int, optional
        Test examples, for the binomial noise of an accuracy.
    floor : float, optional
        Accuracy of guessing, where no run reaches it.
    level : float
        Of the intervals.
    title : str

    Returns
    -------
    PruningReport

    Raises
    ------
    DataError
        If runs lack a column, or none of a cell can be compared.
    ConfigurationError
        If the baseline is no method.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "method": ["causal"] * 3 + ["magnitude"] * 3,
    ...         "seed": [0, 1, 2] * 2,
    ...         "sparsity": 0.95,
    ...         "test_accuracy": [0.690, 0.688, 0.693, 0.695, 0.694, 0.697],
    ...     }
    ... )
    >>> report = report_prunings(frame)
    >>> report.verdicts["Against magnitude"]
    'By joint 95% intervals causal is below at 95%.'
    """
    sections: list[PageSection] = []
    tables: dict[str, pd.DataFrame] = {"runs": _final(runs)}
    asked = PruningQuestion(baseline, outcome, test_size, floor, level)
    for cell in split_cells(tables["runs"], by):
        found = cell_parts(cell, asked)
        sections += found.sections
        tables |= found.tables
    if layers is not None:
        sections.append(layers_section(layers))
        tables["layers"] = layer_shares(layers)
    if overlap is not None:
        sections.append(overlap_section(overlap))
        tables["overlap"] = overlap
    if flatness is not None:
        sections.append(flatness_section(flatness, surfaces=surfaces))
        tables["flatness"] = flatness_table(flatness)
    return PruningReport(title, tuple(sections), tables)


def _final(runs: pd.DataFrame) -> pd.DataFrame:
    """The row of each pruning that says what came of it."""
    if "stage" not in runs:
        return runs.reset_index(drop=True)
    final = runs[runs["stage"] == "final"].reset_index(drop=True)
    if final.empty:
        stages = ", ".join(map(str, runs["stage"].unique()))
        raise DataError(
            f"no pruning is finished: expected rows of stage 'final'; got the stages {stages}"
        )
    return final


def pruning_files(
    report: PruningReport, out: Path, command: str, checksums: Sequence[tuple[str, str]]
) -> dict[Path, bytes]:
    """All files of a report with their contents, for `causalhyper.frames.write_together`.

    Parameters
    ----------
    report : PruningReport
    out : Path
        Folder.
    command : str
        As one would type it.
    checksums : sequence of (str, str)
        Name and SHA-256 of every file that was read.

    Returns
    -------
    dict of Path to bytes
        ``index.html``, ``prunings.md``, ``results.json`` and ``tables/NAME.csv``. Equal reports
        give equal bytes.
    """
    sections = [*report.sections, reproduce_section(command, checksums)]
    files = {
        out / "index.html": render_sections(report.title, sections),
        out / "prunings.md": sections_markdown(report.title, sections).encode(),
        out / "results.json": pruning_document(report, command, checksums),
    }
    for name, table in report.tables.items():
        files[out / "tables" / f"{name}.csv"] = table.to_csv(index=False).encode()
    return files


def pruning_document(
    report: PruningReport, command: str, checksums: Sequence[tuple[str, str]]
) -> bytes:
    """The report as JSON: verdicts and tables; numbers that are not finite are null.

    Parameters
    ----------
    report : PruningReport
    command : str
    checksums : sequence of (str, str)

    Returns
    -------
    bytes
    """
    content = {
        "schema": SCHEMA,
        "title": report.title,
        "verdicts": report.verdicts,
        "tables": {name: table_records(table) for name, table in report.tables.items()},
        "command": command,
        "files": dict(checksums),
    }
    return (json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def table_records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a table as JSON takes them: no NaN, no numpy scalars.

    Parameters
    ----------
    table : DataFrame

    Returns
    -------
    list of dict

    Examples
    --------
    >>> table_records(pd.DataFrame({"n": [1], "x": [float("nan")]}))
    [{'n': 1, 'x': None}]
    """
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | bool | int | float) else str(value)
