"""Means without simulated values at every dose are the means of simulated values."""

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, SPLINE, fit
from causalhyper.mechanisms import Separable, varying_with_draws
from causalhyper.queries.experiment import natural_world
from causalhyper.queries.preparation import make_experiment
from causalhyper.scm import FittedModel
from causalhyper.scm.separated import separable

PRODUCT = "B -> N; N -> S; {N, S} -> C; C -> G"
GRAPHS = (
    PRODUCT,
    "B -> N; {B, N} -> G",
    "B -> N; B -> S; {N, S} -> C; {B, C} -> G",
    "A -> N; B -> N; {A, N} -> S; S -> G",
    "A -> B; B -> N; {A, N} -> G; N -> S; G -> C",
)
"""With products of two draws, products of products, a root beside the treatment, a treatment
with causes and an outcome with effects."""


def fitted(graph: str, rows: int = 240, **options: object) -> FittedModel:
    rng = np.random.default_rng(5)
    nodes = [v for v in "ABNSCG" if v in graph]
    values = {v: 100.0 + rng.normal(size=rows) for v in nodes}
    values["B"] = np.tile([1.0, 2.0, 3.0, 4.0], rows // 4)
    for earlier, later in zip("BNSC", "NSCG", strict=True):
        if later in values and earlier in values:
            values[later] = values[earlier] * (1 + 0.3 * rng.normal(size=rows))
    runs = pd.DataFrame(values).assign(
        seed=np.arange(rows) // 8, lab=np.arange(rows) // (rows // 3), run_id=np.arange(rows)
    )
    asked = {"protocol": "p", "cluster": "seed", "mechanisms": LINEAR} | options
    return fit(graph, runs, {v: v for v in nodes}, treatment="B", outcome="G", **asked)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("context", [(), ("lab",)])
@pytest.mark.parametrize("rows", [240, 2400])
def test_means_kept_apart_are_the_means_of_simulated_values(graph, context, rows):
    model = fitted(graph, rows, context=context)
    assert separable(model, "B", "G", 4)
    experiment = make_experiment(
        model, "B", "G", at=[2, 3, 4], baseline=1, draws=100, interval="t"
    )
    apart = experiment.means({"natural": natural_world}, alone=True)["natural"]
    # a functional that is no declared mean takes the plain way
    plain = experiment.summarise({"w": natural_world}, lambda y: y.mean(axis=2))["w"]
    assert apart.shape == plain.shape
    assert np.abs(apart - plain).max() < 1e-10 * np.abs(plain).max()


def test_a_spline_of_noisy_causes_is_not_separable():
    assert not separable(fitted(PRODUCT, mechanisms={"B": LINEAR, "G": SPLINE}), "B", "G", 4)


def test_a_spline_that_the_outcome_does_not_need_does_not_matter():
    options = {"N": LINEAR, "S": LINEAR, "C": LINEAR, "G": SPLINE}
    assert separable(fitted(PRODUCT, mechanisms=options), "B", "C", 4)


def test_more_products_than_doses_are_left_to_simulation():
    model = fitted("B -> N; B -> S; {B, N, S} -> G")
    assert separable(model, "B", "G", 3)
    assert not separable(model, "B", "G", 2)


def test_progress_ends_at_one():
    model, seen = fitted(PRODUCT), []
    experiment = make_experiment(model, "B", "G", at=[2], baseline=1, draws=100)
    experiment.means({"natural": natural_world}, seen.append, alone=True)
    assert seen[-1] == 1.0


def test_sums_and_products_of_separable_values_are_those_of_their_values():
    rng = np.random.default_rng(0)

    def drawn() -> Separable:
        varying = varying_with_draws(rng.normal(size=(2, 1, 7)))
        product = ((rng.normal(size=(2, 3, 1)), rng.normal(size=(2, 1, 7))),)
        alike = ((rng.normal(size=(2, 1, 1)), rng.normal(size=(2, 1, 7))),)
        return varying.plus(Separable(rng.normal(size=(2, 3, 1)), product + alike))

    one, other = drawn(), drawn()
    assert np.allclose(one.plus(other).values(), one.values() + other.values())
    assert np.allclose(one.times(other).values(), one.values() * other.values())
    assert np.allclose(one.fold().values(), one.values())
    assert len(one.fold().products) == 2
    assert np.allclose(one.times(other).mean(), (one.values() * other.values()).mean(axis=2))
