"""Adjusted p-values of a family of estimates against scipy and statsmodels."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from causalhyper.errors import ConfigurationError
from causalhyper.results import ADJUSTED, Estimate, adjust_estimates

SHARED = {
    "query": "q",
    "treatment": "B",
    "baseline": 1.0,
    "estimand": "e",
    "level": 0.95,
    "method": "m",
    "n": 40,
    "clusters": 9,
    "assumptions": (),
    "seed": 1,
}


def _family(effects, errors, dfs):
    return [
        Estimate(value=2.0 + i, estimate=e, se=s, lower=e - 3, upper=e + 3, df=d, **SHARED)
        for i, (e, s, d) in enumerate(zip(effects, errors, dfs, strict=True))
    ]


@pytest.mark.parametrize(("method", "other"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_p_values_are_student_ts_and_adjusted_as_by_statsmodels(method, other):
    effects, errors, dfs = [2.0, -1.0, 0.3, 4.0], [0.5, 0.6, 0.2, 3.0], [8.0, 8.0, 3.5, 20.0]
    frame = adjust_estimates(_family(effects, errors, dfs), method)
    p = 2 * stats.t.sf(np.abs(np.divide(effects, errors)), dfs)
    assert tuple(frame.columns) == ADJUSTED
    assert frame["p_value"].to_numpy() == pytest.approx(p, rel=1e-10)
    expected = multipletests(p, method=other)[1]
    assert frame["adjusted_p_value"].to_numpy() == pytest.approx(expected, rel=1e-10)


def test_what_does_not_vary_or_has_no_t_does_not_count():
    frame = adjust_estimates(_family([2.0, 0.0, 1.0], [1.0, 0.0, 1.0], [8.0, 8.0, None]))
    p = 2 * stats.t.sf(2, 8)
    assert frame["adjusted_p_value"].iloc[0] == pytest.approx(p)
    assert frame["adjusted_p_value"].iloc[1:].isna().all()


def test_an_empty_family_and_an_unknown_adjust_are_refused():
    with pytest.raises(ConfigurationError, match="no estimate"):
        adjust_estimates([])
    with pytest.raises(ConfigurationError, match="not adjusted by 'bonferroni'"):
        adjust_estimates(_family([1.0], [1.0], [8.0]), "bonferroni")


def test_means_in_one_world_are_refused_by_name():
    mean = replace(_family([1.0], [1.0], [8.0])[0], query="do.mean", baseline=None)
    with pytest.raises(ConfigurationError, match=r"do\.mean are means"):
        adjust_estimates([*_family([1.0], [1.0], [8.0]), mean])


@pytest.mark.parametrize("given", ["abc", 3, [0.5]])
def test_what_is_no_estimate_is_refused(given):
    with pytest.raises(ConfigurationError, match="expected a result such as that of effect_curve"):
        adjust_estimates(given)
