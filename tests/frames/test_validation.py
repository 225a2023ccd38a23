import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames import Roles
from tests.frames.samples import ROLES, only, problems, runs, validate


def test_good_runs_come_back_as_a_clean_copy():
    frame = runs()
    before = frame.copy(deep=True)
    clean = validate(frame, cluster=["dataset"], context=("dataset",))
    assert clean.index.tolist() == [0, 1, 2, 3]
    assert clean.columns.tolist() == frame.columns.tolist()
    assert all(clean[name].dtype == np.float64 for name in ROLES.columns)
    assert clean["batch_size"].tolist() == [16.0, 64.0, 16.0, 64.0]
    assert clean["dataset"].tolist() == frame["dataset"].tolist()
    assert clean["extra"].dtype == frame["extra"].dtype
    clean.loc[0, "extra"] = 99
    clean.loc[0, "sharpness"] = 99
    pd.testing.assert_frame_equal(frame, before)


def test_whole_numbers_can_name_runs():
    assert validate(runs(run_id=[1, 2, 3, 4]))["run_id"].tolist() == [1, 2, 3, 4]


def test_all_problems_are_found_at_once_in_a_fixed_order():
    frame = runs(
        run_id=["a", "a", None, " "],
        batch_size=32,
        grad_noise=[0.0, 1.0, np.nan, 2.0],
        sharpness=["5", "6", "?", "7"],
        test_accuracy=[83.9, 80.0, 0.5, 61.0],
        dataset=["m", "m", None, "c"],
    )
    found = problems(frame, cluster=["datset"], context=["dataset"])
    assert [(p.column, p.rule, p.rows) for p in found] == [
        ("datset", "is missing", 4),
        ("run_id", "must not be empty", 2),
        ("run_id", "must be unique", 2),
        ("batch_size", "the treatment must take two values at least, it never varies", 4),
        ("grad_noise", "must not be missing", 1),
        ("grad_noise", "must be above 0 for log10", 1),
        ("sharpness", "must hold numbers, not text", 1),
        ("test_accuracy", "must be from 0 to 1", 3),
        ("dataset", "a context label must not be empty", 1),
    ]
    assert found == problems(frame, cluster=["datset"], context=["dataset"])


def test_an_empty_frame_is_refused():
    assert only(runs().iloc[:0]).rule == "the frame is empty"
    assert {p.rule for p in problems(pd.DataFrame())} == {"the frame is empty", "is missing"}


def test_a_missing_column_is_refused_with_the_nearest_name():
    frame = runs(run_id=None).rename(columns={"sharpness": "Sharpnes", "extra": "runid"})
    found = problems(frame)
    assert [(p.column, p.remedy) for p in found] == [
        ("run_id", "did you mean 'runid'?"),
        ("sharpness", "did you mean 'Sharpnes'?"),
    ]


def test_repeated_columns_are_refused_even_where_they_play_no_role():
    frame = runs()
    frame = pd.concat([frame, frame[["sharpness", "extra"]]], axis=1)
    found = problems(frame)
    assert [(p.column, p.rule) for p in found] == [
        ("sharpness", "stands 2 times in the frame"),
        ("extra", "stands 2 times in the frame"),
    ]


def test_a_count_with_a_fraction_is_refused():
    problem = only(runs(batch_size=[16.0, 64.5, 16.0, 64.0]))
    assert (problem.rule, problem.rows) == ("must be a whole number", 1)
    assert problem.example == "64.5 (run 'b')"


def test_a_percentage_is_recognised():
    problem = only(runs(test_accuracy=[83.9, 80.0, 61.0, 100.0]))
    assert problem.remedy == "83.9 looks like a percentage; divide by 100"
    assert (problem.rows, problem.example) == (4, "83.9 (run 'a')")


@pytest.mark.parametrize("values", [[0.5, 83.9, -1.0, 0.2], [0.5, 183.9, 0.1, 0.2]])
def test_what_no_percentage_can_be_is_not_called_one(values):
    assert "percentage" not in only(runs(test_accuracy=values)).remedy


def test_a_range_of_the_outcome_takes_the_place_of_the_known_one():
    percent = runs(test_accuracy=[83.9, 80.0, 61.0, 100.0])
    assert validate(percent, outcome_range=(0, 100))["test_accuracy"].max() == 100.0
    problem = only(percent, outcome_range=(0, 90))
    assert (problem.rule, problem.rows) == ("must be from 0 to 90, the outcome's range", 1)


def test_a_range_applies_to_an_outcome_of_an_unknown_column():
    roles = Roles.parse(["B=batch_size", "G=f1"])
    frame = runs(f1=[83.9, 80.0, 61.0, 70.0])
    assert len(validate(frame, roles=roles)) == 4
    problem = only(frame, roles=roles, outcome_range=(0.0, 1.0))
    assert problem.remedy == "83.9 looks like a percentage; divide by 100"


def test_known_columns_that_play_no_role_are_not_checked():
    roles = Roles.parse(["B=batch_size", "G=test_accuracy"])
    assert len(validate(runs(grad_noise=-1.0), roles=roles)) == 4


