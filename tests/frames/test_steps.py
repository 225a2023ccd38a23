import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import STEP_COLUMNS, read_steps, validate_steps, write_frame
from causalhyper.frames.trajectory import Layer, TrajectoryWriter


def steps(**columns):
    """Make five good steps of two runs, out of order, some columns replaced or dropped."""
    frame = pd.DataFrame(
        {
            "run_id": ["b", "a", "b", "a", "a"],
            "step": [1, 4, 0, 0, 2],
            "loss": [2.0, 1.0, 3.0, 5.0, -1.0],
            "loss_after": [1.5, 0.5, 2.5, np.nan, np.inf],
            "grad_noise": [None, 1, None, 2, None],
            "phase": list("vwxyz"),
        },
        index=[4, 4, 1, 2, 3],
    )
    for name, values in columns.items():
        frame = frame.drop(columns=name) if values is None else frame.assign(**{name: values})
    return frame


def problems(frame, **options):
    with pytest.raises(DataError, match="the steps frame has") as caught:
        validate_steps(frame, **options)
    return [str(problem) for problem in caught.value.problems]


def test_good_steps_come_back_in_order_with_clean_types():
    frame = steps()
    before = frame.copy()
    clean = validate_steps(frame, needs=["loss"])
    pd.testing.assert_frame_equal(frame, before)
    assert clean["phase"].tolist() == ["x", "v", "y", "z", "w"]
    assert clean["run_id"].tolist() == ["b", "b", "a", "a", "a"]
    assert clean["step"].tolist() == [0, 1, 0, 2, 4]
    assert clean.index.tolist() == [0, 1, 2, 3, 4]
    assert clean.dtypes[["step", "loss", "grad_noise"]].tolist() == [int, float, float]
    assert clean["grad_noise"].isna().tolist() == [True, True, False, True, False]


@pytest.mark.parametrize("name", ["run_id", "step"])
def test_the_columns_of_every_steps_frame_must_be_there(name):
    (problem,) = problems(steps(**{name: None}))
    assert problem.startswith(f"'{name}': is missing; 5 rows")


@pytest.mark.parametrize(
    ("columns", "needs", "said"),
    [
        (
            {"step": [1, 4, 0, 4, 2]},
            [],
            "'step': must be unique in its run; 2 rows; for example 4",
        ),
        (
            {"step": [1, 4, 0.5, 0, 2]},
            [],
            "'step': must be a whole number; 1 row; for example 0.5",
        ),
        ({"step": [1, 4, -1, 0, 2]}, [], "'step': must be at least 0; 1 row; for example -1"),
        ({"step": [1, 4, None, 0, 2]}, [], "'step': must not be missing; 1 row"),
        ({"run_id": ["b", "a", "b", "", "a"]}, [], "'run_id': a run label must not be empty"),
        ({"learning_rate": [0.1, 0, -1, 0, 0]}, [], "'learning_rate': must be at least 0; 1 row"),
        ({"loss": list("12345")}, [], "'loss': must hold numbers, not text; 5 rows"),
        (
            {},
            ["loss_after"],
            "'loss_after': must not be missing; 1 row; for example nan (run 'a')",
        ),
        ({}, ["los"], "'los': is missing; 5 rows; did you mean 'loss'?"),
        ({}, ["phase"], "'phase': must hold numbers, not text; 5 rows; for example 'v' (run 'b')"),
    ],
)
def test_each_rule_that_is_broken_is_said_with_an_example(columns, needs, said):
    assert any(problem.startswith(said) for problem in problems(steps(**columns), needs=needs))


def test_every_problem_is_said_at_once():
    found = problems(steps(step=[-1, 4, 0, 0, 2], epoch=[-1, 0, 0, 0, 0]), needs=["loss_after"])
    names = [problem.split("'")[1] for problem in found]
    assert names == ["step", "loss_after", "loss_after", "epoch"]


def test_a_repeated_column_and_an_empty_frame_are_said():
    frame = pd.concat([steps(), steps()[["loss"]]], axis=1)
    assert problems(frame)[0].startswith("'loss': stands 2 times")
    assert problems(steps().iloc[:0])[0].startswith("'run_id': the frame is empty")


@pytest.mark.parametrize(
    ("frame", "needs", "message"),
    [([1], [], "expected a pandas DataFrame; got list"), (steps(), "loss", "got the text 'loss'")],
)
def test_a_wrong_call_is_refused(frame, needs, message):
    with pytest.raises(ConfigurationError, match=message):
        validate_steps(frame, needs=needs)


@pytest.mark.parametrize("name", ["steps.parquet", "steps.csv", "steps.csv.gz"])
def test_a_steps_frame_is_read_from_a_file(tmp_path, name):
    frame = validate_steps(steps(run_id=["07", "7", "07", "7", "7"]))
    write_frame(tmp_path / name, frame)
    found = validate_steps(read_steps(tmp_path / name))
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_a_file_without_steps_is_refused(tmp_path):
    (tmp_path / "steps.csv").write_text("run_id,step\n")
    with pytest.raises(DataError, match="holds no rows; expected one row a step"):
        read_steps(tmp_path / "steps.csv")
    with pytest.raises(ConfigurationError, match="no trajectory in"):
        read_steps(tmp_path)


def test_a_trajectory_is_read_as_its_steps_frame(tmp_path):
    with TrajectoryWriter.create(tmp_path / "r1", layers=[Layer("w", (2,))]) as writer:
        with pytest.raises(DataError, match="holds no steps"):
            read_steps(tmp_path / "r1")
        writer.append({"w": [1, 2]}, step=3, loss=0.5)
    assert read_steps(tmp_path / "r1").to_dict("records") == [
        {"run_id": "r1", "step": 3, "loss": 0.5, "nonfinite": 0}
    ]


def test_the_known_columns_are_those_of_the_design():
    measured = "epoch loss loss_after grad_norm grad_noise update_norm learning_rate nonfinite"
    assert list(STEP_COLUMNS) == ["run_id", "step", *measured.split()]
    assert STEP_COLUMNS["loss"].range == "any number"
    assert STEP_COLUMNS["update_norm"].range == "at least 0"
