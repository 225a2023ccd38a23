"""Claims about the loss change of a step, and about what makes it unknown."""

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design import ArrayTrajectory, granger_design, loss_changes
from tests.granger.design.samples import changes_of, losses, matrix, store


def training(frame, settings=None, rows=None):
    rows = len(frame) if rows is None else rows
    return ArrayTrajectory(changes_of({"w": (3,)}, rows), frame, settings or {})


def hand_made():
    return pd.DataFrame({"loss": [5.0, 4.0, 6.0, 1.0], "loss_after": [3.0, 3.5, 5.0, 0.0]})


def test_same_minibatch_is_after_less_before():
    assert loss_changes(training(hand_made())).tolist() == [-2.0, -0.5, -1.0, -1.0]


def test_next_minibatch_is_the_next_loss_less_this_one_and_the_last_step_has_none():
    run = training(hand_made().drop(columns="loss_after"))
    assert loss_changes(run, "next_minibatch").tolist() == [-1.0, 2.0, -5.0]
    design = granger_design(run, response="next_minibatch")["w"]
    assert design.y.tolist() == [-1.0, 2.0, -5.0]
    np.testing.assert_array_equal(matrix(design.columns), run.changes["w"][:3] ** 2)


def test_the_loss_change_of_a_path_is_that_of_its_trajectory(tmp_path):
    changes, frame = changes_of({"w": (3,)}, 4), hand_made()
    store(tmp_path / "run", changes, frame)
    np.testing.assert_array_equal(loss_changes(tmp_path / "run"), loss_changes(training(frame)))


def test_with_momentum_first_and_last_step_have_no_row():
    run = training(hand_made())
    design = granger_design(run, response="next_minibatch", features="momentum")["w"]
    assert design.steps.tolist() == [1, 2]
    assert design.y.tolist() == [2.0, -5.0]


def test_the_next_loss_is_of_the_next_step_whatever_rows_are_taken():
    design = granger_design(
        training(hand_made()), response="next_minibatch", steps=slice(0, None, 2)
    )["w"]
    assert design.steps.tolist() == [0, 2]
    assert design.y.tolist() == [-1.0, -5.0]


def test_full_and_minibatch_losses_are_not_taken_for_each_other():
    probed = training(hand_made(), {"loss": "probe, eval mode"})
    assert loss_changes(probed, "full").tolist() == [-2.0, -0.5, -1.0, -1.0]
    for kind in ("same_minibatch", "next_minibatch"):
        with pytest.raises(ConfigurationError, match="use response='full'"):
            loss_changes(probed, kind)
    with pytest.raises(ConfigurationError, match="record with probe="):
        loss_changes(training(hand_made(), {"loss": "minibatch"}), "full")
    with pytest.raises(ConfigurationError, match="recorded no loss"):
        loss_changes(training(hand_made(), {"loss": "none"}))


def test_the_residual_adds_the_rate_times_the_squared_gradient():
    frame = hand_made().assign(grad_norm=[1.0, 2.0, 3.0, 4.0], learning_rate=0.5)
    group = {"lr": 0.5, "momentum": 0, "weight_decay": 0, "parameters": 3}
    settings = {"optimizer": "SGD", "groups": [group], "loss": "minibatch"}
    assert loss_changes(training(frame, settings), "residual").tolist() == [-1.5, 1.5, 3.5, 7.0]
    wrong = (
        {"optimizer": "Adam"},
        {"groups": [group | {"momentum": 0.9}]},
        {"groups": [group | {"weight_decay": 1e-4}]},
        {"groups": [group | {"parameters": 4}]},
        {"groups": [group, group]},
        {"groups": None},
    )
    for change in wrong:
        with pytest.raises(ConfigurationError, match="plain SGD"):
            loss_changes(training(frame, settings | change), "residual")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_is_named_by_its_step(bad):
    frame = hand_made().assign(step=[10, 11, 12, 13], run_id="seed-3")
    frame.loc[2, "loss_after"] = bad
    with pytest.raises(DataError, match=r"finite 'loss_after'; step 12 of run 'seed-3' has"):
        granger_design(training(frame))
    design = granger_design(training(frame), steps=slice(0, 2))["w"]
    assert design.y.tolist() == [-2.0, -0.5]


