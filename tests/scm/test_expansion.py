"""Means from moments of the noise are the means of simulated values."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from causalhyper import LINEAR, SPLINE, fit
from causalhyper.mechanisms import Polynomial, constant, drawn
from causalhyper.queries.experiments.experiment import Spliced, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.mediation.worlds import mediation_worlds
from causalhyper.scm import FittedModel, replicates
from causalhyper.scm.expansion import expandable

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
def test_means_from_moments_are_the_means_of_simulated_values(graph, context, rows):
    model = fitted(graph, rows, context=context)
    assert expandable(model, "B", "G", 4)
    experiment = make_experiment(
        model, "B", "G", at=[2, 3, 4], baseline=1, draws=100, interval="t"
    )
    apart = experiment.means({"natural": natural_world}, alone=True)["natural"]
    # a functional that is no declared mean takes the plain way
    plain = experiment.summarise({"w": natural_world}, lambda y: y.mean(axis=2))["w"]
    assert apart.shape == plain.shape
    assert np.abs(apart - plain).max() < 1e-10 * np.abs(plain).max()


def test_a_spline_of_noisy_causes_is_simulated():
    assert not expandable(fitted(PRODUCT, mechanisms={"G": SPLINE}), "B", "G", 4)


def test_a_spline_that_the_outcome_does_not_need_does_not_matter():
    options = {"N": LINEAR, "S": LINEAR, "C": LINEAR, "G": SPLINE}
    assert expandable(fitted(PRODUCT, mechanisms=options), "B", "C", 4)


def test_more_moments_than_are_worth_their_time_are_left_to_simulation():
    model = fitted("B -> N; N -> S; {N, S} -> C; {N, S, C} -> G")
    assert expandable(model, "B", "G", 6)
    assert not expandable(model, "B", "G", 2)


@pytest.mark.parametrize("rows", [240, 2400])
def test_means_from_moments_are_the_same_bytes_whatever_the_chunks(rows, monkeypatch):
    experiment = make_experiment(fitted(PRODUCT, rows), "B", "G", at=[2], baseline=1, draws=100)
    found = []
    for batch in (2**10, 2**16):
        monkeypatch.setattr(replicates, "BATCH", batch)
        found.append(experiment.means({"w": natural_world}, alone=True)["w"].tobytes())
    assert found[0] == found[1]


def test_progress_ends_at_one():
    model, seen = fitted(PRODUCT), []
    experiment = make_experiment(model, "B", "G", at=[2], baseline=1, draws=100)
    experiment.means({"natural": natural_world}, seen.append, alone=True)
    assert seen[-1] == 1.0


def test_a_chain_of_straight_lines_needs_no_draws():
    model, seen = fitted("B -> N; N -> S; S -> G"), []
    experiment = make_experiment(model, "B", "G", at=[2, 3, 4], baseline=1, draws=100)
    without = replace(experiment, sampler=replace(experiment.sampler, own={}))
    means = without.means({"natural": natural_world}, seen.append, alone=True)["natural"]
    assert seen == [1.0]
    slopes = np.prod([experiment.replicates.parameters[v].coefs for v in "NSG"], axis=0)
    lines = [model.mechanisms[v].fit.space.main[0].line()[1] for v in "NSG"]
    effects = slopes * np.prod(lines) * np.array([1.0, 2.0, 3.0])
    assert np.allclose(means[:, 1:] - means[:, :1], effects, rtol=1e-9)


@pytest.mark.parametrize("graph", [g for g in GRAPHS if "B -> N" in g])
@pytest.mark.parametrize("context", [(), ("lab",)])
def test_mediation_by_moments_is_mediation_by_simulation(graph, context):
    model = fitted(graph, context=context)
    middle = float(np.median(model.values["N"]))
    experiment = make_experiment(model, "B", "G", at=[2, 3, 4], baseline=1, draws=100)
    worlds = mediation_worlds(experiment, ("N",), controlled={"N": middle})
    spliced = {k: b for k, b in worlds.items() if isinstance(b, Spliced)}
    assert len(spliced) >= 3
    expanded = experiment.means(spliced)
    simulated = experiment.summarise(spliced, lambda y: y.mean(axis=2))
    for name, means in expanded.items():
        assert np.abs(means - simulated[name]).max() < 1e-10 * np.abs(means).max()


def test_sums_and_products_of_polynomials_are_those_of_their_values():
    rng = np.random.default_rng(0)
    noise = {(0, "N"): rng.normal(size=(2, 1, 7)), (1, "S"): rng.normal(size=(2, 1, 7))}

    def values(polynomial: Polynomial) -> np.ndarray:
        parts = [
            c[:, :, None] * np.prod([noise[s] for s in m], axis=0)
            for m, c in polynomial.coefs.items()
        ]
        return np.sum(np.broadcast_arrays(*parts), axis=0)

    def made(symbol: tuple[int, str]) -> Polynomial:
        linear = constant(rng.normal(size=(2, 3))).plus(drawn(symbol))
        return linear.times(constant(rng.normal(size=(2, 1)))).plus(linear.times(linear))

    one, other = made((0, "N")), made((1, "S"))
    assert np.allclose(values(one.plus(other)), values(one) + values(other))
    assert np.allclose(values(one.times(other)), values(one) * values(other))
    assert np.allclose(values(one[:, 1:2]), values(one)[:, 1:2])
    product = one.times(other)
    means = product.mean(lambda m: np.prod([noise[s] for s in m], axis=0).mean(axis=2))
    assert np.allclose(means, values(product).mean(axis=2))
