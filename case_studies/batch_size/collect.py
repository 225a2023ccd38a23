"""Train and measure the runs of this study: a GCN on Cora at six batch sizes, two designs.

    python -m case_studies.batch_size.collect --data FOLDER --out FILE [--seeds 40] [--workers 2]

FOLDER holds (or receives) Cora; FILE is the Parquet frame. A stopped sweep goes on where it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from causalhyper.errors import CausalHyperError, ConfigurationError
from collectors.graphs import load_planetoid
from collectors.node_runs import NodeRun, train_and_measure
from collectors.sweeps import sweep

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
N_TRAIN = 1024
"""Twice the largest batch and a multiple of all, so that every batch is full."""
EPOCHS = 100
"""Of the design "equal_epochs": 200 updates at B = 512, 6,400 at B = 16."""
UPDATES = 1600
"""Of the design "equal_updates": what 100 epochs are at B = 64."""


def design(seeds: int) -> list[NodeRun]:
    """All runs, seed block by seed block, both designs.

    At B = 64 the two designs are one configuration under two names.
    """
    return [
        NodeRun(name, seed, batch, updates, n_train=N_TRAIN)
        for seed in range(seeds)
        for batch in BATCH_SIZES
        for name, updates in (
            ("equal_epochs", EPOCHS * N_TRAIN // batch),
            ("equal_updates", UPDATES),
        )
    ]


def train(run: NodeRun, folder: Path) -> dict[str, object]:
    """Train one run on Cora from `folder`."""
    return train_and_measure(run, load_planetoid("cora", folder))


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line and sweep; exit with 2 for a wrong call, 1 for a failed run."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        load_planetoid("cora", options.data)  # once: no download, or an early one by one process
        sweep(
            design(options.seeds),
            partial(train, folder=options.data),
            options.out,
            workers=options.workers,
        )
    except ConfigurationError as error:
        parser.error(str(error))
    except CausalHyperError as error:
        parser.exit(1, f"{parser.prog}: error: {error}\n")
    except KeyboardInterrupt:
        kept = f"finished runs are in {options.out}, the same command goes on"
        parser.exit(130, f"\n{parser.prog}: stopped: {kept}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m case_studies.batch_size.collect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with or for Cora")
    parser.add_argument("--out", type=Path, required=True, help="Parquet frame to append to")
    parser.add_argument("--seeds", type=_positive, default=40, help="seed blocks")
    parser.add_argument("--workers", type=_positive, default=1, help="processes")
    return parser


def _positive(text: str) -> int:
    """Read a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1; got {text!r}")
    return int(text)


if __name__ == "__main__":
    main()
