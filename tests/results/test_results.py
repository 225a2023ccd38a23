"""Results check themselves when they are built and print as tidy frames."""

import math

import numpy as np
import pytest

from causalhyper import Estimate, HypothesisTest
from causalhyper.errors import CausalHyperError
from causalhyper.results import COLUMNS, decimals, forest_frame, to_frame

GOOD = {
    "query": "mediate.direct",
    "treatment": "B",
    "value": 4.0,
    "baseline": 1.0,
    "estimand": "E[Y]",
    "estimate": 0.5,
    "se": 0.1,
    "lower": 0.3,
    "upper": 0.7,
    "level": 0.95,
    "method": "m",
    "n": 10,
    "clusters": 5,
    "assumptions": ("one", "two"),
    "seed": 1,
}
TEST = {
    "name": "t",
    "null": "H0",
    "statistic": 2.0,
    "p_value": 0.05,
    "reference": "t(3)",
    "alpha": 0.05,
    "if_rejected": "no",
    "if_kept": "yes",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"estimate": np.nan},
        {"se": np.inf},
        {"upper": np.inf},
        {"lower": 0.71},
        {"upper": 0.29},
        {"se": -0.1},
    ],
)
def test_an_estimate_with_a_reversed_interval_or_not_finite_is_refused(wrong):
    with pytest.raises(CausalHyperError):
        Estimate(**(GOOD | wrong))


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        ([0.0024, 0.0031, 0.0], 4),
        ([2.4e-15], 16),
        ([2.4e12], 0),
        ([0.024, 1e-17, 1e-17], 3),
        ([1e-17, 1e-17], 18),
        ([1e-40], 20),
        ([float("nan"), 2.4e-7, float("inf")], 8),
        ([0.0], 4),
        ([], 4),
    ],
)
def test_decimals_show_two_figures_of_the_median_error_in_any_unit(errors, shown):
    assert decimals(errors) == shown


@pytest.mark.parametrize(
    ("lower", "upper", "excludes"), [(0.3, 0.7, True), (0.0, 0.7, False), (-0.1, 0.7, False)]
)
def test_an_interval_excludes_zero_only_when_it_lies_on_one_side(lower, upper, excludes):
    assert Estimate(**(GOOD | {"lower": lower, "upper": upper})).excludes_zero is excludes


def test_a_level_has_no_baseline_and_no_sign_in_front():
    level = Estimate(**(GOOD | {"baseline": None}))
    assert level.interval(1) == "0.5 [0.3, 0.7]"
    assert Estimate(**GOOD).interval(1) == "+0.5 [+0.3, +0.7]"
    frame = to_frame([level, Estimate(**GOOD)])
    assert frame.baseline.dtype == float
    assert np.isnan(frame.baseline[0])
    assert forest_frame([level]).group.tolist() == ["4"]
    assert forest_frame([Estimate(**GOOD)]).group.tolist() == ["4 against 1"]
    assert Estimate(**GOOD).against == 1.0
    with pytest.raises(CausalHyperError, match="compared with nothing"):
        _ = level.against


def test_a_table_has_one_row_an_estimate_and_the_fixed_columns():
    frame = to_frame([Estimate(**GOOD), Estimate(**(GOOD | {"value": 2.0}))])
    assert tuple(frame.columns) == COLUMNS
    assert frame.value.tolist() == [4.0, 2.0]
    assert frame.assumptions[0] == "one; two"
    assert tuple(to_frame([]).columns) == COLUMNS


@pytest.mark.parametrize(("p", "rejected"), [(0.049, True), (0.05, True), (0.051, False)])
def test_a_test_rejects_at_a_p_value_of_at_most_alpha(p, rejected):
    test = HypothesisTest(**(TEST | {"p_value": p}))
    assert test.rejected is rejected
    assert test.reading == ("no" if rejected else "yes")


def test_a_test_has_a_p_value_or_a_reason_why_not():
    test = HypothesisTest(**(TEST | {"p_value": None, "statistic": None, "inapplicable": "why"}))
    assert not test.rejected
    assert test.reading == "why"
    for wrong in ({"p_value": None}, {"inapplicable": "why"}):
        with pytest.raises(CausalHyperError):
            HypothesisTest(**(TEST | wrong))


def test_a_mean_over_runs_that_each_had_their_own_value_is_no_level():
    mean = Estimate(**(GOOD | {"baseline": math.nan}))
    assert mean.interval(1) == "+0.5 [+0.3, +0.7]"
    assert forest_frame([mean]).group.tolist() == ["4 against what each had"]
