"""Standardised slopes of arcs: closed form, brute force, and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

import causalhyper as ch
from causalhyper.errors import ConfigurationError
from causalhyper.queries.effects.arc_slopes import arc_slopes
from tests.simulated import CHAIN, ROLES, Truth, runs


def frame(seed: int = 0) -> pd.DataFrame:
    found = runs(Truth(), np.random.default_rng(seed), clusters=9)
    return found.assign(site=found["k"].to_numpy() % 3)


def fitted(data: pd.DataFrame, **given: object) -> ch.FittedModel:
    asked = {"protocol": "p", "cluster": "k", "mechanisms": ch.LINEAR} | given
    return ch.fit(CHAIN, data, ROLES, **asked)


def standardised(data: pd.DataFrame, head: str, causes: list[str], context: str) -> np.ndarray:
    """Slopes of a regression with dummies of contexts, on variables centred within them."""
    columns = data[[*causes, head]].groupby(data[context]).transform(lambda x: x - x.mean())
    slopes = np.linalg.lstsq(columns[causes], columns[head], rcond=None)[0]
    return slopes * columns[causes].std(ddof=0).to_numpy() / columns[head].std(ddof=0)


def measured(data: pd.DataFrame) -> pd.DataFrame:
    """Nodes on their model scale, named as nodes."""
    values = {node: data[column].to_numpy() for node, column in ROLES.items()}
    return pd.DataFrame(values).assign(k=data["k"].to_numpy(), site=data["site"].to_numpy())


def test_the_slope_of_a_single_cause_is_the_correlation() -> None:
    data = frame()
    found = arc_slopes(fitted(data)).to_frame().set_index(["tail", "head"])
    nodes = measured(data)
    for tail, head in (("B", "N"), ("N", "S"), ("C", "G")):
        expected = stats.pearsonr(nodes[tail], nodes[head])[0]
        assert found.loc[(tail, head), "estimate"] == pytest.approx(expected, rel=1e-12)


def test_slopes_of_joint_causes_are_those_of_statsmodels_on_z_scores() -> None:
    data = frame()
    nodes = measured(data)
    z = (nodes - nodes.mean()) / nodes.std()
    expected = sm.OLS(z["C"], z[["N", "S"]]).fit().params
    found = arc_slopes(fitted(data)).to_frame().query("head == 'C'").set_index("tail")
    np.testing.assert_allclose(found["estimate"], expected[found.index], rtol=1e-10)
    assert found["given"].to_dict() == {"N": "S", "S": "N"}


@pytest.mark.parametrize("context", [(), "site"])
def test_standard_errors_are_those_of_leaving_out_one_cluster_at_a_time(context: str) -> None:
    data = frame()
    model = fitted(data, context=context)
    nodes = measured(data).assign(all=0)
    by = context or "all"
    one = {k: standardised(nodes[nodes["k"] != k], "C", ["N", "S"], by) for k in range(9)}
    strata = nodes.groupby("k")[by].first()
    variance = np.zeros(2)
    for stratum in strata.unique():
        left = np.array([one[k] for k in strata.index[strata == stratum]])
        variance += (len(left) - 1) / len(left) * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
    found = arc_slopes(model, level=0.9).to_frame().query("head == 'C'")
    whole = standardised(nodes, "C", ["N", "S"], by)
    np.testing.assert_allclose(found["estimate"], whole, rtol=1e-9)
    np.testing.assert_allclose(found["se"], np.sqrt(variance), rtol=1e-8)
    half = stats.t.ppf(0.95, 9 - strata.nunique()) * np.sqrt(variance)
    np.testing.assert_allclose(found["upper"] - found["estimate"], half, rtol=1e-8)


@pytest.mark.parametrize("scale", [1e-18, 1e-6, 1e9])
def test_slopes_do_not_depend_on_units(scale: float) -> None:
    data = frame()
    one = arc_slopes(fitted(data)).to_frame()
    other = arc_slopes(fitted(data.assign(g=data["g"] * scale))).to_frame()
    np.testing.assert_allclose(other.iloc[:, 3:], one.iloc[:, 3:], rtol=1e-8)


def test_the_picture_shows_every_slope_and_the_description_says_it_in_words() -> None:
    found = arc_slopes(fitted(frame()), "B", "G")
    shown = {text.get_text().strip("()") for text in found.plot().texts}
    for slope in found.slopes:
        written = f"{slope.estimate:+.2f}".replace("-", "−")
        assert written in shown
        assert f"{slope.tail} to {slope.head} {written}" in found.description


def test_a_level_or_node_that_means_nothing_is_refused() -> None:
    model = fitted(frame())
    with pytest.raises(ConfigurationError, match=r"\(0, 1\); got 95"):
        arc_slopes(model, level=95)
    with pytest.raises(ConfigurationError):
        arc_slopes(model, "X")
