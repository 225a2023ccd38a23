"""Counts and p-values are those of dowhy, stored beside what made them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from causalhyper import LINEAR, fit
from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.hypergraph.local_markov import all_permutations
from causalhyper.inference import kernel_independence, partial_correlation
from causalhyper.mechanisms import make_groups
from causalhyper.queries.graph_checks.falsification import falsify
from causalhyper.queries.graph_checks.permuted_graphs import judge_permutations

FOLDER = Path(__file__).parent
STORED = json.loads((FOLDER / "falsification.json").read_text("utf-8"))
GRAPHS, SAMPLES = STORED["graphs"], STORED["samples"]
NODES = "BNSCG"


def contradicted(one):
    """dowhy's decision: its p-value at the 5% level."""
    x, y = sorted((one.x, one.y), key=NODES.index)
    given = "".join(sorted(one.given, key=NODES.index))
    return STORED["p-values"][f"{x}{y}|{given}"] <= 0.05


@pytest.mark.parametrize("text", GRAPHS)
def test_with_the_same_decisions_all_permutations_have_the_counts_of_dowhy(text):
    found = judge_permutations(
        DirectedHypergraph.parse(text), all_permutations(NODES, ()), contradicted
    )
    assert [p.violated for p in found] == GRAPHS[text]["violated"]
    assert [p.foreign for p in found] == GRAPHS[text]["foreign"]
    assert found[0].tested == GRAPHS[text]["tests"]
    assert found[0].violated == GRAPHS[text]["given violated"]


@pytest.mark.parametrize("text", GRAPHS)
def test_p_values_and_verdict_are_those_of_dowhy(text, monkeypatch):
    # the project's own tests decide nothing here: dowhy's decisions take their place
    def decide(*args, **options):
        def test(one):
            p = 0.01 if contradicted(one) else 0.9
            return IndependenceFinding(0.0, 0.0, 0.0, 0.0, p, "")

        return test

    from causalhyper.queries.graph_checks.independence_tests import IndependenceFinding

    monkeypatch.setattr("causalhyper.queries.graph_checks.falsification.make_tester", decide)
    runs = pd.read_csv(FOLDER / "gcm_runs.csv")
    model = fit(text, runs, {v: v for v in NODES}, protocol="p", cluster="seed", mechanisms=LINEAR)
    found = falsify(model)
    assert found.better.p_value == GRAPHS[text]["p"]
    assert found.informative.p_value == GRAPHS[text]["p equivalent"]
    assert found.falsified == GRAPHS[text]["falsified"]
    assert found.informative.rejected == GRAPHS[text]["falsifiable"]


def single_rows(name):
    """A stored sample, each row a cluster."""
    x, y, *z = np.array(SAMPLES[name]["columns"])
    rows = np.arange(len(x))
    return x, y, z, make_groups(rows, np.zeros_like(rows))


@pytest.mark.parametrize("name", [n for n in SAMPLES if "given" not in n and "by" not in n])
def test_of_single_rows_the_statistic_is_the_generalised_covariance_measure_of_dowhy(name):
    x, y, z, groups = single_rows(name)
    found = partial_correlation(x, y, z, groups, rng=np.random.default_rng(0))
    theirs = stats.norm.isf(SAMPLES[name]["generalised covariance"] / 2)
    # they divide by n where the leverage of the intercept and the t statistic take n - 1
    n = len(x)
    assert abs(found.statistic) * n / (n - 1) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("name", [n for n in SAMPLES if "given" in n or "by" in n])
def test_given_a_variable_it_is_theirs_up_to_the_leverage_correction(name):
    x, y, z, groups = single_rows(name)
    found = partial_correlation(x, y, z, groups, df=1, rng=np.random.default_rng(0))
    theirs = stats.norm.isf(SAMPLES[name]["generalised covariance"] / 2)
    assert abs(found.statistic) == pytest.approx(theirs, rel=0.03)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_kernel_test_decides_as_that_of_dowhy(name):
    x, y, z, groups = single_rows(name)
    found = kernel_independence(x, y, z, groups, rng=np.random.default_rng(0))
    assert (found.p_value <= 0.05) == (SAMPLES[name]["kernel"] <= 0.05)
