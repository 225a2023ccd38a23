"""Judge both experiments from the logged trainings: paired differences from the plain counterpart.

python -m case_studies.outlook [--out FOLDER]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.text import Text

from case_studies.outlook.analysis import TUNING, judged, tuned_rates
from causalhyper.errors import CausalHyperError
from causalhyper.frames.writing import write_frame
from causalhyper.granger.pruning import PairedDifferences, paired_differences

DATA = Path(__file__).parent / "data"
CONTROL = {"learning_rates": "gamma_shifted", "reinitialisation": "random 0.2"}
"""An arm in which the loss of the step has no part, beside the plain counterpart."""
OUTCOMES = ("test_accuracy", "train_loss")


def differences(runs: pd.DataFrame, baseline: str, outcome: str) -> PairedDifferences:
    """Compare every arm with one on seeds not tuned on, each at the learning rate tuned for it."""
    frame = judged(runs, tuned_rates(runs)).assign(sparsity=0.0)
    return paired_differences(
        frame,
        baseline=baseline,
        outcome=outcome,
        method="arm",
        by=(),
        test_size=10_000 if outcome == "test_accuracy" else None,
        rng=np.random.default_rng(0),
    )


def main() -> None:
    """Parse the command line, print what was found, and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="folder for the tables, CSV")
    options = parser.parse_args()
    console = Console(soft_wrap=True)
    for name in CONTROL:
        runs = pd.read_parquet(DATA / f"{name}.parquet")
        chosen = tuned_rates(runs).round(4).to_string(index=False)
        console.print(Text(f"\n{name}: learning rates chosen on {TUNING} seeds\n{chosen}"))
        for baseline in ("plain", CONTROL[name]):
            for outcome in OUTCOMES:
                found = differences(runs, baseline, outcome)
                console.print(Text(f"\n{found.summary()}"))
                if options.out:
                    place = f"{name}_{outcome}_against_{baseline.replace(' ', '_')}.csv"
                    write_frame(options.out / place, found.to_frame())


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"outlook: {error}")
