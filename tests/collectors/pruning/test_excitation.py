"""Excited steps: their moments, what sees them, and what they leave alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import named
from causalhyper.granger.masks import Masks
from collectors.pruning import PruningTask, prune
from collectors.pruning.excitation import excite
from collectors.pruning.masked_training import keep_pruned
from tests.collectors.pruning.problems import (
    SHORT,
    Probe,
    batched,
    examples,
    fixed_network,
    same,
    task,
)

RATE = 0.1


def steps(count, gradient, mask, **options):
    """Changes of so many steps with one gradient, of a parameter and of one without a mask."""
    model = nn.Linear(gradient.shape[1], gradient.shape[0]).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    masks, found = Masks({"weight": mask}), []
    wanted = {"noise": 0.0, "spread": 1.0, "seed": 0} | options

    def closure():
        model.weight.grad = gradient.clone()
        model.bias.grad = torch.zeros_like(model.bias)

    with keep_pruned(model, optimizer, masks), excite(model, optimizer, masks, **wanted):
        for _ in range(count):
            with torch.no_grad():
                model.weight.zero_()
                model.bias.zero_()
            optimizer.step(closure)
            found.append(torch.cat([model.weight.detach().ravel(), model.bias.detach()]).numpy())
    assert optimizer.param_groups[0]["lr"] == RATE
    return np.array(found)


def test_noise_has_its_size_on_what_is_kept_and_nothing_elsewhere():
    rng = np.random.default_rng(0)
    gradient, mask = torch.tensor(rng.normal(size=(40, 50))), rng.random((40, 50)) < 0.3
    found = steps(50, gradient, mask, noise=3.0)
    kept = np.concatenate([mask.ravel(), np.ones(40, dtype=bool)])
    assert not found[:, ~kept].any()
    part = np.concatenate([-RATE * gradient.numpy().ravel() * mask.ravel(), np.zeros(40)])[kept]
    size = 3.0 * math.sqrt(float((part**2).mean()))
    noise = (found[:, kept] - part) / size
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert abs(noise.std() - 1) < 4.5 / math.sqrt(2 * noise.size)
    # independent from step to step, and from parameter to parameter
    pairs = noise[1:] * noise[:-1], noise[:, 1:] * noise[:, :-1]
    assert all(abs(each.mean()) < 4.5 / math.sqrt(each.size) for each in pairs)


def test_rates_are_log_uniform_between_their_bounds():
    gradient = torch.ones(1, 2, dtype=torch.float64)
    found = steps(2000, gradient, np.ones((1, 2), dtype=bool), spread=4.0)
    power = np.log(-found[:, 0] / RATE) / math.log(4)
    assert stats.kstest(power, stats.uniform(-1, 2).cdf).pvalue > 1e-3
    np.testing.assert_allclose(found[:, 0], found[:, 1])


def test_without_excitation_steps_are_plain():
    gradient = torch.ones(1, 3, dtype=torch.float64)
    found = steps(2, gradient, np.ones((1, 3), dtype=bool))
    np.testing.assert_array_equal(found[:, :3], np.full((2, 3), -RATE))


def excited(**changes):
    """Prune all parameters, biases too; return what was known in each iteration."""
    settings = replace(SHORT, **{"excitation_noise": 2.0, "excitation_spread": 3.0, **changes})
    probe, (x, y) = Probe(), examples()
    model = fixed_network().double()
    given = PruningTask(model, train=batched(x.double(), y), layers="*")
    prune(given, criterion=probe, sparsity=0.5, seed=1, settings=settings, quiet=True)
    return probe.given


def test_sums_and_attributions_see_the_excited_steps():
    (evidence,) = excited(n_iter=1)
    for name, own in evidence.attribution.items():
        sums = evidence.sums[name]
        far = (evidence.collected[name] - evidence.weights[name]).ravel()
        np.testing.assert_allclose(sums.displacement, far, rtol=1e-9, atol=1e-14)
        np.testing.assert_allclose(own.moved, sums.movement, rtol=1e-9)


def test_noise_of_twice_the_size_adds_four_times_the_squares():
    moved = []
    for noise in (2.0, 0.0):
        (evidence,) = excited(n_iter=1, excitation_noise=noise, excitation_spread=1.0)
        moved.append(sum(own.moved.sum() for own in evidence.attribution.values()))
    assert moved[0] / moved[1] == pytest.approx(5, rel=0.15)


def test_pruned_entries_do_not_move_while_others_are_excited():
    _, second = excited()
    assert 0.3 < second.masks.sparsity < 0.5
    for name, kept in second.masks.kept.items():
        assert not second.collected[name][~kept].any()
        assert not second.sums[name].movement[~kept.ravel()].any()
        assert (second.sums[name].movement[kept.ravel()] > 0).all()


def test_the_same_seed_excites_alike_and_another_does_not():
    def run(seed):
        settings = replace(SHORT, excitation_noise=5.0, rewind="none", n_post=0)
        return prune(
            task(model=fixed_network()), criterion="secant", sparsity=0.5, seed=seed,
            settings=settings, quiet=True,
        ).model.state_dict()  # fmt: skip

    assert same(run(1), run(1))
    assert not same(run(1), run(2))


def test_noise_with_momentum_is_refused_and_varied_rates_are_not():
    momentum = named("causal", momentum=True)
    short = {"criterion": momentum, "sparsity": 0.5, "seed": 1, "quiet": True}
    with pytest.raises(ConfigurationError, match="carry noise"):
        prune(task(), settings=replace(SHORT, excitation_noise=1.0), **short)
    found = prune(task(), settings=replace(SHORT, excitation_spread=2.0), **short)
    assert found.sparsity == pytest.approx(0.5, abs=0.01)


def test_dense_runs_take_the_settings_of_the_others():
    settings = replace(SHORT, excitation_noise=1.0, n_more=2)
    with_them, without = (
        prune(task(), criterion="dense", sparsity=0.0, seed=1, settings=each, quiet=True)
        for each in (settings, SHORT)
    )
    assert same(with_them.model.state_dict(), without.model.state_dict())
