"""Train and measure the study's text runs.

    python -m case_studies.batch_size.text_runs --data FOLDER --out FOLDER [--device cuda]

The data's FOLDER is what `prepare` wrote. Every arm and batch size is a file in the other FOLDER;
the same command goes on where it was stopped. --measure tells beforehand how long it will take;
--join makes text.parquet and text_tuning.parquet of the files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from case_studies.batch_size.text_runs.design import ARMS, RECIPES, SOURCES, Study
from case_studies.batch_size.text_runs.jobs import Job, study_jobs, total_size, tuning_jobs
from case_studies.batch_size.text_runs.joining import join
from case_studies.batch_size.text_runs.plan import plan
from case_studies.batch_size.text_runs.stacks import Cell, open_cell
from causalhyper.errors import CausalHyperError, ConfigurationError


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line; exit with 2 for a wrong call, 1 for a failed run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.device.startswith("cuda"):
            torch.set_float32_matmul_precision("high")
            torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape
        cells = list(_cells(options))
        if options.measure:
            for line in plan(cells, options.arms):
                parser._print_message(line + "\n", sys.stdout)
        elif options.join:
            join(cells, options.out)
        else:
            collect(cells, options.out, options.arms)
    except ConfigurationError as error:
        parser.error(str(error))
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        kept = f"finished parts are in {options.out}, the same command goes on"
        parser.exit(130, f"\n{parser.prog}: stopped: {kept}\n")


def collect(cells: Sequence[Cell], out: Path, arms: Sequence[str]) -> None:
    """Do what is missing, cell by cell."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn()) as progress:
        task = progress.add_task("text runs", total=sum(total_size(c, arms) for c in cells))
        for cell in cells:
            for job in _jobs(cell, out, arms):
                progress.update(task, description=job.name)
                job.run(lambda done: progress.update(task, advance=done))


def _jobs(cell: Cell, out: Path, arms: Sequence[str]) -> Iterator[Job]:
    yield from tuning_jobs(cell, out)
    yield from study_jobs(cell, out, arms)


def _cells(options: argparse.Namespace) -> Iterator[Cell]:
    study = replace(
        Study(),
        seeds=tuple(range(options.seeds)),
        sharpness_examples=options.sharpness_examples,
        products=options.products,
    )
    for recipe in RECIPES:
        for source in SOURCES:
            if recipe.name in options.models and source.name in options.datasets:
                yield open_cell(options.data, source, recipe, study, options.device)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.batch_size.text_runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    models, datasets = [r.name for r in RECIPES], [s.name for s in SOURCES]
    study = Study()
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder of the prepared texts")
    add("--out", type=Path, required=True, help="folder of the frames")
    add("--seeds", type=_positive, default=len(study.seeds), help="networks of each kind")
    add("--device", default="cpu", help="where to train")
    add("--datasets", nargs="+", choices=datasets, default=datasets)
    add("--models", nargs="+", choices=models, default=models)
    add("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    add("--sharpness-examples", type=_positive, default=study.sharpness_examples)
    add("--products", type=_positive, default=study.products, help="of the Lanczos process")
    add("--measure", action="store_true", help="tell how long it will take, and stop")
    add("--join", action="store_true", help="put finished parts together, and stop")
    return parser


def _positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
