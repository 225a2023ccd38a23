"""Analyse the study's runs and write one report, with every table as CSV and one JSON document.

    python -m case_studies.batch_size [--out report] [--draws 800] [--seed 1] [--data FOLDER]

The page is `index.html`; `tables/` has every table, `study.json` verdicts and shorter tables
together, `gcn-on-cora/` the first 480 runs with a full page of their own. `--page` writes the
tables of the verdict page anew. Needs no torch and no network.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from case_studies.batch_size import gcn_on_cora
from case_studies.batch_size.gcn_on_cora import (
    AT,
    BASELINE,
    PROTOCOLS,
    RUNS,
    TITLE,
    analyze_design,
)
from case_studies.batch_size.report.claims import list_claims
from case_studies.batch_size.report.figures import draw_curves
from case_studies.batch_size.report.judgement import Claim, claims_frame
from case_studies.batch_size.report.markdown_page import fill_page, page_path, page_tables
from case_studies.batch_size.report.page import render_study
from case_studies.batch_size.report.parts import Part
from case_studies.batch_size.report.pieces import make_pieces
from case_studies.batch_size.runs import DATA, GRAPH, ROLES, Frames, read_study
from causalhyper.cli.console import progress_bar
from causalhyper.errors import CausalHyperError
from causalhyper.figures import compact_svg
from causalhyper.frames import write_together

__all__ = ["AT", "BASELINE", "GRAPH", "PROTOCOLS", "ROLES", "RUNS", "TITLE", "analyze_design"]

PICTURE = Path("images", "batch-size-study.svg")
"""The verdict page's picture, beside it."""
MOST = 300
"""Rows of a table in the JSON document; longer ones are in their files alone."""


def make_files(
    frames: Frames,
    tables: Mapping[str, pd.DataFrame],
    claims: list[Claim],
    others: Mapping[str, Part],
    out: Path,
    command: str,
) -> dict[Path, bytes]:
    """Every file of the study's report by its path; nothing is written.

    Parameters
    ----------
    frames : Frames
    tables : mapping of str to DataFrame
        Of `make_pieces`, as the others.
    claims : list of Claim
    others : mapping of str to Part
    out : Path
        Folder.
    command : str
        As typed, for the page.

    Returns
    -------
    dict of Path to bytes
    """
    page = render_study(frames.runs, tables, claims, others, command, frames.checksums)
    parts = {"effects": Part(tables, ()), **others}
    files = {out / "index.html": page, out / "study.json": document(frames, claims, parts)}
    for part in parts.values():
        for name, table in part.tables.items():
            files[out / "tables" / f"{name}.csv"] = table.to_csv(index=False).encode()
    return files


def document(frames: Frames, claims: list[Claim], parts: Mapping[str, Part]) -> bytes:
    """The study as JSON: verdicts, sentences, tables of at most `MOST` rows, checksums."""
    content = {
        "schema": "causalhyper.batch_size_study/1",
        "claims": records(claims_frame(claims)),
        "sentences": {name: list(p.sentences) for name, p in parts.items() if p.sentences},
        "tables": {
            name: records(table)
            for p in parts.values()
            for name, table in p.tables.items()
            if len(table) <= MOST
        },
        "files": dict(frames.checksums),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows as JSON takes them: no NaN, no numpy scalars."""
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in table.to_dict("records")
    ]


def usual_workers() -> int:
    """One a core; this process alone without the extra "parallel"."""
    there = all(importlib.util.find_spec(name) for name in ("joblib", "cloudpickle"))
    return (os.cpu_count() or 1) if there else 1


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def main() -> None:
    """Parse the command line, analyse, print the verdicts and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder of the report")
    parser.add_argument("--draws", type=int, default=800, help="bootstrap replicates")
    parser.add_argument("--seed", type=int, default=1, help="seed of the resampling")
    parser.add_argument(
        "--workers", type=int, default=usual_workers(), help="processes; all cores if left out"
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the study's frames")
    parser.add_argument(
        "--page", type=page_path, help="Markdown page whose tables are written anew"
    )
    options = parser.parse_args()
    words = ["python", "-m", "case_studies.batch_size", "--out", str(options.out)]
    words += ["--draws", str(options.draws), "--seed", str(options.seed)]
    frames = read_study(options.data)
    with progress_bar("batch-size study", quiet=False) as progress:
        tables, others = make_pieces(
            frames,
            draws=options.draws,
            seed=options.seed,
            workers=options.workers,
            progress=progress,
        )
    claims = list_claims(tables)
    files = make_files(frames, tables, claims, others, options.out, shlex.join(words))
    files |= gcn_on_cora.make_pages(
        options.out / "gcn-on-cora", shlex.join(words), options.draws, options.seed
    )
    if options.page:
        text = options.page.read_text("utf-8")
        every = tables | {name: t for p in others.values() for name, t in p.tables.items()}
        files[options.page] = fill_page(text, page_tables(text, every, claims)).encode()
        files[options.page.parent / PICTURE] = compact_svg(draw_curves(tables["curves"])).encode()
    write_together(files)
    console = Console(soft_wrap=True)
    for c in claims:
        console.print(Text(f"{c.claim} [{c.protocol}]: {c.verdict}. {c.finding}"))


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"batch_size: {error}")
