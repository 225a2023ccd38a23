"""Claims about what a choice says of itself."""

import warnings

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures.penalties import plot_penalties
from causalhyper.granger.choice import (
    PenaltyChoice,
    choose_by_count,
    choose_by_cross_validation,
    choose_by_ebic,
    choose_given,
)
from causalhyper.granger.choice.result import TABLE
from causalhyper.granger.lasso import DenseColumns, lasso_path
from tests.granger.choice.samples import planted

X, Y = planted(rows=60, width=40)
DESIGN = DenseColumns(X)
WAYS = {
    "given": lambda: choose_given(DESIGN, Y, 0.2),
    "count": lambda: choose_by_count(DESIGN, Y, kept=6),
    "entry order": lambda: choose_by_count(DESIGN, Y, kept=6, by="entry"),
    "cross-validation": lambda: choose_by_cross_validation(DESIGN, Y, blocks=3, lambdas=20),
    "ebic": lambda: choose_by_ebic(DESIGN, Y, lambdas=20),
}
LABELS = {"cross-validation": "R² out of the sample", "ebic": "extended BIC"}


@pytest.fixture(scope="module", params=WAYS)
def choice(request):
    return WAYS[request.param]()


def test_the_table_has_a_row_a_penalty_and_marks_the_one_chosen(choice):
    frame = choice.to_frame()
    assert tuple(frame.columns) == (*TABLE, "chosen")
    assert frame.loc[frame["chosen"], "lambda"].tolist() == [choice.lambda_]
    assert (frame["kept"] == [len(c) for c in choice.path.columns]).all()
    assert frame["r2_out"].notna().all() == (choice.how == "cross-validation")


def test_the_fit_is_that_of_the_penalty_alone(choice):
    alone = lasso_path(DESIGN, Y, lambdas=[choice.lambda_])
    np.testing.assert_allclose(choice.coefficients, alone.dense(0)[choice.columns], atol=1e-9)
    assert choice.intercept == pytest.approx(alone.intercepts[0])


def test_the_selected_columns_carry_the_penalty_where_they_entered(choice):
    frame = choice.selected()
    assert frame["column"].tolist() == choice.columns.tolist()
    for row in frame.itertuples():
        ins = [row.column in c for c in choice.path.columns]
        assert row.entry == choice.path.lambdas[ins.index(True)]


def test_the_last_line_of_the_summary_is_the_outcome(choice):
    *_, regime, _, last = choice.summary().splitlines()
    assert last.startswith(f"{len(choice.columns)} of 40 columns are kept at lambda = ")
    assert "it keeps at most 40 columns" in regime


def test_the_figure_shows_what_the_choice_went_by(choice):
    axes = choice.plot()
    assert axes.get_ylabel() == LABELS.get(choice.how, "columns kept")
    (line,) = [line for line in axes.get_lines() if line.get_label() == "chosen"]
    assert line.get_xdata()[0] == choice.lambda_
    assert choice.plot(axes) is axes


def test_a_fit_that_has_not_converged_says_so():
    wide = np.tile(X, 30) + 0.5 * np.random.default_rng(1).normal(size=(60, 1200))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        choice = choose_given(DenseColumns(wide), Y, 1e-3, max_passes=2)
    assert "NOT converged" in choice.summary()


def test_a_penalty_that_is_none_is_refused():
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ConfigurationError, match="one penalty above zero"):
            choose_given(DESIGN, Y, wrong)
    with pytest.raises(ConfigurationError, match="leave out lambdas"):
        choose_given(DESIGN, Y, 1.0, lambdas=5)


def test_a_choice_whose_parts_do_not_belong_together_is_refused():
    sound = WAYS["given"]()
    parts = {name: getattr(sound, name) for name in PenaltyChoice.__slots__}
    with pytest.raises(ConfigurationError, match="a row a penalty of the path, 1"):
        PenaltyChoice(**parts | {"table": sound.table.iloc[:0]})
    with pytest.raises(ConfigurationError, match="the path has no penalty 3"):
        PenaltyChoice(**parts | {"at": 3})


def test_a_figure_of_something_else_is_refused():
    frame = WAYS["given"]().to_frame()
    with pytest.raises(ConfigurationError, match="shows one of"):
        plot_penalties(frame, quantity="gap", chosen=1.0)
    with pytest.raises(ConfigurationError, match="penalties above zero"):
        plot_penalties(frame.assign(**{"lambda": 0.0}), quantity="kept", chosen=1.0)
