"""Prune LeNet by every method from paired seeds, many networks side by side on one device.

    python -m case_studies.pruning.stacked_runs --data FOLDER --out FOLDER [--device cuda]

The data's FOLDER holds fashion_mnist.npz, cifar10.npz and tiny_imagenet50.npz (those that are
asked for by --datasets), or what `prepare` made of them. Every data set, seed and stage leaves its
files in the other FOLDER; the same command goes on where it was stopped. --measure tells
beforehand how long it will take, engine by engine, and --profile what takes the time; --join makes
lenet_stacked_runs.parquet and others of the files.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from case_studies.pruning.stacked_runs.cells import Cell, Device, open_cell
from case_studies.pruning.stacked_runs.choosing import Choice, chosen_cell, fastest
from case_studies.pruning.stacked_runs.design import SETS, SOURCES, Study, methods
from case_studies.pruning.stacked_runs.jobs import STAGES, jobs
from case_studies.pruning.stacked_runs.joining import join
from case_studies.pruning.stacked_runs.planning import plan
from case_studies.pruning.stacked_runs.profiling import write_profile
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames import write_atomic
from collectors.ensembles.pruning.networks import LENET_ENGINES
from collectors.pruning.seeding import random_state_kept

LIKELY = ("conv-loop", "conv-unfold", "fused", "fused-aligned", "fused-wide")
"""What "auto" chooses among; --measure times others too. Each needs seconds to be compiled."""
PRECISIONS = ("float32", "tf32", "bfloat16")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line; exit with 2 for a wrong call, 1 for a failed run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.join:
            for path in join(options.out):
                parser._print_message(f"{path}\n", sys.stdout)
            return
        cells = _cells(options)
        if options.measure is not None:
            for line in plan(cells, options.measure or LIKELY):
                parser._print_message(line + "\n", sys.stdout)
                sys.stdout.flush()
        else:
            if options.engine == "auto":
                cells = [_with_fastest(cell) for cell in cells]
            if options.profile is not None:
                write_profile(cells, options.profile)
                return
            collect(cells, options.stages)
    except ConfigurationError as error:
        parser.error(str(error))
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        kept = f"finished parts are in {options.out}, the same command goes on"
        parser.exit(130, f"\n{parser.prog}: stopped: {kept}\n")


def collect(cells: Sequence[Cell], stages: Sequence[str]) -> None:
    """Do what is missing, and tell of it on the error stream.

    Parameters
    ----------
    cells : sequence of Cell
        One a data set.
    stages : sequence of str
        Which.
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with random_state_kept((), devices):
        for job in jobs(cells, stages):
            began = time.perf_counter()
            sys.stderr.write(f"{job.name}, {job.epochs} epochs at most ...")
            sys.stderr.flush()
            job.run(lambda _: None)
            sys.stderr.write(f" {time.perf_counter() - began:.1f} s\n")


def _with_fastest(cell: Cell) -> Cell:
    """Return a cell with the engine that is fastest here, which is measured once."""
    path = cell.out / f"{cell.source.name}-engine.txt"
    if not path.exists():
        found = fastest(cell, LIKELY, lambda line: sys.stderr.write(line + "\n"))
        words = f"{found.collecting} {found.training} {found.at_once}"
        write_atomic(path, words.encode())
    collecting, training, at_once = path.read_text().split()
    return chosen_cell(cell, Choice(collecting, training, int(at_once)))


def _cells(options: argparse.Namespace) -> list[Cell]:
    torch.backends.cudnn.benchmark = options.benchmark
    usual = Study()
    settings = replace(
        usual.settings,
        n_pre=options.pre,
        n_iter=options.iterations,
        n_prune=options.collecting_epochs,
        n_post=options.post,
    )
    study = replace(
        usual,
        seeds=tuple(options.seeds),
        tuning_seeds=tuple(options.tuning_seeds),
        sparsities=tuple(options.sparsities),
        with_published=not options.without_published,
        tuned_at=options.tuned_at,
        strong_sparsities=_strong(options, usual),
        batch_size=options.batch_size,
        validation=options.validation,
        settings=settings,
        stop_on=options.stop_on,
        chosen=tuple(options.methods),
        kept_seeds=options.kept_seeds,
        kept_methods=tuple(options.kept_methods),
        kept_targets=tuple(options.kept_targets),
        protocol=options.protocol,
    )
    if both := set(study.seeds) & set(study.tuning_seeds):
        raise ConfigurationError(f"seed {min(both)} is both one of the table and of the tuning")
    if study.tuned_at not in study.sparsities:
        raise ConfigurationError(
            f"rates are tuned at one of the sparsities {study.sparsities}; got {study.tuned_at}"
        )
    if strange := set(study.strong_sparsities) - set(study.sparsities):
        raise ConfigurationError(
            f"the strong protocol has some of the sparsities {study.sparsities}; got "
            f"{min(strange)}"
        )
    if study.kept_seeds and (strange := set(study.kept_targets) - set(study.sparsities)):
        raise ConfigurationError(
            f"weights are kept at some of the sparsities {study.sparsities}; got {min(strange)}"
        )
    engine = "vmap" if options.engine == "auto" else options.engine
    precisions = options.collecting, options.training
    device = Device(options.device, engine, *precisions, options.at_once, descent=options.descent)
    chosen = [source for source in SOURCES if source.name in options.datasets]
    return [open_cell(options.data, source, study, device, options.out) for source in chosen]


