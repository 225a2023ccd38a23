import pickle

import pytest

from causalhyper.errors import (
    CausalHyperError,
    ConfigurationError,
    DataError,
    GraphError,
    Problem,
)

PROBLEMS = (
    Problem("seed", "is missing", 60, "", "did you mean 'sed'?"),
    Problem("n_test", "must be at least 1", 1, "0", "count the test examples"),
)


@pytest.mark.parametrize("kind", [ConfigurationError, GraphError, DataError])
def test_every_error_has_the_one_root(kind):
    assert issubclass(kind, CausalHyperError)


def test_bad_data_is_no_bad_configuration():
    assert not issubclass(DataError, ConfigurationError)
    assert issubclass(GraphError, ConfigurationError)


def test_a_data_error_lists_every_problem_on_a_line_of_its_own():
    lines = str(DataError("the runs frame has 2 problems", PROBLEMS)).splitlines()
    assert lines == [
        "the runs frame has 2 problems:",
        "  - 'seed': is missing; 60 rows; did you mean 'sed'?",
        "  - 'n_test': must be at least 1; 1 row; for example 0; count the test examples",
    ]


def test_a_data_error_without_problems_is_its_message():
    error = DataError("the file is empty")
    assert str(error) == "the file is empty"
    assert error.problems == ()


def test_a_data_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(DataError("2 problems", iter(PROBLEMS))))
    assert error.problems == PROBLEMS
    assert str(error) == str(DataError("2 problems", PROBLEMS))
