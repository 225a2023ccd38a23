"""Claims about selections rerun on rotated responses."""

from functools import partial

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice import choose_by_count, choose_given
from causalhyper.granger.lasso import DenseColumns, lasso_path
from causalhyper.granger.significance.shifts import ShiftFailedError, shifted_selection
from causalhyper.granger.significance.shifts.selection import outcome_of

PLAIN = {"trend": "none", "spread": "constant", "shifts": None}


def problem(rows=40, columns=30):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, columns))
    return x, 2 * x[:, 3] + rng.normal(size=rows)


def above(columns, y, cut=0.3):
    """Columns whose correlation is above a cut."""
    x = columns.matrix
    return np.flatnonzero(np.abs(np.corrcoef(x.T, y)[-1, :-1]) > cut)


def fail(columns, y):
    raise ValueError("no such thing")


def test_a_selection_is_rerun_on_every_rotation_of_the_response():
    x, y = problem()
    found = shifted_selection(DenseColumns(x), above, y, **PLAIN)
    kept = [above(DenseColumns(x), np.roll(y, s)) for s in range(40)]
    sizes = np.array([len(k) for k in kept])
    assert found.nulls["kept"].tolist() == sizes[1:].tolist()
    row = found.to_frame().iloc[0]
    assert row["p"] == (sizes >= sizes[0]).mean()
    assert row["expected"] == sizes[1:].mean()
    assert found.counts.tolist() == np.bincount(np.concatenate(kept[1:]), minlength=30).tolist()
    assert found.selected()["column"].tolist() == kept[0].tolist()


def test_a_trend_stays_where_it_is_while_the_remainder_rotates():
    x, y = problem()
    line = 10 * np.linspace(0, 1, 40)
    seen = []

    def watch(columns, response):
        seen.append(response)
        return {"slope": np.polyfit(np.arange(40), response, 1)[0]}

    shifted_selection(DenseColumns(x), watch, y + line, **(PLAIN | {"trend": "linear"}))
    fit = np.polyval(np.polyfit(np.arange(40), y + line, 1), np.arange(40))
    np.testing.assert_allclose(seen[7], fit + np.roll(y + line - fit, 7), rtol=1e-9, atol=1e-9)


def test_entry_penalties_of_paths_are_the_largest_covariances_of_rotated_responses():
    x, y = problem()
    found = shifted_selection(
        DenseColumns(x), partial(lasso_path, lambdas=20, ratio=0.1), y, **PLAIN
    )
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    top = np.array([np.abs(z.T @ np.roll(y, s)).max() / 40 for s in range(1, 40)])
    grid = found.nulls["entry_lambda"]
    # the first penalty of a path lets nothing in; the second is a step of the grid lower
    assert (grid <= top * (1 + 1e-9)).all()
    assert (grid >= top * 0.1 ** (2.01 / 19)).all()
    assert found.cutoff() == np.sort(grid)[-2]
    assert found.observed["entry_lambda"] > found.cutoff()


def test_bytes_are_the_same_with_two_workers():
    x, y = problem()
    select = partial(choose_by_count, kept=3)
    options = {"shifts": 4, "trend": "linear", "spread": "constant"}
    found = [
        shifted_selection(
            DenseColumns(x), select, y, rng=np.random.default_rng(1), workers=n, **options
        )
        for n in (1, 2)
    ]
    for name in ("kept", "r2_in", "lambda"):
        assert found[0].nulls[name].tobytes() == found[1].nulls[name].tobytes()


def test_a_choice_is_read_by_what_it_keeps():
    x, y = problem()
    choice = choose_given(DenseColumns(x), y, 0.4)
    numbers, columns = outcome_of(choice)
    assert numbers["kept"] == len(columns) == len(choice.columns)
    assert numbers["lambda"] == 0.4
    assert numbers["r2_in"] == choice.table["r2_in"].iloc[0]


def test_the_summary_ends_in_a_verdict_and_the_figure_shows_what_was_observed():
    x, y = problem()
    found = shifted_selection(DenseColumns(x), partial(choose_given, lambda_=1.0), y, **PLAIN)
    assert found.summary().splitlines()[-1] == ("Beyond 95% of the rotations: r2_in.")
    assert found.plot("r2_in").lines[-1].get_xdata()[0] == found.observed["r2_in"]


def test_failures_and_returns_of_no_use_are_told():
    x, y = problem()
    with pytest.raises(
        ShiftFailedError, match="the response as it is failed: ValueError: no such"
    ):
        shifted_selection(DenseColumns(x), fail, y, **PLAIN)
    with pytest.raises(ConfigurationError, match="numbers of the columns"):
        outcome_of(np.array([0.5]))
