"""Analyse two factorials of training runs that others logged.

    python -m case_studies.batch_size.logged_grids --out FOLDER [--data FOLDER] [--replicates 8]

Without --data it answers from the frames that the repository ships, in seconds. With the folder
of hpobench_nn.csv.gz and hpolib_fcnet.csv.gz it reads all 2.2 million runs and makes the frames
anew. docs/logged-grids.md says where the files come from.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from pathlib import Path

from rich.console import Console

from case_studies.batch_size.logged_grids.figures import draw_all
from case_studies.batch_size.logged_grids.study import answer, make_frames, read_shipped
from case_studies.batch_size.logged_grids.tables import page_tables, to_markdown
from causalhyper.cli.console import progress_bar
from causalhyper.errors import CausalHyperError
from causalhyper.frames import write_together


def main() -> None:
    """Parse the command line, answer, print the tables and write everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of tables and figures")
    parser.add_argument("--data", type=Path, help="folder of the two files of logs")
    parser.add_argument("--replicates", type=int, default=8, help="sweeps of each kind")
    options = parser.parse_args()
    began = time.perf_counter()
    if options.data is None:
        frames = read_shipped()
    else:
        with progress_bar("reading runs, drawing sweeps", quiet=False) as progress:
            frames = make_frames(options.data, options.replicates, progress)
    answers = answer(frames)
    tables = page_tables(answers)
    page = "\n\n".join(f"## {name}\n\n{to_markdown(table)}" for name, table in tables.items())
    files = {options.out / "tables.md": f"{page}\n".encode()}
    for name, frame in answers.items():
        text = frame.to_csv(index=False, lineterminator="\n")
        files[options.out / f"{name}.csv"] = text.encode()
    for name, frame in frames.files.items():
        stream = io.BytesIO()
        frame.to_parquet(stream, index=False)
        files[options.out / name] = stream.getvalue()
    for name, svg in draw_all(frames.cells, answers, frames.sweeps).items():
        files[options.out / name] = svg.encode()
    write_together(files)
    console = Console(soft_wrap=True)
    console.print(page, markup=False, highlight=False)
    spent = time.perf_counter() - began
    console.print(f"\n{len(files)} files in {options.out}, {spent:.1f} s", highlight=False)


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"logged_grids: {error}")
