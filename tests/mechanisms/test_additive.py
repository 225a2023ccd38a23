"""Additive fits against statsmodels, on rows that are really repeated."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from causalhyper.mechanisms import fit_additive, make_groups, make_term_space

SPACE_TERMS = ((0,), (1,), (0, 1))


def _data(context, clusters=8, rows=9):
    rng = np.random.default_rng(3)
    k = np.repeat(np.arange(clusters), rows)
    context = context(k, np.arange(len(k)))
    x = rng.normal(size=len(k)) + 0.3 * context
    z = 0.5 * x + rng.normal(size=len(k))
    y = 1.0 + x - 2 * z + 0.7 * x * z + 3.0 * context + rng.normal(size=len(k))
    return k, context, x, z, y


# contexts cross clusters: intercepts are columns; contexts lie within clusters: absorbed
CASES = {
    "one context": lambda k, i: 0 * k,
    "contexts across clusters": lambda k, i: i % 3,
    "clusters within contexts": lambda k, i: k // 4,
    "contexts within clusters": lambda k, i: 2 * k + i % 2,
    "contexts are clusters": lambda k, i: k,
}


def _fitted(case, df=1):
    k, context, x, z, y = _data(CASES[case])
    groups = make_groups(k, context)
    space = make_term_space(SPACE_TERMS, [x, z], df, 1, ("x", "z"))
    return fit_additive(space, [x, z], y, groups), groups, (k, context, x, z, y)


def _statsmodels(fit, data, weights):
    """Coefficients and intercepts by statsmodels, each cluster's rows repeated."""
    k, context, *_, y = data
    rows = np.concatenate(
        [np.repeat(np.flatnonzero(k == c), int(w)) for c, w in enumerate(weights)]
    )
    names = [f"t{j}" for j in range(fit.space.size)]
    frame = pd.DataFrame(fit.columns[rows], columns=names).assign(y=y[rows], g=context[rows])
    found = smf.ols(f"y ~ 0 + C(g) + {' + '.join(names)}", frame).fit().params
    present = np.unique(context[rows])
    return found[names].to_numpy(), present, found[: len(present)].to_numpy()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("df", [1, 3])
def test_the_fit_is_that_of_ols_with_a_dummy_for_each_context(case, df):
    fit, groups, data = _fitted(case, df)
    expected, _, intercepts = _statsmodels(fit, data, np.ones(8))
    found = fit.refit(groups, np.ones((1, 8)))
    coefs, effects = found.coefs, found.effects
    assert fit.coefs == pytest.approx(expected, abs=1e-9)
    assert coefs[0] == pytest.approx(expected, abs=1e-9)
    assert effects[0] == pytest.approx(intercepts, abs=1e-9)
    assert fit.rank == fit.width


@pytest.mark.parametrize("case", CASES)
def test_a_replicate_is_the_fit_to_rows_that_are_repeated(case):
    fit, groups, data = _fitted(case)
    weights = np.array(
        [[2, 0, 1, 1, 1, 3, 0, 0], [1, 1, 1, 1, 0, 0, 2, 2], [0, 4, 0, 0, 4, 0, 0, 0]]
    )
    found = fit.refit(groups, weights.astype(float))
    coefs, effects = found.coefs, found.effects
    for r, w in enumerate(weights):
        expected, present, intercepts = _statsmodels(fit, data, w)
        assert coefs[r] == pytest.approx(expected, abs=1e-8)
        assert effects[r, present] == pytest.approx(intercepts, abs=1e-8)


def test_contexts_are_absorbed_only_where_each_lies_in_one_cluster():
    absorbed = {case: _fitted(case)[1].absorbed for case in CASES}
    assert [c for c, a in absorbed.items() if a] == [
        "contexts within clusters",
        "contexts are clusters",
    ]


def test_clusters_are_drawn_within_contexts_only_where_they_nest_in_them():
    strata = {case: _fitted(case)[1].strata.tolist() for case in CASES}
    assert strata.pop("clusters within contexts") == [0, 0, 0, 0, 1, 1, 1, 1]
    assert all(s == [0] * 8 for s in strata.values())


def test_a_head_without_terms_is_fitted_by_its_context_means():
    k, context, *_, y = _data(CASES["contexts across clusters"])
    groups = make_groups(k, context)
    fit = fit_additive(make_term_space((), [], 1, 1, ()), [], y, groups)
    effects = fit.refit(groups, np.ones((1, 8))).effects
    assert effects[0] == pytest.approx([y[context == c].mean() for c in range(3)])
