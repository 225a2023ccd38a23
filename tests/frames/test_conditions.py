import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import select_runs

RUNS = pd.DataFrame({"run_id": ["a", "b", "c"], "seed": [1, 2, 2], "design": ["x", "x", "y"]})


def test_all_conditions_hold_for_the_runs_kept() -> None:
    kept = select_runs(RUNS, ["design=x", "seed=2"])
    assert kept["run_id"].tolist() == ["b"]
    assert kept.index.tolist() == [0]


def test_without_conditions_every_run_is_kept() -> None:
    pd.testing.assert_frame_equal(select_runs(RUNS, []), RUNS)


def test_an_unknown_column_is_refused_with_the_columns_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"no column 'plan'.*run_id, seed, design"):
        select_runs(RUNS, ["plan=x"])


@pytest.mark.parametrize("condition", ["design", "=x", ""])
def test_a_condition_of_another_form_is_refused(condition: str) -> None:
    with pytest.raises(ConfigurationError, match="expected such as"):
        select_runs(RUNS, [condition])


def test_a_condition_that_no_run_meets_is_refused_with_the_values_there_are() -> None:
    with pytest.raises(DataError, match="no run is left with design=z; 'design' has x, y"):
        select_runs(RUNS, ["design=z"])
