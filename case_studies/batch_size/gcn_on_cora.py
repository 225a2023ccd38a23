"""The first 480 runs, GCN on Cora under two protocols, with a full page of their own."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from case_studies.batch_size.runs import GRAPH, ROLES
from causalhyper.cli.console import progress_bar
from causalhyper.frames import checksum, read_runs, select_runs
from causalhyper.queries import Analysis, analyze
from causalhyper.report import (
    Study,
    document_bytes,
    estimates_document,
    record_provenance,
    render_report,
)
from causalhyper.scm import fit

RUNS = Path(__file__).parent / "data" / "runs.parquet"
PROTOCOLS = {
    "equal_epochs": "equal epochs (100), fixed learning rate (Adam, 0.01)",
    "equal_updates": "equal updates (1,600), fixed learning rate (Adam, 0.01)",
}
AT = (16, 32, 64, 128, 256)
BASELINE = 512
TITLE = "Does batch size change what a GCN on Cora generalises?"


def analyze_design(runs: pd.DataFrame, design: str, draws: int, seed: int) -> Study:
    """Fit the papers' hypergraph to the runs of one design and ask everything of it.

    Each design is one matching protocol and is analysed apart. Seed blocks are what is resampled;
    each also has an intercept of its own in every mechanism, because a harder split moves
    complexity and accuracy together.
    """
    part = select_runs(runs, [f"design={design}"])
    model = fit(GRAPH, part, ROLES, protocol=PROTOCOLS[design], cluster="seed", context="seed")
    with progress_bar(design, quiet=False) as progress:
        analysis: Analysis = analyze(
            model, "B", "G", at=AT, baseline=BASELINE, draws=draws, seed=seed, progress=progress
        )
    return Study(analysis, part)


def make_pages(folder: Path, command: str, draws: int, seed: int) -> dict[Path, bytes]:
    """The page and the documents of both designs, by file; nothing is written."""
    provenance = record_provenance(command, RUNS.name, checksum(RUNS))
    runs = read_runs(RUNS)
    studies = {d: analyze_design(runs, d, draws, seed) for d in PROTOCOLS}
    files = {folder / "index.html": render_report([*studies.values()], provenance, title=TITLE)}
    for design, study in studies.items():
        document = estimates_document(study.analysis, provenance)
        files[folder / f"{design}.json"] = document_bytes(document)
    return files