def _strong(options: argparse.Namespace, usual: Study) -> tuple[float, ...]:
    """The sparsities of the strong protocol: as asked for, or the usual ones that there are."""
    if options.strong_sparsities is not None:
        return tuple(options.strong_sparsities)
    return tuple(s for s in usual.strong_sparsities if s in options.sparsities)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.pruning.stacked_runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    study, device, names = Study(), Device(), [source.name for source in SOURCES]
    settings = study.settings
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of the images")
    add("--out", type=Path, required=True, help="folder of the frames")
    add("--device", default=device.name, help="where to train")
    add("--datasets", nargs="+", choices=names, default=names[:2])
    add("--stages", nargs="+", choices=STAGES, default=["pretrain", "main", "lasso", "overlaps"])
    add("--seeds", nargs="+", type=int, default=study.seeds)
    add("--tuning-seeds", nargs="+", type=int, default=study.tuning_seeds)
    add("--sparsities", nargs="+", type=float, default=study.sparsities)
    add("--without-published", action="store_true", help="not at the paper's sparsity")
    add("--protocol", choices=("paper", "ladder"), default=study.protocol,
        help="of the paper's rate; ladder: many sparsities, in a folder of its own")  # fmt: skip
    add("--tuned-at", type=float, default=study.tuned_at, help="sparsity of the tuning")
    add(
        "--strong-sparsities",
        nargs="+",
        type=float,
        help="of the strong protocol, among the others; those of its own unless given",
    )
    add("--pre", type=int, default=settings.n_pre, help="epochs before")
    add("--iterations", type=int, default=settings.n_iter)
    add("--collecting-epochs", type=int, default=settings.n_prune, help="of each iteration")
    add("--post", type=int, default=settings.n_post, help="most epochs after")
    add("--stop-on", choices=("train", "validation"), default=study.stop_on)
    add("--kept-seeds", type=int, default=study.kept_seeds, metavar="N",
        help="keep final weights of the first N seeds, for curvature_runs")  # fmt: skip
    every_method = ["dense", *(m.name for chosen in SETS for m in methods(chosen))]
    add("--kept-methods", nargs="+", choices=every_method, default=study.kept_methods,
        metavar="METHOD", help="whose weights")  # fmt: skip
    add("--kept-targets", nargs="+", type=float, default=study.kept_targets,
        help="at which sparsities; always at the paper's, too")  # fmt: skip
    add("--batch-size", type=int, default=study.batch_size)
    add("--validation", type=int, help="images held out; each data set's own unless given")
    named = [m.name for m in methods("main") if m.counts_of is None]
    add("--methods", nargs="+", choices=named, default=[], metavar="NAME",
        help="of the main set, with the controls of each; all unless given")  # fmt: skip
    every = (*LENET_ENGINES, "vmap")
    add("--engine", choices=("auto", *every), default=device.engine, help="of convolutions")
    add("--collecting", choices=PRECISIONS, default=device.collecting, help="precision")
    add("--descent", choices=PRECISIONS, help="of gradients that collecting follows")
    add("--training", choices=PRECISIONS, default=device.training, help="precision")
    add("--benchmark", action="store_true", help="let cuDNN try its kernels first")
    add("--at-once", type=int, default=device.at_once, help="networks a pass at most")
    add("--measure", nargs="*", choices=every, help="tell the time, and stop")
    add("--profile", type=Path, metavar="FILE", help="write what takes time in steps, and stop")
    add("--join", action="store_true", help="put finished parts together, and stop")
    return parser


if __name__ == "__main__":
    main()
