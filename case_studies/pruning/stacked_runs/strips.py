r"""Prune with other numbers of iterations, collecting epochs and penalties: the paper's figure 2.

    python -m case_studies.pruning.stacked_runs.strips --data FOLDER --out FOLDER [--device cuda]

Beside the paper's values (N_iter = N_prune = 10, L1_coeff = 1e-14) one of them at a time takes
others; the paper's rule chooses how much it prunes, magnitude and a causal criterion prune 98%.
Every data set, seed and setting leaves its file in the other FOLDER, which may be that of the
stacked runs: weights after pre-training that are there are used. The same command goes on where
it was stopped; in the end lenet_stacked_strips.parquet is made of all.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from case_studies.pruning.stacked_runs.cells import (
    NETWORK,
    Cell,
    Device,
    open_cell,
    read_row,
    write_row,
    write_rows,
)
from case_studies.pruning.stacked_runs.design import SOURCES, Study, methods
from case_studies.pruning.stacked_runs.joining import smaller
from causalhyper.errors import CausalHyperError
from causalhyper.frames.reading import read_frame
from causalhyper.frames.writing import write_frame
from causalhyper.granger.criteria import named
from collectors.ensembles.pruning import Method, ladder, posttrain_rows, pretrain_row, prune_chains
from collectors.pruning.seeding import random_state_kept

DEFAULT, PENALTY, SHARE = 10, 1e-14, 0.98
OTHERS = (5, 20)
"""Values of N_iter and of N_prune beside the paper's."""
PENALTIES = (1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18)
"""Values of L1_coeff, at the other parameters' defaults: the range of the paper's table 1."""
PUBLISHED, AT_SHARE = "causal-published", ("causal-covariance", "magnitude")
SETTINGS = ((DEFAULT, DEFAULT), *((n, DEFAULT) for n in OTHERS), *((DEFAULT, n) for n in OTHERS))
"""N_iter and N_prune of each setting."""
KEPT = ["sparsity", "validation_accuracy", "test_accuracy", "train_loss"]


def rules(setting: tuple[int, int]) -> tuple[Method, ...]:
    """Return what prunes in a setting: the paper's rule by all penalties only in the first.

    Parameters
    ----------
    setting : tuple of int
        N_iter and N_prune.

    Returns
    -------
    tuple of Method

    Examples
    --------
    >>> [m.name for m in rules((5, 10))]
    ['causal-published-1e-14', 'causal-covariance', 'magnitude']
    """
    penalties = PENALTIES if setting == SETTINGS[0] else (PENALTY,)
    own = []
    for l1 in penalties:
        name = f"{PUBLISHED}-{l1:g}"
        rule = named("causal-published", form="sums", l1=l1, name=name)
        own.append(Method(name, rule, scope="layer", free=True))
    return (*own, *(m for m in methods("main") if m.name in AT_SHARE))


def run_setting(cell: Cell, seed: int, setting: tuple[int, int]) -> list[dict[str, Any]]:
    """Prune by all rules of a setting, and train what is left.

    Parameters
    ----------
    cell : Cell
    seed : int
    setting : tuple of int
        N_iter and N_prune.

    Returns
    -------
    list of dict
        A row a network: dataset, network, protocol, method, target (NaN where the rule chose),
        seed, n_iter, n_prune, l1 (NaN but for the rule), and `KEPT`.
    """
    n_iter, n_prune = setting
    settings = replace(cell.study.settings, n_iter=n_iter, n_prune=n_prune)
    stack = replace(cell.of_seed(seed), settings=settings)
    path = cell.file(seed, "pretrained.npz")
    if not path.exists():
        write_row(path, *pretrain_row(stack))
    origin, _ = read_row(path, str(stack.task.device))
    way = ladder([SHARE], n_iter, settings.schedule)
    found = list(prune_chains(stack, rules(setting), way, origin, lambda _: None))
    rates = [settings.learning_rate] * len(found)
    trained = posttrain_rows(
        stack,
        origin,
        [p.kept for p in found],
        [n_iter] * len(found),
        rates,
        stop_on=cell.study.stop_on,  # type: ignore[arg-type]
    )
    rows = []
    for pruning, one in zip(found, trained, strict=True):
        free = pruning.target is None
        place = {"dataset": cell.source.name, "network": NETWORK, "protocol": "paper"}
        method = PUBLISHED if free else pruning.method
        target = float("nan") if pruning.target is None else pruning.target
        l1 = float(pruning.method.removeprefix(f"{PUBLISHED}-")) if free else float("nan")
        rows.append(
            place
            | {"method": method, "target": target, "seed": seed, "n_iter": n_iter}
            | {"n_prune": n_prune, "l1": l1}
            | {name: one.log[-1][name] for name in KEPT}
        )
    return rows


