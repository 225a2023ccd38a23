"""What is no number, node or map is refused with one clear error."""

import numpy as np
import pytest

from causalhyper import LINEAR, Additive, ConfigurationError, effect_curve, fit, mediate
from causalhyper.queries.policies.query import policy
from tests.simulated import CHAIN, ROLES, Truth, runs

ASKED = {"at": [4.0], "baseline": 1.0, "draws": 100}


@pytest.fixture(scope="module")
def frame():
    return runs(Truth(), np.random.default_rng(0), clusters=8)


@pytest.fixture(scope="module")
def model(frame):
    return fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=LINEAR)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"at": ["a"]}, "each value of at must be a number such as 16, got 'a'"),
        ({"at": [None]}, "each value of at must be a number"),
        ({"at": [float("nan")]}, "each value of at must be a finite number"),
        ({"at": None}, "at needs a sequence of numbers"),
        ({"at": "4"}, "at needs a sequence of numbers"),
        ({"baseline": "a"}, "baseline must be a number such as 16, got 'a'"),
        ({"baseline": None}, "baseline must be a number"),
        ({"baseline": [1, 2]}, "baseline must be a number"),
        ({"baseline": np.array([1, 2])}, "baseline must be a finite number"),
    ],
)
def test_values_are_numbers(model, given, message):
    with pytest.raises(ConfigurationError, match=message):
        effect_curve(model, "B", "G", **(ASKED | given))


@pytest.mark.parametrize("at", [["a", "b"], None, [1, None]])
def test_a_policy_chooses_among_numbers(model, at):
    with pytest.raises(ConfigurationError, match="number"):
        policy(model, "B", "G", at=at, draws=100)


@pytest.mark.parametrize("mediators", [None, 3, [3], ["N", None]])
def test_mediators_are_nodes(model, mediators):
    with pytest.raises(ConfigurationError, match="mediators must be nodes"):
        mediate(model, "B", "G", mediators, **ASKED)


@pytest.mark.parametrize("df", ["3", None, 1.5, 0])
def test_numbers_of_functions_are_whole(df):
    with pytest.raises(ConfigurationError, match="whole numbers df >= 1"):
        Additive(df)


@pytest.mark.parametrize("roles", [None, 3, ["B=b"]])
def test_roles_are_a_map(frame, roles):
    with pytest.raises(ConfigurationError, match="expected roles as a map of node to column"):
        fit(CHAIN, frame, roles, protocol="p", cluster="k")
