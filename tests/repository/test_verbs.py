"""The verbs share one vocabulary: a parameter's name says the same thing everywhere."""

import inspect
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpydoc.docscrape import NumpyDocString

import causalhyper as ch
from causalhyper.queries import robustness
from causalhyper.scm import FittedModel
from tests.simulated import CHAIN, ROLES, Truth, runs

Verb = Callable[..., Any]
VERBS: dict[str, Verb] = {
    name: getattr(package, name)
    for package in (ch, robustness)
    for name in package.__all__
    if inspect.isfunction(getattr(package, name))
}
ORDER = ("at", "baseline", "draws", "flips", "assignments", "weight_sets")
ORDER += ("seed", "level", "interval", "progress")
"""Parameters that many verbs share, in the order in which each has them."""
LEADING = ("model", "treatment", "outcome", "graph", "setting", "effect", "estimates", "path")
"""What a verb is about; it may be given by position."""
OWN_DEFAULTS = {
    "draws": {
        **dict.fromkeys(robustness.__all__, 500),  # each asks its question again and again
    },
    "interval": {
        "do": "bootstrap",  # quantiles and densities are too rough for a jackknife
        "counterfactual": "bootstrap",
        "policy": "bootstrap",  # as is the set of the best beside it
    },
    "refits": {
        "robustness": 199,  # a p-value needs many
        "placebo_treatment": 199,
        "random_common_cause": 50,
    },
    "adjust": {"adjust_estimates": "holm", "check_independencies": "bh", "power": "none"},
    "estimator": {"policy": "graph", "power": "design"},
    "mediators": {"robustness": None, "e_values": None},  # None is every one of them
}
"""Defaults that differ by verb on purpose."""
OWN_MEANING = {
    "runs": {"fit", "counterfactual"},  # the frame itself; those asked about
    "mediators": {"robustness", "e_values", "mediate"},  # may be left out; may not
    "setting": {"do", "counterfactual"},  # several values of a node; one
    "sd": {"seeds_needed", "e_values"},  # given; by default estimated
    "treatment": {"fit"},  # a part that the model need not know
    "outcome": {"fit", "do", "counterfactual"},
    "adjust": {"adjust_estimates"},  # the verb itself
}
"""Verbs in which a parameter is of another type, or may be left out where others need it."""


def shared() -> dict[str, dict[str, inspect.Parameter]]:
    """Parameters that several verbs have, by name and verb."""
    found: dict[str, dict[str, inspect.Parameter]] = defaultdict(dict)
    for verb, function in VERBS.items():
        for name, parameter in inspect.signature(function).parameters.items():
            found[name][verb] = parameter
    return {name: verbs for name, verbs in found.items() if len(verbs) > 1}


def documented(verb: str) -> dict[str, tuple[str, str]]:
    """Type and text of each documented parameter."""
    out = {}
    for names, kind, text in NumpyDocString(inspect.getdoc(VERBS[verb]) or "")["Parameters"]:
        for name in names.split(", "):
            out[name] = (kind, " ".join(text))
    return out


SHARED = shared()


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_parameter_has_one_type_one_default_and_one_way_to_be_given(name: str) -> None:
    default = OWN_DEFAULTS.get(name, {})
    assert set(default) <= {*SHARED[name], *robustness.__all__}, "no such verb any more"
    same = {v: p for v, p in SHARED[name].items() if v not in OWN_MEANING.get(name, ())}
    assert len({p.annotation for p in same.values()}) <= 1
    assert len({p.kind for p in same.values()}) <= 1
    assert len({p.default for v, p in same.items() if v not in default}) <= 1
    for verb, value in default.items():
        assert verb not in SHARED[name] or SHARED[name][verb].default == value, verb


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_parameter_is_described_by_the_same_first_sentence(name: str) -> None:
    texts = {verb: documented(verb)[name][1] for verb in SHARED[name]}
    own = OWN_MEANING["runs"] | {"do"} if name in ("runs", "outcome") else set()
    own |= {"correlated_errors", "fit"} if name in ("model", "treatment", "outcome") else set()
    first = {re.split(r"\.(?: |$)", t)[0] for verb, t in texts.items() if verb not in own}
    assert len(first) == 1, first
    assert first != {""} or name == "model"


