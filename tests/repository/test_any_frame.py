"""Frames of any index and dtype, and Series for lists of numbers, give the same numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest

import causalhyper as ch
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from causalhyper.granger.pruning import hyperparameter_strips, paired_differences, phase_shift
from causalhyper.granger.ridge import dual_ridge
from causalhyper.granger.screening import screen_columns
from causalhyper.granger.significance import layers, shifts
from tests.repository.samples import design, model, prunings
from tests.simulated import CHAIN, ROLES, Truth, runs

LABELS = ("k", "method", "seed", "N_iter")


def _shuffled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_axis(np.random.default_rng(1).permutation(len(frame)) + 100)


def _categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: "category" for name in LABELS if name in frame})


class Foreign:
    """A frame of another library."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.frame = frame

    def to_pandas(self) -> pd.DataFrame:
        return self.frame


FORMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "a shuffled index": _shuffled,
    "an index that repeats": lambda f: f.set_axis(["same"] * len(f)),
    "an index of two levels": lambda f: f.set_axis(
        pd.MultiIndex.from_product([["a"], range(len(f))])
    ),
    "categories": _categories,
    "nullable": lambda f: f.convert_dtypes(),
    "pyarrow": lambda f: f.convert_dtypes(dtype_backend="pyarrow"),
    "another library": Foreign,
}


def _fitted(frame: Any) -> pd.DataFrame:
    fitted = ch.fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=ch.LINEAR)
    asked: dict[str, Any] = {"at": [2.0, 4.0], "baseline": 1.0, "draws": 100}
    return ch.effect_curve(fitted, "B", "G", **asked).to_frame()


def _strips() -> pd.DataFrame:
    rows = [(n, s, 0.6 + 0.01 * n + 0.001 * ((7 * n + 3 * s) % 5)) for n in (1, 2, 4)
            for s in range(5)]  # fmt: skip
    return pd.DataFrame(rows, columns=["N_iter", "seed", "test_accuracy"])


ASKED: dict[str, tuple[Callable[[], pd.DataFrame], Callable[[Any], Any]]] = {
    "fit": (partial(runs, Truth(), np.random.default_rng(0), clusters=8), _fitted),
    "paired_differences": (prunings, lambda f: paired_differences(f, baseline="magnitude")),
    "phase_shift": (prunings, phase_shift),
    "hyperparameter_strips": (
        _strips,
        lambda f: hyperparameter_strips(
            f, parameters=["N_iter"], outcomes=["test_accuracy"], reference={"N_iter": 1}
        ),
    ),
}


def _numbers(found: Any) -> np.ndarray:
    frame = found if isinstance(found, pd.DataFrame) else found.to_frame()
    return frame.select_dtypes("number").to_numpy(dtype=float)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("verb", ASKED)
def test_a_frame_of_another_form_gives_the_same_numbers(verb: str, form: str) -> None:
    make, ask = ASKED[verb]
    frame = make() if verb != "fit" else runs(Truth(), np.random.default_rng(0), clusters=8)
    expected = _numbers(ask(frame))
    assert expected.size
    np.testing.assert_array_equal(_numbers(ask(FORMS[form](frame))), expected)


SERIES = {
    "a shuffled index": lambda y: pd.Series(y, index=np.random.default_rng(0).permutation(len(y))),
    "nullable": lambda y: pd.Series(y, dtype="Float64"),
    "pyarrow": lambda y: pd.Series(y, dtype="double[pyarrow]"),
}
RESPONDED: dict[str, Callable[[Any], Any]] = {
    "lasso_path": lambda y: lasso_path(design()[0], y, lambdas=5),
    "dual_ridge": lambda y: dual_ridge(design()[0], y, choice="gcv"),
    "screen_columns": lambda y: screen_columns(design()[0], y),
    "movement_increment": lambda y: layers.movement_increment(design()[0], y),
    "shift_test": lambda y: shifts.shift_test(design()[0], y),
}


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize("fit", RESPONDED)
def test_a_series_of_loss_changes_counts_by_place(fit: str, kind: str) -> None:
    y = design()[1]
    expected = _numbers(RESPONDED[fit](y))
    np.testing.assert_array_equal(_numbers(RESPONDED[fit](SERIES[kind](y))), expected)


@pytest.mark.parametrize("kind", SERIES)
def test_a_series_of_treatment_values_counts_by_place(kind: str) -> None:
    asked: dict[str, Any] = {"baseline": 1.0, "draws": 100}
    expected = ch.effect_curve(model(), "B", "G", at=[2.0, 4.0], **asked).to_frame()
    at = SERIES[kind](np.array([2.0, 4.0]))
    found = ch.effect_curve(model(), "B", "G", at=at, **asked).to_frame()
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "double[pyarrow]"])
@pytest.mark.parametrize("columns", [DenseColumns, SquaredChanges])
def test_a_design_may_be_a_frame(columns: Callable[[Any], Any], dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
    y = 2 * x[:, 1].astype(float) ** 2
    frame = _shuffled(pd.DataFrame(x)).astype(dtype)
    wide = x if dtype == "float32" else x.astype(float)
    expected = lasso_path(columns(wide), y, lambdas=5).to_frame()
    pd.testing.assert_frame_equal(lasso_path(columns(frame), y, lambdas=5).to_frame(), expected)


def test_a_frame_of_text_is_no_design() -> None:
    with pytest.raises(ch.ConfigurationError, match="expected a frame of numbers"):
        DenseColumns(pd.DataFrame({"a": ["x", "y"]}))


def test_changes_of_layers_may_be_frames() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4))
    steps = pd.DataFrame({"loss": 0.0, "loss_after": rng.normal(size=30)})
    arrays, frames = (
        granger_design(ArrayTrajectory({"fc": layer}, frame))["fc"]
        for layer, frame in ((x, steps), (pd.DataFrame(x), _shuffled(steps)))
    )
    np.testing.assert_array_equal(arrays.y, frames.y)
    paths = [lasso_path(d.columns, d.y, lambdas=5).to_frame() for d in (arrays, frames)]
    pd.testing.assert_frame_equal(*paths)
