"""The curve of accuracy over the share kept against R's drc, which fits it to doses."""

import json
from pathlib import Path

import numpy as np
import pytest

from causalhyper.granger.pruning.transition import fit_transition

STORED = json.loads(Path(__file__).with_name("log_logistic.json").read_text("utf-8"))


def fitted():
    dose = np.array(STORED["dose"], dtype=float)
    # dose 0 lies infinitely far to the left; a millionth is as good
    x = np.log10(np.where(dose == 0, 1e-6, dose))
    return fit_transition(x, np.array(STORED["response"]), np.ones(len(x)))


def test_the_curve_is_that_of_drc():
    curve, of_drc = fitted(), STORED["coefficients"]
    slope = 1 / (curve.width * np.log(10))
    found = [slope, curve.floor, curve.top, 10**curve.middle]
    # drc stops early: it prints seven decimals, of which five have settled
    np.testing.assert_allclose(found, [of_drc[k] for k in "bcde"], rtol=1e-5)


def test_a_tenth_half_and_nine_tenths_of_the_fall_are_where_drc_has_them():
    curve = fitted()
    low, high = curve.ends
    found = 10 ** np.array([low, curve.middle, high])
    assert found == pytest.approx(STORED["effective_doses"], rel=1e-5)