def test_a_loss_that_was_not_recorded_is_named(tmp_path):
    frame = hand_made().drop(columns="loss_after")
    with pytest.raises(DataError, match="needs the column 'loss_after'"):
        granger_design(training(frame))
    run = store(tmp_path / "run", changes_of({"w": (3,)}, 4), frame.drop(columns="loss"))
    with pytest.raises(DataError, match="needs the column 'loss'"):
        granger_design(run, response="next_minibatch")


@pytest.mark.parametrize("in_a_store", [True, False])
def test_a_change_that_is_not_finite_is_named_by_its_step(tmp_path, in_a_store):
    changes = changes_of({"a": (4,), "b": (2,)}, rows=6)
    changes["b"][3, 1] = np.nan
    frame = losses(6).assign(run_id="x") if not in_a_store else losses(6)
    run = store(tmp_path / "x", changes, frame) if in_a_store else ArrayTrajectory(changes, frame)
    with pytest.raises(DataError, match=r"step 3 of run 'x' has others: 1 .*slice\(0, 3\)"):
        granger_design(run)
    assert granger_design(run, steps=slice(0, 3))["b"].shape == (3, 2)
    with pytest.raises(DataError, match="step 3"):  # as the step before step 4
        granger_design(run, steps=slice(4, None), features="momentum")
    assert granger_design(run, steps=slice(4, None))["b"].shape == (2, 2)


@pytest.mark.parametrize(
    ("options", "why", "rows"),
    [
        ({"features": "momentum"}, "momentum features need consecutive steps", [1, 2]),
        ({"response": "next_minibatch"}, "minibatch's loss needs consecutive steps", [0, 1]),
    ],
)
def test_steps_recorded_now_and_then_have_no_neighbours(tmp_path, options, why, rows):
    changes = changes_of({"w": (3,)}, rows=6)
    run = store(tmp_path / "run", changes, losses(6), steps=[0, 1, 2, 5, 6, 7])
    with pytest.raises(ConfigurationError, match=f"{why}; run 'run' has step 5 after step 2"):
        granger_design(run, **options)
    with_neighbours = granger_design(run, steps=slice(0, rows[-1] + 1), **options)["w"]
    assert with_neighbours.steps.tolist() == rows
    assert granger_design(run)["w"].shape == (6, 3)


@pytest.mark.parametrize("features", ["squares", "momentum"])
def test_one_row_is_no_regression(features):
    frame = losses(1 if features == "squares" else 2)
    with pytest.raises(DataError, match="two rows at least; got 1"):
        granger_design(training(frame), features=features)


def test_no_row_is_no_regression(tmp_path):
    run = store(tmp_path / "run", changes_of({"w": (3,)}, 0), losses(0))
    with pytest.raises(DataError, match="has no row"):
        granger_design(run)
    with pytest.raises(DataError, match="has no row"):
        granger_design(training(losses(4)), steps=slice(9, None))


def test_learning_rates_that_are_unknown_or_nought_are_refused():
    bare = losses(4).drop(columns="learning_rate")
    with pytest.raises(ConfigurationError, match="has no learning rate"):
        granger_design(training(bare), scaling="learning_rate")
    cooled = losses(4).assign(learning_rate=[0.1, 0.1, 0.0, 0.1])
    with pytest.raises(DataError, match="which is 0 in step 2"):
        granger_design(training(cooled), scaling="learning_rate")
    groups = {"groups": [{"lr": 0.1}, {"lr": 0.2}]}
    with pytest.raises(ConfigurationError, match="different learning rates"):
        granger_design(training(losses(4), groups), scaling="learning_rate")
