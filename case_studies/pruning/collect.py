"""Prune LeNet by every criterion from paired seeds, and write one row a run.

    python -m case_studies.pruning.collect --data FILE --out FOLDER [--device cuda]

FILE is an npz of images with x_train, y_train, x_test, y_test. A stopped call goes on.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import torch

from case_studies.pruning.images import load_parts
from causalhyper.errors import CausalHyperError
from causalhyper.granger.criteria import Criterion, named
from collectors.networks import LeNet
from collectors.pruning import PruningSettings, PruningTask, prune_many

CRITERIA: dict[str, str | Criterion] = {
    "dense": "dense",
    "causal-correlation": named("causal", statistic="correlation", name="causal-correlation"),
    "causal-covariance": named("causal", statistic="covariance", name="causal-covariance"),
    "causal-marginal": named("causal", statistic="marginal", name="causal-marginal"),
    "causal-shifted": named(
        "causal-shifted",
        criterion=named("causal", statistic="covariance"),
        name="causal-covariance-shifted",
    ),
    "causal-ridge": "causal-ridge",
    "movement": "movement",
    "fisher": "fisher",
    "magnitude": "magnitude",
    "lamp": "lamp",
    "taylor": "taylor",
    "random": "random",
}
BATCH = 512


def make_task(data: Path, device: str) -> PruningTask:
    """Make LeNet and its data, as the paper has them."""
    parts = load_parts(data, device, BATCH)
    _, channels, size, _ = parts["train"].images.shape
    network = partial(LeNet, channels=channels, size=size)
    return PruningTask(network, **parts, device=device)


def main() -> None:
    """Parse the command line, and prune."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="images, npz")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--criteria", nargs="+", choices=CRITERIA, default=list(CRITERIA))
    parser.add_argument("--seeds", nargs="+", type=int, default=range(5), help="from 0")
    parser.add_argument("--sparsities", nargs="+", type=float, default=[0.9, 0.97, 0.99])
    parser.add_argument("--post", type=int, default=200, help="most epochs of post-training")
    options = parser.parse_args()
    # some kernels of a GPU add in an order of their own; these do not
    torch.backends.cudnn.deterministic = True
    prune_many(
        make_task(options.data, options.device),
        criteria=[CRITERIA[name] for name in options.criteria],
        seeds=options.seeds,
        sparsities=options.sparsities,
        out=options.out,
        settings=PruningSettings(n_post=options.post),
    )


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"pruning: {error}")
