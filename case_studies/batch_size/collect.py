"""Train and measure the runs of this study: a GCN on Cora at six batch sizes, two designs.

    python -m case_studies.batch_size.collect --data FOLDER --out FILE [--seeds 40] [--workers 2]

FOLDER holds (or receives) Cora; FILE is the Parquet frame. A stopped sweep goes on where it was.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from collectors.graphs import load_planetoid
from collectors.node_runs import NodeRun, train_and_measure
from collectors.sweep import sweep

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
N_TRAIN = 1024
"""Twice the largest batch and a multiple of all, so that every batch is full."""
EPOCHS = 100
"""Of the design "equal_epochs": 200 updates at B = 512, 6,400 at B = 16."""
UPDATES = 1600
"""Of the design "equal_updates": what 100 epochs are at B = 64."""


def design(seeds: int) -> list[NodeRun]:
    """All runs, seed block by seed block, both designs."""
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


def main() -> None:
    """Parse the command line and sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with or for Cora")
    parser.add_argument("--out", type=Path, required=True, help="Parquet frame to append to")
    parser.add_argument("--seeds", type=int, default=40, help="seed blocks")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    options = parser.parse_args()
    sweep(
        design(options.seeds),
        partial(train, folder=options.data),
        options.out,
        workers=options.workers,
    )


if __name__ == "__main__":
    main()
