"""Arguments of a wrong type or size: one error that names what was expected, for every verb."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.step_sums import LayerSums, StepSums
from causalhyper.granger.choice import (
    PenaltySettings,
    blocked_folds,
    choose_by_count,
    choose_by_cross_validation,
    choose_by_ebic,
    choose_given,
    extended_bic,
    first_entries,
    fit_layers,
    penalty_named,
)
from causalhyper.granger.design import (
    ArrayTrajectory,
    FactorChanges,
    granger_design,
    loss_changes,
)
from causalhyper.granger.lasso import (
    DenseColumns,
    SquaredChanges,
    elastic_net_path,
    group_lasso_path,
    lasso_path,
)
from causalhyper.granger.ridge import dual_ridge
from causalhyper.granger.screening import screen_columns, screen_sums
from causalhyper.granger.stochastic import stochastic_lasso

NAN, INF = float("nan"), float("inf")
X = np.random.default_rng(0).normal(size=(20, 12))
Y = X[:, 0] - X[:, 1]
COLUMNS = DenseColumns(X)
FRAME = pd.DataFrame({"loss": np.linspace(2, 1, 20), "loss_after": np.linspace(1.9, 0.9, 20)})
RUN = ArrayTrajectory({"fc": X}, FRAME)
ONES = np.ones((1, 1, 2))
SUMS = StepSums(
    (LayerSums("fc", (2,), 3 * ONES, 5 * ONES, 4 * ONES, ONES[0, 0], ONES[0, 0]),),
    (0,), False, (np.arange(3.0),), {},
)  # fmt: skip
PATH = lasso_path(COLUMNS, Y, lambdas=3)
SCREENING = screen_columns(COLUMNS, Y)
RIDGE = dual_ridge(COLUMNS, Y)

FLAG = (None, 0, 1.0, "no", NAN, [])
COUNT = (True, "a", 1.5, NAN, INF, -1, [], {})
POSITIVE = (*COUNT, 0, None)
SHARE = (True, "a", NAN, INF, -1.0, [], {}, 1 + 1j)
NAME = (0, True, "other", NAN, [], {})
RESPONSE = (None, "a", True, 1.0, [], ["a"] * 20, [None] * 20, [[1.0]] * 20, {}, [NAN] * 20)
DESIGN = (None, X, "a", 0, True, [], {})
GRID = (
    True,
    False,
    None,
    "a",
    NAN,
    INF,
    -1,
    0,
    [],
    ["a"],
    [True],
    [NAN],
    [INF],
    [-1.0],
    [[1.0]],
    {},
)
PASSES = (True, None, "a", 1.5, NAN, 0, -3, [])
PROGRESS = ("a", 1, True)

PATHS = {
    "columns": DESIGN, "y": RESPONSE, "lambdas": GRID, "ratio": (*SHARE, None, 0.0, 1.0),
    "standardise": FLAG, "intercept": FLAG, "tolerance": (*SHARE, None, 0.0), "max_passes": PASSES,
    "progress": PROGRESS, "checkpoint": (0, True, NAN, [], {}),
}  # fmt: skip
OPTIONS = {k: v for k, v in PATHS.items() if k not in ("checkpoint", "lambdas", "columns", "y")}
BOTH = {"columns": DESIGN, "y": RESPONSE}
PENALTY = {"penalty": (None, "lasso", 0, lasso_path)}


def stochastic(**given):
    return stochastic_lasso(COLUMNS, Y, **{"l1": 0.1, "epochs": 2} | given)


CASES = {
    lasso_path: ({"columns": COLUMNS, "y": Y}, PATHS),
    elastic_net_path: (
        {"columns": COLUMNS, "y": Y}, PATHS | {"l1_ratio": (*SHARE, None, 0.0, 1.5)}
    ),
    group_lasso_path: (
        {"columns": COLUMNS, "y": Y, "groups": 3},
        PATHS | {"groups": (True, None, "a", 0, -1, 5, 1.5, NAN, [], [0], [0, 13], [0.0, 12.0],
                            ["a"], {}, [12, 0], [[0, 12]])},
    ),
    DenseColumns: ({"matrix": X}, {"matrix": (None, "a", 0, [[1.0]], X[0], X.astype(int), X[:0],
                                              {}), "width": (True, "a", 0, -1, 1.5, NAN, [])}),
    SquaredChanges: (
        {"changes": X},
        {"changes": (None, "a", 0, [[1.0]], X[0], X.astype(int), {}),
         "width": (True, "a", 0, -1, 1.5, NAN, []),
         "scales": ("a", 0, True, [], [NAN] * 20, ["a"] * 20, [-1.0] * 20, {}, [True] * 20)},
    ),
    choose_given: (
        {"columns": COLUMNS, "y": Y, "lambda_": 0.1},
        BOTH | PENALTY | {"lambda_": (True, None, "a", NAN, INF, 0.0, -1, [], [0.1])}
        | {k: v for k, v in OPTIONS.items() if k != "ratio"},
    ),
    choose_by_count: (
        {"columns": COLUMNS, "y": Y, "kept": 2},
        BOTH | OPTIONS | PENALTY
        | {"kept": (*POSITIVE, 13), "by": NAME, "lambdas": (True, None, "a", NAN, 0, [], [0.1])},
    ),
    partial(choose_by_count, COLUMNS, Y): ({}, {"sparsity": (*SHARE, None, 0.0, 1.0)}),
    choose_by_cross_validation: (
        {"columns": COLUMNS, "y": Y, "blocks": 2, "lambdas": 5},
        BOTH | OPTIONS | PENALTY
        | {"blocks": (*POSITIVE, 1, 30), "scheme": NAME, "gap": (*COUNT, None), "rule": NAME,
           "lambdas": GRID},
    ),
    choose_by_ebic: (
        {"columns": COLUMNS, "y": Y},
        BOTH | OPTIONS | PENALTY
        | {"gamma": (*SHARE, None, 1.5), "steps": (*SHARE, None, 0.0, 21), "refit": FLAG,
           "lambdas": GRID},
    ),
    blocked_folds: (
        {"rows": 20, "count": 3},
        {"rows": POSITIVE, "count": (*POSITIVE, 1), "scheme": NAME, "gap": (*COUNT, None)},
    ),
    first_entries: ({"path": PATH, "count": 1}, {"path": (None, 0, "a"), "count": (*COUNT, None)}),
    extended_bic: (
        {"left": Y[:1] ** 2, "kept": np.array([1]), "rows": 20, "width": 12},
        {"gamma": (*SHARE, None), "steps": (*SHARE, 0.0), "rows": POSITIVE, "width": POSITIVE},
    ),
    penalty_named: (
        {"name": "lasso"}, {"name": (0, None, True, "other", []), "settings": (1, "a")}
    ),
    PenaltySettings: ({}, {"l1_ratio": (*SHARE, None, 0.0, 1.5)}),
    fit_layers: (
        {"designs": {"fc": (COLUMNS, Y)}, "workers": 1},
        {"designs": (None, 0, "a", [], {}), "choose": (None, 0, "a"),
         "workers": (True, "a", 0, -1, 1.5, NAN, []), "engine": (0, True, "other", [], {}),
         "progress": PROGRESS},
    ),
    screen_columns: (
        {"columns": COLUMNS, "y": Y},
        {"columns": (*DESIGN, {"fc": X}), "y": RESPONSE, "groups": (*POSITIVE, 5),
         "weights": ("a", 0, True, [], [NAN] * 20, ["a"] * 20, [-1.0] * 20, {}, [0.0] * 20),
         "parameters": (0, "a", [], {}, True, {"design": "a"}, {"design": [1.0]},
                        {"design": [None] * 12}, {"design": ["a"] * 12}),
         "response": (0, None, True)},
    ),
    screen_sums: (
        {"sums": SUMS},
        {"sums": (None, 0, "a"), "lag": (*COUNT, None, 3),
         "layers": (0, True, "other", [], {}, [0]),
         "parameters": (0, "a", [], {}, True, {"fc": "a"}, {"fc": [1.0]}, {"fc": [None] * 2}),
         "units": (True, "a", 1.5, NAN, 3, -4, [])},
    ),
    SCREENING.keep: (
        {"sparsity": 0.5},
        {"statistic": (*NAME, None), "scope": (*NAME, None), "sparsity": (*SHARE, None),
         "min_per_layer": (*COUNT, None)},
    ),
    partial(SCREENING.keep): ({"threshold": 0.5}, {"threshold": (*SHARE, None)}),
    stochastic: (
        {},
        {"l1": (True, None, "a", NAN, INF, 0, -1, [], ["a"], [True], [NAN], {}, [[0.1]]),
         "form": (*NAME, None), "epochs": (*COUNT, 0), "learning_rate": (*SHARE, 0.0),
         "decay": (*SHARE, 2.0), "relative": FLAG[1:], "rng": (0, "a", True, NAN),
         "reproduction": FLAG, "tolerance": (*SHARE, None, 0.0, 1.0), "memory": POSITIVE},
    ),
    stochastic_lasso: ({"columns": COLUMNS, "y": Y, "l1": 0.1}, BOTH),
    dual_ridge: (
        {"columns": COLUMNS, "y": Y},
        {"columns": DESIGN, "y": RESPONSE,
         "lambdas": (True, "a", NAN, INF, 0, -1, [], ["a"], [True], [NAN], [[1.0]], {}),
         "count": POSITIVE, "ratio": (*SHARE, None, 0.0, 1.0),
         "given": ("a", 0, True, [], Y, [["a"]] * 20, [[NAN]] * 20, {}), "standardise": FLAG,
         "intercept": FLAG, "choice": (*NAME, None), "folds": (*POSITIVE, 1, 30), "scheme": NAME,
         "gap": (*COUNT, None)},
    ),
    RIDGE.coefficients: (
        {"columns": COLUMNS},
        {"columns": (*DESIGN, DenseColumns(X[:5])), "at": (True, "a", 1.5, NAN, 99, [])},
    ),
    granger_design: (
        {"trajectory": RUN},
        {"trajectory": (None, 0, True, "", [], {}, X), "scope": (*NAME, None),
         "layers": (0, True, "other", [], {}, [0]), "features": (*NAME, None),
         "share": (0, True, "other", [], {}, {"fc": "a"}, {"fc": [0.5] * 12}), "scaling":
         (*NAME, None), "response": (*NAME, None), "steps": (0, None, "a", slice("a"), slice(0, 0),
         slice(None, None, -1), slice(0.5)), "centre": FLAG},
    ),
    loss_changes: ({"record": RUN}, {"record": (None, 0, "", [], X), "kind": (*NAME, None)}),
    granger_design(RUN)["fc"].labels: (
        {}, {"columns": ("a", 0, True, ["a"], [-1], [12], [0.5], [True], [[0]], {})}
    ),
    ArrayTrajectory: (
        {"changes": {"fc": X}, "frame": FRAME},
        {"changes": (None, 0, X, "a", {}, {"fc": None}, {"fc": X[:3]}, {0: X}),
         "frame": (None, 0, "a", {}, FRAME[:3], X), "settings": (None, 0, "a", [])},
    ),
    FactorChanges: (
        {"inputs": X[:, :1, None], "errors": X[:, :1, None], "rates": np.ones(20)},
        {"inputs": (None, 0, "a", X, [[[1.0]]]), "errors": (None, 0, "a", X, [[[1.0]]]),
         "rates": (None, 0, "a", [], {}, ["a"] * 20, [NAN] * 20, [-1.0] * 20, [True] * 20),
         "width": (True, "a", 0, -1, 1.5, NAN, [])},
    ),
}  # fmt: skip


def named(verb):
    return getattr(getattr(verb, "func", verb), "__name__", "verb")


PARAMETERS = [
    pytest.param(verb, usual, name, values, id=f"{named(verb)}-{name}")
    for verb, (usual, parameters) in CASES.items()
    for name, values in parameters.items()
]
DATA = ("y", "steps", "weights", "given", "parameters", "trajectory", "record")
"""What holds numbers: these may be wrong as data too."""


@pytest.mark.parametrize(("verb", "usual", "name", "values"), PARAMETERS)
def test_a_wrong_argument_is_refused_in_words(verb, usual, name, values):
    expected = (ConfigurationError, DataError) if name in DATA else ConfigurationError
    for value in values:
        with pytest.raises(expected, match=r"\w+ .*\w+ .*\w+"):
            verb(**usual | {name: value})


@pytest.mark.parametrize(("verb", "usual"), [(v, u) for v, (u, _) in CASES.items() if u])
def test_the_usual_arguments_are_taken(verb, usual):
    verb(**usual)
