"""Logs become tidy runs, a factorial and means of cells; wrong files give one clear error."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from case_studies.batch_size.logged_grids.cells import CELLS, average_cells, read_cells
from case_studies.batch_size.logged_grids.reading import read_logged_runs, to_factorial
from causalhyper.errors import ConfigurationError, DataError
from tests.case_studies.logged_grids.synthetic import (
    BATCHES,
    DATASETS,
    RATES,
    SMALL,
    WIDTHS,
    write_logs,
)


def score(dataset: str, batch: int, rate: float, width: int, seed: int) -> float:
    return DATASETS.index(dataset) + batch / 32 + rate + width / 100 + seed / 1000


def test_runs_are_tidy_and_short(tmp_path) -> None:
    runs = read_logged_runs(write_logs(tmp_path, score), SMALL)
    assert list(runs.columns) == SMALL.columns
    assert len(runs) == 2 * 3 * 4 * 3 * 3
    assert isinstance(runs["dataset"].dtype, pd.CategoricalDtype)
    assert runs["batch_size"].dtype == np.int8
    assert {runs[c].dtype for c in ("learning_rate", "score", "seconds")} == {np.dtype("float32")}
    for row in runs.sample(20, random_state=0).itertuples():
        expected = score(row.dataset, row.batch_size, row.learning_rate, row.width, row.seed)
        assert row.score == pytest.approx(expected, rel=1e-6)


def test_each_cell_of_the_factorial_holds_its_run_whatever_the_order_of_rows(tmp_path) -> None:
    factorial = to_factorial(read_logged_runs(write_logs(tmp_path, score), SMALL), SMALL)
    assert factorial.outcome.shape == (2, 3, 4, 3, 3)
    for d, b, r, w, s in np.ndindex(factorial.outcome.shape):
        expected = score(DATASETS[d], BATCHES[b], RATES[r], WIDTHS[w], s)
        assert factorial.outcome[d, b, r, w, s] == pytest.approx(expected, rel=1e-6)
    assert factorial.seconds[:, 1] == pytest.approx(100 / 16)


def test_cells_are_means_over_the_other_factors_and_come_back_as_arrays(tmp_path) -> None:
    factorial = to_factorial(read_logged_runs(write_logs(tmp_path, score), SMALL), SMALL)
    frame = average_cells(factorial)
    assert tuple(frame.columns) == CELLS
    cells = read_cells(frame.sample(frac=1, random_state=0), SMALL)
    np.testing.assert_allclose(cells.outcome, factorial.outcome.mean(axis=3), rtol=1e-6)
    assert cells.datasets == DATASETS
    assert cells.rate == pytest.approx(RATES)


def test_losses_are_taken_as_logarithms(tmp_path) -> None:
    losses = replace(SMALL, log=True)
    runs = read_logged_runs(write_logs(tmp_path, lambda *run: np.exp(score(*run))), losses)
    row = runs.iloc[0]
    expected = score(*row[["dataset", "batch_size", "learning_rate", "width", "seed"]])
    assert row["score"] == pytest.approx(expected, rel=1e-6)


def test_a_loss_that_has_no_logarithm_is_named(tmp_path) -> None:
    write_logs(tmp_path, lambda *run: 0.0)
    with pytest.raises(DataError, match=r"needs a loss above 0.*got 0\.0 in row 0"):
        read_logged_runs(tmp_path, replace(SMALL, log=True))


def test_a_folder_without_the_file_is_named(tmp_path) -> None:
    with pytest.raises(ConfigurationError, match=r"no file .*small\.csv\.gz"):
        read_logged_runs(tmp_path, SMALL)


def test_missing_columns_are_named(tmp_path) -> None:
    write_logs(tmp_path, score)
    with pytest.raises(DataError, match="lacks the columns depth"):
        read_logged_runs(tmp_path, replace(SMALL, factors=(*SMALL.factors, "depth")))


def test_a_file_that_was_cut_short_is_refused(tmp_path) -> None:
    path = write_logs(tmp_path, score) / SMALL.file
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot read"):
        read_logged_runs(tmp_path, SMALL)


@pytest.mark.parametrize("change", ["missing", "double"])
def test_a_factorial_with_holes_or_doubles_is_refused(tmp_path, change: str) -> None:
    runs = read_logged_runs(write_logs(tmp_path, score), SMALL)
    broken = runs.iloc[1:] if change == "missing" else pd.concat([runs, runs.iloc[:1]])
    counts = "1 are missing and 0 occur" if change == "missing" else "0 are missing and 1 occur"
    with pytest.raises(DataError, match=counts):
        to_factorial(broken, SMALL)
    frame = average_cells(to_factorial(runs, SMALL))
    with pytest.raises(DataError, match="no full grid"):
        read_cells(frame.iloc[1:], SMALL)