@pytest.mark.parametrize("name", [n for n in ORDER if n in SHARED])
def test_a_shared_option_of_the_resampling_has_one_documented_type(name: str) -> None:
    assert len({documented(verb)[name][0] for verb in SHARED[name]}) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_options_are_keywords_and_come_in_one_order(verb: str) -> None:
    parameters = inspect.signature(VERBS[verb]).parameters
    common = [name for name in parameters if name in ORDER]
    assert common == sorted(common, key=ORDER.index)
    assert all(parameters[name].kind is inspect.Parameter.KEYWORD_ONLY for name in common)
    last = [name for name in parameters if name in ORDER[2:]]
    assert list(parameters)[-len(last) :] == last or not last


@pytest.mark.parametrize("verb", [v for v in VERBS if "seed" in SHARED and v in SHARED["seed"]])
def test_what_takes_a_seed_shows_progress_and_says_of_which_confidence_it_is(verb: str) -> None:
    names = set(inspect.signature(VERBS[verb]).parameters)
    assert "progress" in names
    assert names & {"level", "alpha"}
    # what it resolves with its own draws has no kind of interval, nor has partial R2, whose
    # robustness value is solved for in the bootstrap's t interval
    free = {"flips", "assignments", "weight_sets"} & names or verb == "partial_r2_sensitivity"
    assert ("interval" in names) is not bool(free)
    assert ("draws" in names) is not bool({"flips", "assignments", "weight_sets"} & names)


@pytest.fixture(scope="module")
def model() -> FittedModel:
    frame = runs(Truth(), np.random.default_rng(0), clusters=8)
    return ch.fit(CHAIN, frame, ROLES, protocol="p", cluster="k", mechanisms=ch.LINEAR)


ASKED: dict[str, dict[str, Any]] = {
    "ablate": {"operation": ch.RandomiseNode("S")},
    "mediate": {"mediators": "S"},
    "marginalise": {"node": "S"},
    "refit_without": {"edge": "{N, S} -> C"},
    "power": {"effects": 0.5, "estimator": "graph"},
    "do": {"setting": {"B": [1.0, 4.0]}},
    "counterfactual": {"setting": {"B": 4.0}},
    "shapley": {"players": [ch.RandomiseNode("S"), ch.RandomiseNode("C")]},
    "correlated_errors": {"pairs": [("S", "G")], "rhos": [-0.3, 0.3]},
    "robustness": {"pairs": [("S", "G")], "rhos": [-0.3, 0.3]},
}
QUICK = {"at": [2.0, 4.0], "baseline": 1.0, "draws": 100, "refits": 20, "permutations": 20}
QUICK |= {"treatment": "B", "outcome": "G", "flips": 49, "assignments": 99, "weight_sets": 99}


@pytest.mark.parametrize("verb", [v for v in SHARED["progress"] if v != "fit"])
def test_progress_rises_to_one_and_changes_nothing(model: FittedModel, verb: str) -> None:
    names = inspect.signature(VERBS[verb]).parameters
    asked = {k: v for k, v in QUICK.items() if k in names} | ASKED.get(verb, {})
    told: list[float] = []
    found = VERBS[verb](model, **asked, progress=told.append)
    assert told
    assert told == sorted(told)
    assert told[0] > 0
    assert told[-1] == pytest.approx(1.0, abs=1e-9)
    assert told[-1] <= 1
    if verb not in ("robustness", "leave_out"):  # which take their time
        assert VERBS[verb](model, **asked).summary() == found.summary()


def test_fitting_tells_its_progress_node_by_node() -> None:
    told: list[float] = []
    frame = runs(Truth(), np.random.default_rng(0), clusters=8)
    ch.fit(CHAIN, frame, ROLES, protocol="p", cluster="k", progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("verb", SHARED["interval"])
def test_a_kind_of_interval_that_does_not_exist_is_refused(model: FittedModel, verb: str) -> None:
    names = inspect.signature(VERBS[verb]).parameters
    asked = {k: v for k, v in QUICK.items() if k in names} | ASKED.get(verb, {})
    with pytest.raises(ch.ConfigurationError, match="no interval 'normal'"):
        VERBS[verb](model, **asked, interval="normal")