def test_a_mediator_outside_its_known_range_is_refused():
    roles = Roles.parse(["B=batch_size", "N=grad_noise", "G=test_accuracy"])
    problem = only(runs(grad_noise=[1.0, -2.0, 3.0, 4.0]), roles=roles)
    assert (problem.rule, problem.example) == ("must be at least 0", "-2 (run 'b')")


def test_one_run_has_no_contrast():
    assert "never varies" in only(runs().iloc[:1]).rule


def test_repeated_and_whole_number_run_ids_are_shown_plainly():
    problem = only(runs(run_id=[7, 8, 7, 7]))
    assert (problem.rule, problem.rows, problem.example) == ("must be unique", 3, "7")


def test_examples_need_no_run_id():
    found = problems(runs(run_id=None, sharpness=[1.0, np.inf, 2.0, 3.0]))
    assert [p.example for p in found] == ["", "inf"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"treatment": "b"}, "no role for the node 'b'; the nodes with a role are B, N, S, G"),
        ({"outcome": "C"}, "no role for the node 'C'"),
        ({"outcome": "B"}, "treatment and outcome are both 'B'"),
        ({"cluster": "dataset"}, "expected cluster as a list of columns; got the text 'dataset'"),
        ({"context": "dataset"}, "expected context as a list of columns"),
        ({"outcome_range": (1.0, 0.0)}, "with low below high"),
        ({"roles": {"B": "batch_size"}}, "use Roles.parse"),
    ],
)
def test_a_wrong_call_is_a_configuration_error(options, message):
    with pytest.raises(ConfigurationError, match=message):
        validate(runs(), **options)


def test_only_a_flat_frame_can_be_validated():
    with pytest.raises(ConfigurationError, match="expected a pandas DataFrame; got dict"):
        validate({"run_id": ["a"]})
    with pytest.raises(ConfigurationError, match="several levels"):
        validate(pd.concat({"x": runs()}, axis=1))


@pytest.mark.parametrize("given", [1, (0,), (0, 1, 2), ("0", 1), (0.0, np.nan)])
def test_a_range_is_two_numbers_with_the_lower_first(given):
    with pytest.raises(ConfigurationError, match="low below high"):
        validate(runs(), outcome_range=given)


@pytest.mark.parametrize("names", [3, [None], [3]])
def test_labels_are_columns_named_by_text(names):
    with pytest.raises(ConfigurationError, match="expected context as a list of columns"):
        validate(runs(), context=names)


def test_a_column_named_by_a_number_is_refused_with_how_to_rename_it():
    roles = Roles.parse(["B=batch_size", "G=0"])
    problem = only(runs().rename(columns={"test_accuracy": 0}), roles=roles)
    assert problem.column == "0"
    assert "frame.rename(columns=str)" in problem.remedy
    renamed = runs().rename(columns={"test_accuracy": 0}).rename(columns=str)
    assert validate(renamed, roles=roles)["0"].tolist() == [0.9, 0.8, 0.7, 0.6]


@pytest.mark.parametrize("dtype", ["object", "string", "category"])
def test_labels_that_differ_by_blanks_alone_are_refused(dtype):
    frame = runs(dataset=pd.Series(["m ", " m", "c", "c"]).astype(dtype))
    problem = only(frame, context=["dataset"])
    assert (problem.rows, problem.example) == (1, "' m' beside 'm '")
    assert "str.strip()" in problem.remedy
    padded = validate(runs(dataset=["m ", "m ", "c", "c"]), context=["dataset"])
    assert padded["dataset"].nunique() == 2


def test_copies_of_rows_under_new_names_are_warned_of():
    frame = pd.concat([runs(), runs().iloc[[2, 0]].assign(run_id=["e", "f"], dataset="x")])
    with pytest.warns(UserWarning, match=r"2 of 6 runs repeat others.*'e' \(as run 'c'\)"):
        assert len(validate(frame)) == 6


def test_runs_that_agree_in_coarse_measurements_are_no_copies():
    # a single fine column, and equal values that other columns tell apart, are no evidence
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"run_id": range(400), "batch_size": np.tile([16, 64], 200)})
    frame["grad_noise"] = rng.integers(1, 30, 400)
    frame["sharpness"] = rng.integers(1, 4, 400)
    frame["test_accuracy"] = rng.integers(80, 100, 400) / 100
    measured = ["batch_size", "grad_noise", "sharpness", "test_accuracy"]
    assert frame.duplicated(measured).any()
    validate(frame)
    fine = frame.assign(grad_noise=rng.normal(5, 0.1, 400), sharpness=rng.normal(size=400))
    fine.loc[1, ["grad_noise", "batch_size"]] = fine.loc[0, ["grad_noise", "batch_size"]]
    validate(fine)


def test_collapsed_runs_that_agree_are_no_copies():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"run_id": range(60), "batch_size": np.tile([16, 64], 30)})
    for name in ("grad_noise", "sharpness", "test_accuracy"):
        frame[name] = rng.uniform(0.2, 1, 60)
    frame.loc[[3, 5, 7], ["grad_noise", "sharpness", "test_accuracy"]] = [0.01, 0.02, 0.1]
    validate(frame)
