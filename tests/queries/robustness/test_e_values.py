"""E-values of effects: identities, scales, and what they leave out."""

import numpy as np
import pytest

from causalhyper import LINEAR, ConfigurationError, effect_curve, fit, mediate
from causalhyper.inference.e_values import e_value, e_value_of_interval, ratio_of_difference
from causalhyper.queries.robustness import e_values
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [2.0, 4.0], "baseline": 1.0, "draws": 150}


def _model(context=(), shares=False):
    frame = runs(Truth(), np.random.default_rng(0), clusters=24, repeats=2)
    if shares:
        frame["g"] = 1 / (1 + np.exp(-0.3 * frame["g"]))
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", context=context, mechanisms=LINEAR)


@pytest.mark.parametrize("ratio", [1.0, 1.3, 4.0, 0.2])
def test_a_confounder_of_that_strength_on_both_sides_just_explains_the_ratio(ratio):
    strength = float(e_value(ratio))
    # Ding and VanderWeele 2016: the bias of a confounder is at most its bounding factor
    factor = strength**2 / (2 * strength - 1)
    assert factor == pytest.approx(max(ratio, 1 / ratio), rel=1e-12)


@pytest.mark.parametrize("context", [(), "k"])
def test_values_are_those_of_the_effects_over_the_spread_within_contexts(context):
    model = _model(context)
    found = e_values(model, "B", "G", **ASKED)
    y = model.values["G"]
    means = np.array([y[model.groups.contexts == c].mean() for c in range(24 if context else 1)])
    left = y - means[model.groups.contexts]
    assert found.sd == pytest.approx((left**2).sum() ** 0.5 / (len(y) - len(means)) ** 0.5)
    total = effect_curve(model, "B", "G", **ASKED).graph[1]
    own = next(v for v in found.values if v.query == "effect_curve.graph" and v.value == 4)
    assert own.estimate == pytest.approx(total.estimate, rel=1e-12)
    ratio = np.exp(0.91 * total.estimate / found.sd)
    assert own.ratio == pytest.approx(ratio)
    assert own.e_value == pytest.approx(float(e_value(ratio)))
    ends = ratio_of_difference([total.lower, total.upper], found.sd)
    assert own.e_value_interval == pytest.approx(float(e_value_of_interval(*ends)))
    through = mediate(model, "B", "G", "S", **ASKED).indirect[1]
    same = next(
        v for v in found.values if (v.query, v.subject, v.value) == ("mediate.indirect", "S", 4)
    )
    assert same.estimate == pytest.approx(through.estimate, abs=1e-12)


def test_ratios_of_shares_multiply_to_the_total():
    found = e_values(_model(shares=True), "B", "G", scale="ratio", **ASKED)
    by = {(v.query, v.subject): v for v in found.values if v.value == 4.0}
    total = by["effect_curve.graph", ""].ratio
    for mediator in "NSC":
        direct = by["mediate.natural_direct", mediator].ratio
        assert direct * by["mediate.natural_indirect", mediator].ratio == pytest.approx(total)
    assert all(v.ratio_lower <= v.ratio <= v.ratio_upper for v in found.values)
    assert "share" in found.summary()


def test_ratios_of_means_outside_0_and_1_are_refused():
    with pytest.raises(ConfigurationError, match="use scale='difference'"):
        e_values(_model(), "B", "G", scale="ratio", **ASKED)
    with pytest.raises(ConfigurationError, match="'difference' or 'ratio'"):
        e_values(_model(), "B", "G", scale="odds", **ASKED)


def test_findings_leave_out_what_is_zero_by_construction():
    found = e_values(_model(), "B", "G", **ASKED)
    tests = [f.test for f in found.findings]
    assert tests == [
        "E-value (total)",
        "E-value (direct through S)",
        "E-value (indirect through S)",
    ]
    assert "the design's contrast needs none" in found.findings[0].reading
    assert len(found.to_frame()) == 2 * (1 + 3 * 4)
