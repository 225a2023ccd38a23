"""Search small networks for a pruning criterion, or say what the logged search found.

    python -m case_studies.pruning.search
    python -m case_studies.pruning.search --data FILE --out FILE --stage screen

FILE of --data is an npz of images with x_train, y_train, x_test, y_test. A stopped search goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.text import Text

from case_studies.pruning.search.reading import LOG, summarise
from causalhyper.errors import CausalHyperError


def main() -> None:
    """Parse the command line; search, or read what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="images, npz; unless given the log is read")
    parser.add_argument("--out", type=Path, default=Path("search.parquet"), help="rows, Parquet")
    parser.add_argument("--stage", choices=("screen", "steps"), default="screen")
    parser.add_argument("--seeds", nargs="+", type=int, default=range(3))
    parser.add_argument("--methods", nargs="+", help="arms by name; all unless given")
    options = parser.parse_args()
    console = Console(soft_wrap=True)
    if options.data is None:
        console.print(Text(summarise(pd.read_parquet(LOG))))
        return
    # torch is needed to search, not to read
    from case_studies.pruning.search.candidates import ARMS
    from case_studies.pruning.search.running import search

    frame = search(
        options.data,
        options.out,
        stage=options.stage,
        seeds=options.seeds,
        methods=options.methods or list(ARMS),
    )
    console.print(Text(summarise(frame)))


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"pruning search: {error}")
