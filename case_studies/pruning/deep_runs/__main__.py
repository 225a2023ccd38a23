"""Prune ResNet18, AlexNet and LeNet by many methods from paired seeds, one network at a time.

    python -m case_studies.pruning.deep_runs --data FOLDER --out FOLDER [--device cuda]

The data's FOLDER holds fashion_mnist.npz, cifar10.npz and tiny_imagenet50.npz, or what
`case_studies.pruning.stacked_runs.prepare` made of them. Every network, data set, seed and stage
leaves its files in the other FOLDER; the same command goes on where it was stopped, also within a
long post-training. --measure tells within a minute how long it will take; --join makes
deep_runs.parquet and others of the files, which `python -m case_studies.pruning` reads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from case_studies.pruning.deep_runs.cells import Cell, Device, open_cell
from case_studies.pruning.deep_runs.design import ALL, NETWORKS, SOURCES, Study
from case_studies.pruning.deep_runs.jobs import run_seed
from case_studies.pruning.deep_runs.timing import plan
from case_studies.pruning.deep_runs.trainings import STAGES
from case_studies.pruning.stacked_runs.joining import join
from causalhyper.errors import CausalHyperError, ConfigurationError
from collectors.pruning.seeding import random_state_kept

PRECISIONS = ("float32", "tf32", "bfloat16")
CHANGES = {
    "n_pre": ("--pre", "epochs before"),
    "n_iter": ("--iterations", "of pruning"),
    "n_prune": ("--collecting-epochs", "of each iteration"),
    "n_post": ("--post", "most epochs after"),
}
"""Settings that an option changes for all networks."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line; exit with 2 for a wrong call, 1 for a failed run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    try:
        if options.join:
            for path in join(options.out, "deep"):
                parser._print_message(f"{path}\n", sys.stdout)
            return
        torch.backends.cudnn.benchmark = options.benchmark
        with random_state_kept((), devices):
            if options.measure:
                for line in plan(_cells(options)):
                    parser._print_message(line + "\n", sys.stdout)
                    sys.stdout.flush()
                return
            for cell in _cells(options):
                for stage in (s for s in STAGES if s in options.stages):
                    for seed in options.tuning_seeds if stage == "tuning" else options.seeds:
                        run_seed(cell, seed, stage)
    except ConfigurationError as error:
        parser.error(str(error))
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        kept = f"finished parts are in {options.out}, the same command goes on"
        parser.exit(130, f"\n{parser.prog}: stopped: {kept}\n")


def _cells(options: argparse.Namespace) -> Iterator[Cell]:
    """Open one cell after another: data sets in the order of the options, of each its networks."""
    study = Study(
        seeds=tuple(options.seeds),
        sparsities=tuple(options.sparsities),
        with_published=not options.without_published,
        batch_size=options.batch_size,
        validation=options.validation,
        later=options.later,
        stop_on=options.stop_on,
        changes={n: v for n in CHANGES if (v := getattr(options, n)) is not None},
        methods=tuple(options.methods) if options.methods else None,
        initialisation=options.initialisation,
        side=options.side,
        kept=tuple(options.keep),
        tuning_seeds=tuple(options.tuning_seeds),
        rates=tuple(options.rates),
        tuned_at=options.tuned_at,
    )
    if both := set(study.seeds) & set(study.tuning_seeds):
        raise ConfigurationError(f"seed {min(both)} is both one of the table and of the tuning")
    if {"tuning", "strong"} & {*options.stages} and study.tuned_at not in study.sparsities:
        raise ConfigurationError(
            f"rates are tuned at one of the sparsities {study.sparsities}; got {study.tuned_at}"
        )
    device = Device(
        options.device,
        options.collecting,
        options.training,
        options.compile,
        options.checkpoint_seconds,
    )
    networks = {network.name: network for network in NETWORKS}
    sources = {source.name: source for source in SOURCES}
    for source in options.datasets:
        for network in options.networks:
            chosen = networks[network], sources[source]
            yield open_cell(options.data, *chosen, study, device, options.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.pruning.deep_runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    study, device = Study(), Device()
    names, sets = [n.name for n in NETWORKS], [s.name for s in SOURCES]
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of the images")
    add("--out", type=Path, required=True, help="folder of the frames")
    add("--device", default=device.name, help="where to train")
    add("--networks", nargs="+", choices=names, default=names[:2])
    add("--datasets", nargs="+", choices=sets, default=sets)
    add("--methods", nargs="+", metavar="METHOD", help=f"of {', '.join(ALL)}")
    add("--stages", nargs="+", choices=STAGES, default=STAGES[:1], help="at the paper's rate; "
        "rates tried on other seeds; at the best of them")  # fmt: skip
    add("--seeds", nargs="+", type=int, default=study.seeds)
    add("--tuning-seeds", nargs="+", type=int, default=study.tuning_seeds)
    add("--rates", nargs="+", type=float, default=study.rates, help="that are tried")
    add("--tuned-at", type=float, default=study.tuned_at, help="share pruned")
    add("--sparsities", nargs="+", type=float, default=study.sparsities)
    add("--without-published", action="store_true", help="not at the paper's sparsity")
    for name, (option, text) in CHANGES.items():
        add(option, dest=name, type=int, help=f"{text}; each network's own unless given")
    add("--later", type=int, default=study.later, help="epochs of Adam of methods -later")
    add("--stop-on", choices=("train", "validation"), default=study.stop_on)
    add("--batch-size", type=int, default=study.batch_size)
    add("--validation", type=int, help="images held out; each data set's own unless given")
    add("--initialisation", choices=("torch", "published"), help="of the first weights")
    add("--side", type=int, help="pixels a side of AlexNet's images; 64 unless given")
    add("--collecting", choices=PRECISIONS, default=device.collecting, help="precision")
    add("--training", choices=PRECISIONS, default=device.training, help="precision")
    add("--compile", action="store_true", help="compile the networks")
    add("--benchmark", action="store_true", help="let cuDNN try its kernels first")
    add("--keep", nargs="+", default=[], metavar="METHOD", help="write its final weights too")
    add("--checkpoint-seconds", type=float, default=device.seconds, help="of post-training")
    add("--measure", action="store_true", help="tell the time, and stop")
    add("--join", action="store_true", help="put finished parts together, and stop")
    return parser


if __name__ == "__main__":
    main()
