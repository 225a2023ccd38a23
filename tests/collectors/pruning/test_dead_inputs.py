"""Planted truth: inputs that are constantly zero, whose weights no step moves."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.granger.criteria import named
from collectors.pruning import PruningTask, prune
from tests.collectors.pruning.problems import SHORT, examples, shuffled

DEAD = [1, 4, 5]
SIZES = (12 * 6, 12 * 3)
CRITERIA = {
    "causal": named("causal", statistic="covariance"),
    "fisher": named("fisher"),
    "movement": named("movement"),
    "gain": named("gain"),
    "secant": named("secant"),
}


def network():
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3))


def planted():
    x, y = examples(n=192)
    x[:, DEAD] = 0
    return PruningTask(network, train=shuffled(x, y, size=16), validation=(x, y))


@pytest.fixture(scope="module")
def task():
    return planted()


def kept(task, criterion, weights, **changes):
    """Prune so many weights; return what is kept of the first layer and of the second."""
    found = prune(
        task, criterion=CRITERIA[criterion], sparsity=weights / sum(SIZES), seed=3,
        settings=replace(SHORT, **changes), quiet=True,
    )  # fmt: skip
    assert found.masks.layer_counts().keys() == {"0.weight", "2.weight"}
    return found.masks.kept["0.weight"], found.masks.kept["2.weight"]


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("weights", [20, 36])
def test_nothing_but_weights_of_dead_inputs_goes_while_there_are_any(task, criterion, weights):
    first, second = kept(task, criterion, weights)
    assert np.delete(first, DEAD, axis=1).all()
    assert second.all()
    assert np.count_nonzero(~first[:, DEAD]) == weights


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("rewind", ["pretrained", "initial", "none"])
def test_all_weights_of_dead_inputs_go_before_more_do(task, criterion, rewind):
    first, second = kept(task, criterion, 70, rewind=rewind)
    assert not first[:, DEAD].any()
    assert np.count_nonzero(~first) + np.count_nonzero(~second) == 70


@pytest.mark.parametrize("criterion", CRITERIA)
def test_within_each_layer_too(task, criterion):
    # one iteration: after it, weights into neurons that nothing reads do not move either
    first, second = kept(task, criterion, 54, scope="layer", n_iter=1)
    assert not first[:, DEAD].any()
    assert np.delete(first, DEAD, axis=1).all()
    assert np.count_nonzero(second) == 18


def test_magnitude_does_not_know_which_inputs_are_dead(task):
    found = prune(
        task, criterion="magnitude", sparsity=36 / sum(SIZES), seed=3, settings=SHORT, quiet=True
    )
    assert found.masks.kept["0.weight"][:, DEAD].any()


def test_what_is_kept_of_the_network_computes_the_same_without_them(task):
    found = prune(
        task, criterion=CRITERIA["causal"], sparsity=36 / sum(SIZES), seed=3, settings=SHORT,
        quiet=True,
    )  # fmt: skip
    dense = prune(task, criterion="dense", sparsity=0.0, seed=3, settings=SHORT, quiet=True)
    x, _ = task.validation
    torch.testing.assert_close(found.model(x), dense.model(x), rtol=0, atol=0)
