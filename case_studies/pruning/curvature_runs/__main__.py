"""Measure how flat the minima of the kept networks are, one network after the other.

    python -m case_studies.pruning.curvature_runs --data FOLDER --weights FOLDER --out FOLDER \
        [--device cuda]

`case_studies.pruning.stacked_runs --kept-seeds N` and `case_studies.pruning.deep_runs --keep
METHOD ...` leave the weights; the data's FOLDER is that of the runs. Every network leaves a file,
the same command goes on where it was stopped; in the end (or by --join alone) all are put into
lenet_flatness.parquet, lenet_surfaces.parquet and others, by network.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from case_studies.pruning.curvature_runs.measuring import (
    Images,
    Wanted,
    draw_images,
    measure_flatness,
    measure_surfaces,
    place_of,
)
from case_studies.pruning.curvature_runs.parts import Which, join, missing_parts
from case_studies.pruning.kept_weights import KeptNetwork
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames.writing import write_frame
from collectors.ensembles.pruning.networks import arithmetic

MEASURE: dict[str, Callable[[KeptNetwork, Images, Wanted], pd.DataFrame]] = {
    "flatness": measure_flatness,
    "surfaces": measure_surfaces,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line; exit with 2 for a wrong call, 1 for a failed run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if not options.join:
            _measure_all(options)
        for path in join(options.out):
            size = path.stat().st_size / 1e3
            parser._print_message(f"{path} {size:.0f} kB\n", sys.stdout)
    except ConfigurationError as error:
        parser.error(str(error))
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        kept = f"what was measured is in {options.out}, the same command goes on"
        parser.exit(130, f"\n{parser.prog}: stopped: {kept}\n")


def _measure_all(options: argparse.Namespace) -> None:
    wanted = Wanted(**{name: getattr(options, name) for name in Wanted.__slots__})
    asked = options.weights, _which(options), wanted, options.out
    count = sum(1 for _ in missing_parts(*asked))
    drawn: dict[Hashable, Images] = {}
    with arithmetic("float32", torch.device(options.device)), _bar(count) as told:
        for network, kind, path in missing_parts(*asked):
            place = place_of(network)
            if place not in drawn:
                drawn[place] = draw_images(options.data, network, wanted, options.device)
            began = time.perf_counter()
            frame = MEASURE[kind](network, drawn[place], wanted)
            write_frame(path, frame)
            told(f"{network.names['run_id']} {kind} {time.perf_counter() - began:.1f} s")


@contextmanager
def _bar(total: int) -> Iterator[Callable[[str], None]]:
    """Show on the error stream how many are measured, with a line each where it is no terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("measuring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("measuring", total=total)

        def told(line: str) -> None:
            bar.update(task, advance=1)
            console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield told


def _which(options: argparse.Namespace) -> Which:
    lists = ("datasets", "protocols", "methods", "seeds", "surface_methods")
    chosen = {name: tuple(getattr(options, name)) for name in lists}
    return Which(**chosen, surface_seeds=options.surface_seeds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.pruning.curvature_runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    wanted, which = Wanted(), Which()
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of the images")
    add("--weights", type=Path, default=Path("weights"), help="folder of the runs")
    add("--out", type=Path, required=True, help="folder of the frames")
    add("--device", default="cpu", help="where to measure")
    add("--datasets", nargs="+", default=(), help="all that were kept, if none is named")
    add("--protocols", nargs="+", default=(), help="likewise")
    add("--methods", nargs="+", default=(), help="likewise")
    add("--seeds", nargs="+", type=int, default=(), help="likewise")
    add("--examples", type=int, default=wanted.examples, help="training images")
    add("--batch", type=int, default=wanted.batch, help="images of one pass")
    add("--top", type=int, default=wanted.top, help="largest eigenvalues")
    add("--tolerance", type=float, default=wanted.tolerance, help="relative, of each")
    add("--products", type=int, default=wanted.products, help="for the trace")
    add("--surface-methods", nargs="*", default=which.surface_methods, metavar="METHOD")
    add("--surface-seeds", type=int, default=which.surface_seeds, metavar="N",
        help="surfaces of the first N seeds")  # fmt: skip
    add("--points", type=int, default=wanted.points, help="of a surface, along each axis; odd")
    add("--span", type=float, default=wanted.span, help="of a surface, in filters")
    add("--join", action="store_true", help="put finished parts together, and stop")
    return parser


if __name__ == "__main__":
    main()
