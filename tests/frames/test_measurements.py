import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from tests.frames.samples import only, runs, validate


@pytest.mark.parametrize(
    "dtype",
    [
        "int64",
        "int8",
        "uint16",
        "float32",
        "Int64",
        "Float64",
        "int64[pyarrow]",
        "double[pyarrow]",
        "object",
        "category",
    ],
)
def test_measurements_of_any_numeric_dtype_are_read(dtype):
    sizes = pd.Series([16, 64, 16, 64]).astype(dtype)
    clean = validate(runs(batch_size=sizes))
    assert clean["batch_size"].dtype == np.float64
    assert clean["batch_size"].tolist() == [16.0, 64.0, 16.0, 64.0]


def test_decimals_are_measurements():
    cells = pd.Series([Decimal("0.5"), Decimal("0.25"), Decimal(0), Decimal(1)], dtype=object)
    assert validate(runs(test_accuracy=cells))["test_accuracy"].tolist() == [0.5, 0.25, 0.0, 1.0]


@pytest.mark.parametrize("dtype", ["object", "string", "str", "string[pyarrow]", "category"])
def test_labels_of_any_dtype_are_accepted_and_left_as_they_are(dtype):
    labels = pd.Series(["m", "m", "c", "c"]).astype(dtype)
    ids = pd.Series(["a", "b", "c", "d"]).astype(dtype)
    clean = validate(runs(dataset=labels, run_id=ids), cluster=["dataset"])
    assert clean["dataset"].dtype == labels.dtype
    assert clean["run_id"].dtype == ids.dtype


@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]", "category"])
def test_null_labels_are_found_in_any_dtype(dtype):
    labels = pd.Series(["m", None, "c", "c"]).astype(dtype)
    problem = only(runs(dataset=labels), context=["dataset"])
    assert (problem.column, problem.rows) == ("dataset", 1)
    assert problem.rule == "a context label must not be empty"


@pytest.mark.parametrize(
    "series",
    [
        pd.Series([0.9, None, 0.7, None], dtype="Float64"),
        pd.Series([0.9, np.nan, 0.7, np.nan]),
        pd.Series([0.9, None, 0.7, pd.NA], dtype=object),
        pd.Series([0.9, None, 0.7, None], dtype="double[pyarrow]"),
        pd.Series([0.9, None, 0.7, None]).astype("category"),
    ],
)
def test_missing_outcomes_are_refused_with_a_reminder_that_divergence_is_an_outcome(series):
    problem = only(runs(test_accuracy=series))
    assert (problem.column, problem.rule, problem.rows) == (
        "test_accuracy",
        "must not be missing",
        2,
    )
    assert problem.example == "nan (run 'b')"
    assert "diverged is an outcome, not a missing row" in problem.remedy


def test_infinite_measurements_are_refused():
    problem = only(runs(sharpness=[1.0, np.inf, -np.inf, 2.0]))
    assert (problem.rule, problem.rows, problem.example) == ("must be finite", 2, "inf (run 'b')")


def test_a_number_too_large_for_a_float_is_infinite():
    assert only(runs(sharpness=pd.Series([1, 10**400, 2, 3], dtype=object))).rows == 1


@pytest.mark.parametrize("dtype", ["object", "string", "string[pyarrow]", "category"])
def test_text_that_looks_like_numbers_is_refused_with_how_to_convert_it(dtype):
    problem = only(runs(sharpness=pd.Series(["1", "2.5", None, "4"]).astype(dtype)))
    assert (problem.rule, problem.rows) == ("must hold numbers, not text", 3)
    assert problem.example == "'1' (run 'a')"
    assert problem.remedy == "convert with pandas.to_numeric(frame['sharpness'])"


def test_text_that_is_no_number_is_shown_before_text_that_is():
    problem = only(runs(sharpness=["1", "n/a?", "3", "oops"]))
    assert (problem.rows, problem.example) == (2, "'n/a?' (run 'b')")


def test_names_of_a_choice_are_refused_with_the_indicator_to_ask_about():
    problem = only(runs(sharpness=["sgd", "sam", None, "sgd"]))
    assert (problem.rule, problem.rows) == ("must hold numbers, not text", 3)
    assert "an indicator of 0 and 1" in problem.remedy
    frame = pd.DataFrame({"sharpness": ["sgd", "sam", "sgd"]})
    made = eval(problem.remedy.split(" = ")[1], {"frame": frame})
    assert made.tolist() == [1, 0, 1]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object", "category"])
def test_booleans_are_no_measurements(dtype):
    problem = only(runs(sharpness=pd.Series([True, False, True, True]).astype(dtype)))
    assert (problem.rule, problem.rows) == ("must hold numbers, not true and false", 4)
    assert problem.example == "True (run 'a')"


@pytest.mark.parametrize(
    "series",
    [
        pd.Series(pd.date_range("2024-01-01", periods=4)),
        pd.Series(pd.to_timedelta([1, 2, 3, 4], unit="s")),
        pd.Series([1j, 2j, 3j, 4j]),
        pd.Series([datetime.date(2024, 1, 1)] * 4),
    ],
)
def test_dates_durations_and_complex_numbers_are_no_measurements(series):
    problem = only(runs(sharpness=series))
    assert problem.rule.startswith("must hold numbers, not ")
    assert problem.rows == 4


@pytest.mark.parametrize("column", ["sharpness", "test_accuracy"])
@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["53.3%", "61 %", "-2%", "7%"], [0.533, 0.61, -0.02, 0.07]),
        (["11,017.4", "980", "-1,000", "2,500,000"], [11017.4, 980, -1000, 2500000]),
        (["0,533", "0.5", "12,25", "7"], [0.533, 0.5, 12.25, 7]),
        (["11,017.4", 980.0, 3, "1,000"], [11017.4, 980, 3, 1000]),
    ],
)
def test_numbers_with_signs_and_separators_are_refused_with_how_to_convert_them(
    column, texts, numbers
):
    frame = runs(**{column: texts})
    made = eval(only(frame).remedy.split(": ")[1], {"frame": frame})
    np.testing.assert_allclose(made, numbers)


def test_an_outcome_is_never_taken_for_a_choice():
    problem = only(runs(test_accuracy=["good", "bad", "good", "bad"]))
    assert problem.remedy.startswith("correct these values")


def test_percentages_beside_shares_are_not_all_divided():
    problem = only(runs(sharpness=["53%", 0.5, "61%", 0.4]))
    assert problem.remedy.startswith("correct these values")
