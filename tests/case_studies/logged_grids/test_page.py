"""The page's tables are what the shipped frames give, and the frames are whole and small."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from case_studies.batch_size.logged_grids import __main__ as study
from case_studies.batch_size.logged_grids.benchmarks import BENCHMARKS, FCNET, HPOBENCH
from case_studies.batch_size.logged_grids.cells import (
    average_cells,
    read_best,
    read_cells,
    tune_everything,
)
from case_studies.batch_size.logged_grids.reading import read_logged_runs, to_factorial
from case_studies.batch_size.logged_grids.study import (
    NOISE,
    SHIPPED,
    Frames,
    answer,
    read_shipped,
    share_variance,
    true_contrast,
)
from case_studies.batch_size.logged_grids.sweep_study import SIZES
from case_studies.batch_size.logged_grids.sweeps import LOGGERS, true_effect
from case_studies.batch_size.logged_grids.tables import page_tables, to_markdown
from tests.case_studies.logged_grids.synthetic import SMALL, write_logs

PAGE = Path(__file__).parents[3] / "docs" / "logged-grids.md"


@pytest.fixture(scope="module")
def frames() -> Frames:
    return read_shipped()


@pytest.fixture(scope="module")
def answers(frames: Frames) -> dict[str, pd.DataFrame]:
    return answer(frames)


def test_every_table_of_the_page_is_what_the_shipped_frames_give(answers) -> None:
    page = PAGE.read_text("utf-8")
    tables = page_tables(answers)
    assert len(tables) == 14
    for name, table in tables.items():
        assert to_markdown(table) in page, f"the page has another table of {name}"


def test_the_study_writes_tables_frames_and_figures(
    answers, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(study, "answer", lambda frames: answers)
    monkeypatch.setattr("sys.argv", ["study", "--out", str(tmp_path / "out")])
    study.main()
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"tables.md", "effects.csv", "logged_cells.parquet"} < written
    assert {name for name in written if name.endswith(".svg")} == {
        p.name for p in (PAGE.parent / "images").glob("logged-grids-*.svg")
    }
    text = (tmp_path / "out" / "tables.md").read_text("utf-8")
    assert text.strip() in capsys.readouterr().out
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "out" / "logged_cells.parquet"), read_shipped().cells
    )


def test_the_shipped_frames_are_small_and_whole(frames: Frames) -> None:
    assert sum((SHIPPED / name).stat().st_size for name in frames.files) < 400_000
    shapes = {HPOBENCH.name: (8, 10, 10, 5), FCNET.name: (4, 4, 6, 4)}
    for name, benchmark in BENCHMARKS.items():
        cells = read_cells(frames.cells, benchmark)
        assert cells.outcome.shape == shapes[name]
        assert set(benchmark.sampled) <= set(cells.batch)
        best = read_best(frames.best, benchmark)
        assert best.shape == (*shapes[name][:2], shapes[name][3])
        sign = 1 if benchmark.maximise else -1
        # the best of all configurations beats the mean over them at every rate
        means = (sign * cells.outcome).mean(axis=-1).max(axis=2)
        assert ((sign * best).mean(axis=-1) > means).all()
    counts = frames.sweeps.groupby(["benchmark", "logger", "n", "estimator"]).size()
    assert (counts == 300).all()
    assert set(frames.sweeps["logger"]) == set(LOGGERS)
    assert set(frames.sweeps["n"]) == set(SIZES)


def test_shares_of_terms_sum_to_one(frames: Frames) -> None:
    terms = frames.shares[frames.shares["term"] != NOISE]
    totals = terms.groupby(["benchmark", "dataset"])["share"].sum()
    assert len(totals) == 12
    assert totals.to_numpy() == pytest.approx(1, abs=1e-5)


def test_the_noise_of_seeds_is_the_share_that_pure_noise_has(tmp_path) -> None:
    rng = np.random.default_rng(1)
    write_logs(tmp_path, lambda *_: rng.normal())
    factorial = to_factorial(read_logged_runs(tmp_path, SMALL), SMALL)
    shares = share_variance(factorial).set_index(["dataset", "term"])["share"]
    # 36 configurations of three seeds: the ratio of two estimates of one variance
    assert shares["a", NOISE] == pytest.approx(1, abs=0.6)
    exact = factorial.outcome[0].var(axis=-1, ddof=1).mean() / 3
    assert shares["a", NOISE] == pytest.approx(
        exact / factorial.outcome[0].mean(axis=-1).var(), rel=1e-5
    )


def test_everything_is_tuned_on_the_other_seeds(tmp_path) -> None:
    def outcome(dataset: str, batch: int, rate: float, width: int, seed: int) -> float:
        lucky = seed == 1 and rate == 0.001 and width == 4
        return 100.0 * lucky + (rate == 0.1) * (width == 8) + batch / 1000

    factorial = to_factorial(read_logged_runs(write_logs(tmp_path, outcome), SMALL), SMALL)
    best = read_best(tune_everything(factorial), SMALL)
    # the lucky run draws the other two seeds to its configuration, and gains nothing itself
    expected = np.array([0.0, 1.0, 0.0]) + np.array([8, 16, 32])[:, None] / 1000
    np.testing.assert_allclose(best, np.broadcast_to(expected, best.shape), rtol=1e-6)


def test_the_truth_of_the_sweeps_is_the_same_from_cells_and_from_all_runs(tmp_path) -> None:
    write_logs(tmp_path, lambda d, b, r, w, s: b**0.5 + r * w + s)
    factorial = to_factorial(read_logged_runs(tmp_path, SMALL), SMALL)
    cells = read_cells(average_cells(factorial), SMALL)
    assert true_contrast(cells) == pytest.approx(8**0.5 - 32**0.5, rel=1e-5)
    assert true_effect(factorial) == pytest.approx(true_contrast(cells), rel=1e-5)


def test_the_page_says_what_the_sweeps_found(answers) -> None:
    found = answers["sweeps"].set_index(["benchmark", "logger", "n", "estimator"]).sort_index()
    truth = {b: true_contrast(read_cells(read_shipped().cells, BENCHMARKS[b])) for b in BENCHMARKS}
    for name in BENCHMARKS:
        naive = found.loc[(name, LOGGERS[1], 1000, "difference")]
        assert naive["coverage"] == 0
        assert np.sign(truth[name] + naive["bias"]) == -np.sign(truth[name])
        adjusted = found.loc[(name, LOGGERS[1], 1000, "adjusted")]
        assert abs(adjusted["bias"]) < 0.12 * abs(naive["bias"])
        random = found.loc[(name, LOGGERS[0])]
        assert (random["coverage_upper"] >= 0.95).all()
