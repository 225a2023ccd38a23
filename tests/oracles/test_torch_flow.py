"""A flow's likelihood and its optimum are torch's, stored beside what made them."""

import json
from pathlib import Path

import numpy as np
import pytest

from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties, Sample
from causalhyper.mechanisms.flows.maximising import climb, rough_whitening
from causalhyper.mechanisms.flows.splines import make_monotone_spline

STORED = json.loads(Path(__file__).with_name("torch_flow.json").read_text("utf-8"))


def _likelihood(data: dict[str, list]) -> Likelihood:
    columns = [np.array(data[f"{k}_columns"]) for k in ("location", "spread", "bend")]
    y = np.array(data["y"])
    sample = Sample(y, *columns, np.array(data["contexts"]), 3)
    penalties = Penalties(**STORED["penalties"])
    return Likelihood(sample, np.ones(len(y)), make_monotone_spline(STORED["slopes"]), penalties)


def _coefficients(parts: dict[str, list]) -> Coefficients:
    return Coefficients(
        np.array(parts["location"]),
        np.array(parts["contexts"]),
        np.array([parts["level"]]),
        np.array(parts["spread"]),
        np.array(parts["shape"]),
        np.array(parts["bend"]),
    )


def test_log_densities_are_those_of_automatic_differentiation() -> None:
    density = _likelihood(STORED["rows"]).rows(_coefficients(STORED["given"]))[0]
    assert density == pytest.approx(np.array(STORED["log_density"]), abs=1e-8)


def test_the_largest_likelihood_is_where_torch_finds_it() -> None:
    likelihood = _likelihood(STORED["runs"])
    start = np.zeros(sum(likelihood.sizes()))
    found = climb(likelihood, start, rough_whitening(likelihood), 1e-6)
    at, theirs = likelihood.unpack(found.at), _coefficients(STORED["optimum"])
    assert found.converged
    assert found.loss == pytest.approx(STORED["loss"], abs=1e-5)
    assert at.location == pytest.approx(theirs.location, abs=1e-4)
    assert at.contexts == pytest.approx(theirs.contexts, abs=1e-4)
    assert at.spread == pytest.approx(theirs.spread, abs=1e-4)
    # log slopes are known up to a constant
    assert at.shape - at.shape.mean() == pytest.approx(
        theirs.shape - theirs.shape.mean(), abs=1e-4
    )
    assert at.bend - at.bend.mean(0) == pytest.approx(theirs.bend - theirs.bend.mean(0), abs=1e-4)
