import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, DataError, fit
from causalhyper.queries.policies.matched_runs import match_runs
from tests.simulated import CHAIN, ROLES, Truth, runs


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    made = runs(Truth(), np.random.default_rng(0), clusters=6, repeats=2)
    return made.assign(run_id=[f"r{i}" for i in range(len(made))])


def fitted(frame: pd.DataFrame):
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


def test_each_row_is_the_run_of_that_name_whatever_the_order(frame: pd.DataFrame) -> None:
    model = fitted(frame)
    marked = frame.assign(mark=np.arange(len(frame))).sample(frac=1, random_state=2)
    found = match_runs(model, marked, ["mark"])
    assert found["run_id"].tolist() == model.run_ids.tolist()
    assert found["mark"].tolist() == [int(name[1:]) for name in model.run_ids]
    np.testing.assert_array_equal(found["n"], model.values["N"])


def test_runs_that_are_equal_in_all_the_model_knows_keep_their_own_columns(
    frame: pd.DataFrame,
) -> None:
    twins = pd.concat([frame, frame.assign(run_id="twin" + frame["run_id"])], ignore_index=True)
    with pytest.warns(UserWarning, match="repeat others"):
        model = fitted(twins)
    marked = twins.assign(mark=twins["run_id"].str.startswith("twin"))
    found = match_runs(model, marked.sample(frac=1, random_state=3), ["mark"])
    assert found["mark"].tolist() == [name.startswith("twin") for name in model.run_ids]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.assign(run_id="x" + f["run_id"]), "is not in this frame, whose run_id are"),
        (lambda f: f.assign(run_id="r0"), "run 'r1' of the model is not in this frame"),
        (lambda f: f.iloc[1:], "this frame has"),
        (lambda f: f.drop(columns="run_id"), "'run_id': is missing"),
        (lambda f: f.assign(g=f["g"] + 1), "'g' of this frame is not what the model was fitted"),
        (lambda f: f.assign(k=f["k"].to_numpy()[::-1]), "'k' of this frame is not"),
        (lambda f: f.assign(s=np.nan), "'s': must be a finite number"),
    ],
)
def test_a_frame_that_was_not_fitted_is_refused(frame: pd.DataFrame, change, said: str) -> None:
    with pytest.raises(DataError) as caught:
        match_runs(fitted(frame), change(frame), [])
    assert said in str(caught.value)