def part_of(cell: Cell, seed: int, setting: tuple[int, int]) -> Path:
    """Name the file of a setting."""
    return cell.file(seed, f"{setting[0]}x{setting[1]}-strips.parquet")


def missing(cells: Sequence[Cell]) -> Iterator[tuple[Cell, int, tuple[int, int]]]:
    """List what is left to do: a seed's settings before the next seed."""
    for seed in cells[0].study.seeds:
        for cell in cells:
            for setting in SETTINGS:
                if not part_of(cell, seed, setting).exists():
                    yield cell, seed, setting


def join(out: Path) -> Path:
    """Put the parts together; return the path of ``lenet_stacked_strips.parquet``."""
    parts = [read_frame(path, "row") for path in sorted(out.glob("*-s*-strips.parquet"))]
    path = out / "lenet_stacked_strips.parquet"
    write_frame(path, smaller(pd.concat(parts, ignore_index=True)))
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, prune what is missing, and put all together."""
    parser = _parser()
    options = parser.parse_args(arguments)
    study = Study(seeds=tuple(options.seeds), validation=options.validation)
    settings = replace(study.settings, n_pre=options.pre, n_post=options.post)
    study = replace(study, settings=settings, batch_size=options.batch_size)
    device = Device(options.device, options.engine, options.collecting, options.training)
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    chosen = [source for source in SOURCES if source.name in options.datasets]
    try:
        cells = [open_cell(options.data, one, study, device, options.out) for one in chosen]
        with random_state_kept((), devices):
            for cell, seed, setting in missing(cells):
                began = time.perf_counter()
                write_rows(part_of(cell, seed, setting), run_setting(cell, seed, setting))
                seconds = time.perf_counter() - began
                name = f"{cell.source.name} seed {seed}, {setting[0]} x {setting[1]}"
                sys.stderr.write(f"{name}: {seconds:.1f} s\n")
        parser._print_message(f"{join(options.out)}\n", sys.stdout)
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        kept = f"finished parts are in {options.out}, the same command goes on"
        parser.exit(130, f"\n{parser.prog}: stopped: {kept}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.pruning.stacked_runs.strips",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    study, device, names = Study(), Device(), [source.name for source in SOURCES]
    add = parser.add_argument
    add("--data", type=Path, default=Path("data"), help="folder of the images")
    add("--out", type=Path, required=True, help="folder of the frames")
    add("--device", default=device.name, help="where to train")
    add("--engine", default=device.engine, help="of convolutions, see stacked_runs")
    add("--collecting", default=device.collecting, help="precision while collecting")
    add("--training", default=device.training, help="precision before and after")
    add("--datasets", nargs="+", choices=names, default=["cifar10"])
    add("--seeds", nargs="+", type=int, default=study.seeds)
    add("--pre", type=int, default=study.settings.n_pre, help="epochs before")
    add("--post", type=int, default=study.settings.n_post, help="most epochs after")
    add("--batch-size", type=int, default=study.batch_size)
    add("--validation", type=int, help="images held out; each data set's own unless given")
    return parser


if __name__ == "__main__":
    main()
