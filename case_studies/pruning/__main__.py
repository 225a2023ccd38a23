"""Analyse the prunings and write one report, with every table as CSV and one JSON document.

    python -m case_studies.pruning [--out report] [--data FOLDER] [--page docs/pruning-study.md]

The page is `index.html`; `tables/` has every table, `study.json` verdicts, sentences and tables.
`--page` writes what stands between the markers of a Markdown page anew, and the picture beside
it. Needs no torch and no network; `case_studies.pruning.collect` made the runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from case_studies.batch_size.report.markdown_page import page_path
from case_studies.pruning.figures import draw_standing
from case_studies.pruning.logs import DATA, read_frames
from case_studies.pruning.markdown_page import filled, without_ladders
from case_studies.pruning.page import render_study
from case_studies.pruning.page_parts import part_pictures
from case_studies.pruning.study import PruningStudy, analyse
from causalhyper.errors import CausalHyperError
from causalhyper.frames import write_together
from causalhyper.report.pruning import table_records

PICTURE = Path("images", "pruning-study.svg")
"""The verdict page's picture, beside it."""
SCHEMA = "causalhyper.pruning_study/1"


def make_files(study: PruningStudy, out: Path, command: str) -> dict[Path, bytes]:
    """Every file of the report by its path; nothing is written.

    Parameters
    ----------
    study : PruningStudy
    out : Path
        Folder.
    command : str
        As typed, for the page.

    Returns
    -------
    dict of Path to bytes
    """
    content = {
        "schema": SCHEMA,
        "sentences": list(study.sentences),
        "tables": {name: table_records(table) for name, table in study.tables.items()},
        "files": dict(study.frames.checksums),
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    files = {out / "index.html": render_study(study, command)}
    files[out / "study.json"] = f"{text}\n".encode()
    for name, table in study.tables.items():
        files[out / "tables" / f"{name}.csv"] = table.to_csv(index=False).encode()
    return files


def page_files(study: PruningStudy, page: Path) -> dict[Path, bytes]:
    """The verdict page with its blocks written anew, and its pictures.

    Parameters
    ----------
    study : PruningStudy
    page : Path
        Markdown.

    Returns
    -------
    dict of Path to bytes
    """
    files = {page: filled(page.read_text("utf-8"), study).encode()}
    fewer = without_ladders(study)
    if drawn := draw_standing(fewer.frames, fewer.tables["contrasts"]):
        files[page.parent / PICTURE] = drawn.encode()
    for name, drawn in part_pictures(study).items():
        files[page.parent / PICTURE.parent / name] = drawn.encode()
    return files


def main() -> None:
    """Parse the command line, analyse, print the verdicts and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("report"), help="folder of the report")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the study's frames")
    parser.add_argument(
        "--page", type=page_path, help="Markdown page whose blocks are written anew"
    )
    options = parser.parse_args()
    words = ["python", "-m", "case_studies.pruning", "--out", str(options.out)]
    if options.data != DATA:
        words += ["--data", str(options.data)]
    study = analyse(read_frames(options.data))
    files = make_files(study, options.out, shlex.join(words))
    if options.page:
        files |= page_files(study, options.page)
    write_together(files)
    console = Console(soft_wrap=True)
    for c in study.claims:
        where = f"{c.cell}, {c.criterion}" if c.criterion else c.cell
        console.print(Text(f"{c.claim} [{where}]: {c.verdict}. {c.finding} {c.sure}"))


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"pruning: {error}")
