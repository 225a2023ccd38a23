"""Train the networks of both experiments, and write what came out.

    python -m case_studies.outlook.collect --data FILE --out FOLDER [--seeds 25] [--device cuda]

FILE is FashionMNIST as an npz with x_train, y_train, x_test, y_test. A minute each on a GPU.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from case_studies.outlook import learning_rates, reinitialisation
from case_studies.outlook.images import load_images
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.frames.writing import write_frame

EXPERIMENTS = {"learning_rates": learning_rates, "reinitialisation": reinitialisation}


def main() -> None:
    """Parse the command line, train, and write a frame an experiment."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="FashionMNIST, npz")
    parser.add_argument("--out", type=Path, required=True, help="folder of the frames")
    parser.add_argument("--seeds", type=int, default=25, help="networks an arm and learning rate")
    parser.add_argument("--device", default="cpu", help="where to train")
    parser.add_argument("--only", choices=EXPERIMENTS, help="one experiment of the two")
    options = parser.parse_args()
    if options.seeds < 1:
        raise ConfigurationError(f"expected at least 1 seed; got {options.seeds}")
    images = load_images(options.data, options.device)
    for name, experiment in EXPERIMENTS.items():
        if options.only in (None, name):
            frame = experiment.run(images, range(options.seeds), options.device)
            write_frame(options.out / f"{name}.parquet", frame)


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"outlook: {error}")
