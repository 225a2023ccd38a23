"""Claims about what lasso, elastic net and group lasso paths accept and refuse alike."""

import numpy as np
import pandas as pd
import pytest
import torch

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns, lasso_path
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path

PATHS = {
    "lasso": lasso_path,
    "elastic net": elastic_net_path,
    "groups": lambda *given, **options: group_lasso_path(*given, groups=4, **options),
}
ROWS = 12
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(ROWS, 20)), RNG.normal(size=ROWS)

LIVE = torch.tensor(Y, requires_grad=True)
MASKED = np.ma.masked_array(Y, mask=np.arange(ROWS) == 3)
MISSING = pd.Series(range(ROWS), dtype="Int64").where(np.arange(ROWS) != 5)

RESPONSES = [
    (Y.astype(str), ConfigurationError, "12 real numbers.*an array of <U"),
    (Y + 1j, ConfigurationError, "12 real numbers.*complex128"),
    (MASKED, DataError, "row 3 is masked"),
    (LIVE, ConfigurationError, r"pass y\.detach\(\)"),
    (torch.empty(ROWS, device="meta"), ConfigurationError, "dense tensor with values"),
    (MISSING, DataError, "row 5 is"),
    ([*Y[:-1], None], DataError, "row 11 is None"),
    ([*Y[:-1], "0.5"], ConfigurationError, "real numbers"),
    (np.arange(ROWS).astype("M8[D]"), ConfigurationError, "datetime64"),
    ([[1.0], [1.0, 2.0]], ConfigurationError, "real numbers.*list"),
    (Y[:, None], ConfigurationError, r"got shape \(12, 1\)"),
    (Y[:-1], ConfigurationError, r"got shape \(11,\)"),
    (None, ConfigurationError, r"got shape \(\)"),
    (np.where(np.arange(ROWS) == 2, np.inf, Y), DataError, "row 2 is inf"),
]
PENALTIES = [
    (1e-4, r"of one: \[0\.1\].*got 0\.0001"),
    (np.float64(0.5), "whole number of penalties"),
    ([[0.1, 0.2]], "whole number of penalties"),
    ([[0.1], [0.1, 0.2]], "whole number of penalties"),
    (None, "got None"),
    ("10", "got '10'"),
    (["0.1"], r"got \['0\.1'\]"),
    ([0.1 + 1j], "whole number of penalties"),
    (LIVE, "whole number of penalties"),
    ([], r"got \[\]"),
    ([0.1, np.nan], "got nan among 2"),
    ([0.1, 0.0, 0.2], "above zero and finite; got 0 among 3"),
    ([np.inf], "got inf among 1"),
    (0, "one penalty at least"),
]


@pytest.mark.parametrize("fit", PATHS)
@pytest.mark.parametrize(("y", "error", "message"), RESPONSES)
def test_a_response_that_is_none_is_named(fit, y, error, message):
    with pytest.raises(error, match=message):
        PATHS[fit](DenseColumns(X), y, lambdas=3)


@pytest.mark.parametrize("fit", PATHS)
@pytest.mark.parametrize(("lambdas", "message"), PENALTIES)
def test_penalties_that_are_none_are_named(fit, lambdas, message):
    with pytest.raises(ConfigurationError, match=message):
        PATHS[fit](DenseColumns(X), Y, lambdas=lambdas)


@pytest.mark.parametrize("fit", PATHS)
@pytest.mark.parametrize("design", [X, X.tolist(), None])
def test_a_design_that_is_no_blocks_is_named(fit, design):
    with pytest.raises(ConfigurationError, match="expected columns that are read in blocks"):
        PATHS[fit](design, Y)


@pytest.mark.parametrize("fit", PATHS)
def test_a_response_is_the_same_in_any_container(fit):
    expected = PATHS[fit](DenseColumns(X), Y, lambdas=3).to_frame()
    others = (
        Y.tolist(),
        Y.astype(object),
        pd.Series(Y),
        torch.tensor(Y),
        np.ma.masked_array(Y, mask=False),
    )
    for y in others:
        assert PATHS[fit](DenseColumns(X), y, lambdas=3).to_frame().equals(expected)


def test_a_response_of_half_precision_is_read():
    half = torch.tensor(Y).bfloat16()
    path = lasso_path(DenseColumns(X), half, lambdas=3)
    assert path.to_frame().equals(lasso_path(DenseColumns(X), half.double(), lambdas=3).to_frame())


@pytest.mark.parametrize("fit", PATHS)
def test_penalties_are_sorted_from_any_container(fit):
    given = [0.2, 0.4, 0.1]
    for lambdas in (given, tuple(given), np.array(given), pd.Series(given)):
        path = PATHS[fit](DenseColumns(X), Y, lambdas=lambdas)
        assert path.lambdas.tolist() == [0.4, 0.2, 0.1]


@pytest.mark.parametrize("fit", PATHS)
def test_a_constant_response_is_certified_at_once_and_says_so(fit):
    told = []
    PATHS[fit](DenseColumns(X), np.full(ROWS, 0.3), lambdas=3, progress=told.append)
    assert told == [1.0]
