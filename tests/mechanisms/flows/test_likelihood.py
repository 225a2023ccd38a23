"""The penalised likelihood: derivatives, densities that integrate to one."""

import numpy as np
import pytest
from scipy.integrate import simpson

from causalhyper.mechanisms.flows.likelihood import Likelihood, Penalties, Sample
from causalhyper.mechanisms.flows.splines import make_monotone_spline

SPLINE = make_monotone_spline(6)
EVERY = [
    Penalties(),
    Penalties(2.0),
    Penalties(shape=3.0),
    Penalties(2.0, 3.0),
    Penalties(2.0, 3.0, 4.0),
    Penalties(2.0, 3.0, 4.0, 5.0),
]


def _likelihood(penalties, contexts=5, n=90):
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=(n, k)) for k in (3, 4, 2)]
    codes = rng.integers(0, max(contexts, 1), n)
    sample = Sample(1.3 * rng.normal(size=n), *columns, codes, contexts)
    return Likelihood(sample, rng.integers(0, 3, n).astype(float), SPLINE, penalties)


@pytest.mark.parametrize("penalties", EVERY)
@pytest.mark.parametrize("contexts", [0, 5])
def test_the_gradient_is_that_of_differences(penalties, contexts) -> None:
    likelihood = _likelihood(penalties, contexts)
    size = sum(likelihood.sizes())
    at, h = 0.3 * np.random.default_rng(1).normal(size=size), 1e-5
    numbers = [
        (likelihood(at + h * e)[0] - likelihood(at - h * e)[0]) / (2 * h) for e in np.eye(size)
    ]
    assert likelihood(at)[1] == pytest.approx(np.array(numbers), abs=1e-5)


def test_without_shape_and_spread_the_density_is_normal() -> None:
    likelihood = _likelihood(Penalties())
    at = 0.3 * np.random.default_rng(2).normal(size=sum(likelihood.sizes()))
    parts, sample = likelihood.unpack(at), likelihood.sample
    mean = sample.location @ parts.location + parts.contexts[sample.contexts]
    sd = np.exp(parts.level[0])
    expected = -0.5 * ((sample.y - mean) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
    assert likelihood.rows(parts)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("row", [0, 7])
def test_the_density_of_a_row_integrates_to_one_with_the_mean_and_sd_that_were_asked(row) -> None:
    likelihood = _likelihood(EVERY[-1])
    at = 0.4 * np.random.default_rng(3).normal(size=sum(likelihood.sizes()))
    parts, one = likelihood.unpack(at), likelihood.sample.part(np.array([row]))
    mean = float(likelihood.on(np.array([row]), np.ones(1)).located(parts)[0])
    sd = float(np.exp(parts.level + one.spread @ parts.spread)[0])

    y = mean + sd * np.linspace(-14, 14, 40_001)
    many = one.part(np.zeros(len(y), dtype=int))
    moved = Sample(y, many.location, many.spread, many.bend, many.contexts, many.count)
    density = np.exp(Likelihood(moved, np.ones(len(y)), SPLINE, EVERY[-1]).rows(parts)[0])
    moments = [simpson(((y - mean) / sd) ** k * density, x=y) for k in range(3)]
    assert moments == pytest.approx([1, 0, 1], abs=1e-8)


def test_a_row_counts_as_often_as_its_weight_says() -> None:
    likelihood = _likelihood(EVERY[-1])
    at = 0.3 * np.random.default_rng(4).normal(size=sum(likelihood.sizes()))
    rows = np.repeat(np.arange(90), likelihood.weights.astype(int))
    repeated = likelihood.on(rows, np.ones(len(rows)))
    assert repeated(at)[0] == pytest.approx(likelihood(at)[0])
    assert repeated(at)[1] == pytest.approx(likelihood(at)[1])
