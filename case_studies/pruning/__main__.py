"""Compare criteria on the logged prunings, paired by seed at equal sparsity.

python -m case_studies.pruning
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.text import Text

from causalhyper.errors import CausalHyperError
from causalhyper.granger.pruning import PairedDifferences, paired_differences

LOG = Path(__file__).parent / "data" / "lenet_fashion_mnist.parquet"
TEST_SIZE = 10_000
CONTROL = "causal-covariance-shifted"


def final_rows(log: pd.DataFrame) -> pd.DataFrame:
    """Return the row of each pruning that says what came of it."""
    return log[log["stage"] == "final"].reset_index(drop=True)


def compare(final: pd.DataFrame, sparsity: float, baseline: str) -> PairedDifferences:
    """Compare all methods with one at a sparsity."""
    rows = final[(final["sparsity"] - sparsity).abs() < 1e-3]
    return paired_differences(rows, baseline=baseline, test_size=TEST_SIZE)


def main() -> None:
    """Print mean accuracies, and differences from magnitude and from the shifted control."""
    console = Console(soft_wrap=True)
    final = final_rows(pd.read_parquet(LOG))
    means = final.groupby(["sparsity", "method"])[["validation_accuracy", "test_accuracy"]]
    console.print(Text(means.mean().round(4).to_string()))
    for baseline in ("magnitude", CONTROL):
        console.print(Text(f"\n{compare(final, 0.98, baseline).summary()}"))


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"pruning: {error}")
