"""Analyse the shipped runs under both designs and write one report.

    python -m case_studies.batch_size [--out report] [--draws 2000] [--seed 1]

Each design is one matching protocol and is analysed apart. Seed blocks are what is resampled;
each also has an intercept of its own in every mechanism, because a harder split moves complexity
and accuracy together.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import pandas as pd

from causalhyper.cli.console import print_analysis, progress_bar
from causalhyper.errors import CausalHyperError
from causalhyper.frames import checksum, read_runs, select_runs, write_together
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
GRAPH = "B -> N; N -> S; {N, S} -> C; C -> G"
ROLES = {
    "B": "log2(batch_size)",
    "N": "log10(grad_noise)",
    "S": "log10(sharpness)",
    "C": "weight_norm",
    "G": "test_accuracy",
}
PROTOCOLS = {
    "equal_epochs": "equal epochs (100), fixed learning rate (Adam, 0.01)",
    "equal_updates": "equal updates (1,600), fixed learning rate (Adam, 0.01)",
}
AT = (16, 32, 64, 128, 256)
BASELINE = 512


def analyze_design(runs: pd.DataFrame, design: str, draws: int, seed: int) -> Study:
    """Fit the papers' hypergraph to the runs of one design and ask everything of it."""
    part = select_runs(runs, [f"design={design}"])
    model = fit(GRAPH, part, ROLES, protocol=PROTOCOLS[design], cluster="seed", context="seed")
    with progress_bar(design, quiet=False) as progress:
        analysis: Analysis = analyze(
            model, "B", "G", at=AT, baseline=BASELINE, draws=draws, seed=seed, progress=progress
        )
    return Study(analysis, part)


def main() -> None:
    """Parse the command line, analyse, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder of the report")
    parser.add_argument("--draws", type=int, default=2000, help="bootstrap replicates")
    parser.add_argument("--seed", type=int, default=1, help="seed of the resampling")
    options = parser.parse_args()
    words = ["python", "-m", "case_studies.batch_size", "--out", str(options.out)]
    words += ["--draws", str(options.draws), "--seed", str(options.seed)]
    provenance = record_provenance(shlex.join(words), RUNS.name, checksum(RUNS))
    runs = read_runs(RUNS)
    studies = {d: analyze_design(runs, d, options.draws, options.seed) for d in PROTOCOLS}
    title = "Does batch size change what a GCN on Cora generalises?"
    page = render_report(list(studies.values()), provenance, title=title)
    files = {options.out / "index.html": page}
    for design, study in studies.items():
        document = estimates_document(study.analysis, provenance)
        files[options.out / f"{design}.json"] = document_bytes(document)
    write_together(files)
    for study in studies.values():
        print_analysis(study.analysis)


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"batch_size: {error}")
