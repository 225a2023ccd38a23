"""Attributions of collecting steps against a plain loop, closed forms and planted truths."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import FreshGain, SecantSaliency, TotalMovement
from causalhyper.granger.criteria.series_criteria import SeriesSlope
from collectors.pruning import PruningSettings, PruningTask, prune, prune_many
from tests.collectors.pruning.problems import (
    SHORT,
    Movement,
    Probe,
    batched,
    examples,
    fixed_network,
    same,
    shuffled,
    task,
)

PARTS = ("moved", "turned", "fresh")
RATE = 0.05


def collecting(**changes):
    """Settings with nothing but collecting."""
    whole = {"n_pre": 0, "n_iter": 1, "n_prune": 1, "n_post": 0, "collecting_rate": RATE}
    return PruningSettings(**(whole | changes))


def probed(given, settings, *, sparsity=0.5, **options):
    probe = Probe(**options)
    prune(given, criterion=probe, sparsity=sparsity, seed=3, settings=settings, quiet=True)
    return probe.given


def doubled():
    x, y = examples()
    return batched(x.double(), y)


def by_plain_loop(model, minibatches, masks, epochs):
    """Every sum from its definition: gradients by backward, steps by hand."""
    named = dict(model.named_parameters())

    def gradients(x, y):
        model.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        return {name: p.grad.clone() for name, p in named.items()}

    for name, mask in masks.items():
        named[name].data *= mask
    sums = {name: dict.fromkeys(PARTS, 0.0) for name in masks}
    for _ in range(epochs):
        for i, (x, y) in enumerate(minibatches):
            before = gradients(x, y)
            fresh = gradients(*minibatches[(i + 1) % len(minibatches)])
            moves = {n: -RATE * g * masks.get(n, 1.0) for n, g in before.items()}
            for name, p in named.items():
                p.data += moves[name]
            after = gradients(x, y)
            for name, found in sums.items():
                found["moved"] += moves[name] ** 2
                found["turned"] += moves[name] * (after[name] - before[name])
                found["fresh"] += moves[name] * fresh[name]
    return sums


def test_sums_are_those_of_a_plain_loop_in_both_iterations():
    model = fixed_network().double()
    given = PruningTask(model, train=doubled())
    found = probed(given, collecting(n_iter=2, n_prune=3), sparsity=(0.4, 0.7))
    assert found[1].masks.sparsity == pytest.approx(0.4, abs=0.01)
    for evidence in found:
        masks = {name: torch.from_numpy(m) for name, m in evidence.masks.kept.items()}
        expected = by_plain_loop(fixed_network().double(), doubled(), masks, 3)
        for name, own in evidence.attribution.items():
            for part in PARTS:
                wanted = expected[name][part].numpy().ravel()
                # the change is a difference of weights of size 1, each rounded
                np.testing.assert_allclose(
                    getattr(own, part), wanted, rtol=1e-12, atol=1e-12 * np.abs(wanted).max()
                )
            pruned = ~evidence.masks.kept[name].ravel()
            assert not any(getattr(own, part)[pruned].any() for part in PARTS)


def test_only_what_is_asked_for_is_summed():
    given = PruningTask(fixed_network(), train=batched(*examples()))
    for parts in (("turned",), ("fresh",), ("turned", "fresh")):
        (evidence,) = probed(given, collecting(), parts=parts)
        (other,) = {"turned", "fresh"} - set(parts) or {None}
        own = evidence.attribution["0.weight"]
        assert other is None or getattr(own, other) is None
        assert all(getattr(own, part).any() for part in parts)
    (evidence,) = probed(given, collecting(), parts=())
    assert evidence.attribution is None


def test_each_part_costs_one_backward_pass_a_step():
    calls = []

    def loss(outputs, targets):
        if torch.is_grad_enabled():
            calls.append(len(targets))
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    given = PruningTask(fixed_network(), train=batched(*examples()), loss=loss)
    counts = {}
    for parts in ((), ("turned",), ("fresh",), ("turned", "fresh")):
        calls.clear()
        probed(given, collecting(n_prune=2), parts=parts)
        counts[parts] = len(calls)
    steps = 6
    assert list(counts.values()) == [steps, 2 * steps, 2 * steps, 3 * steps]


def noisy_network():
    return nn.Sequential(
        nn.Linear(6, 12), nn.BatchNorm1d(12), nn.Dropout(0.3), nn.Tanh(), nn.Linear(12, 3)
    )


@pytest.mark.parametrize("parts", [("turned",), ("fresh",), ("turned", "fresh")])
def test_looking_changes_neither_steps_nor_running_means_nor_draws(parts):
    settings = replace(SHORT, rewind="none", n_post=0)
    states = [
        prune(
            task(model=noisy_network), criterion=criterion, sparsity=0.5, seed=2,
            settings=settings, quiet=True,
        ).model.state_dict()
        for criterion in (Movement(), Probe(parts))
    ]  # fmt: skip
    assert same(*states)


def squares(outputs, targets):
    return (outputs[:, 0] - targets) ** 2 / 2


def test_half_the_shares_sum_to_the_residual_loss_change_under_dropout_too():
    """Exact for a quadratic loss, if the gradients around a step have one dropout mask."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 9, generator=generator, dtype=torch.float64)
    y = x.sum(1)

    def network():
        return nn.Sequential(nn.Dropout(0.5), nn.Linear(9, 1, bias=False)).double()

    given = PruningTask(network, train=shuffled(x, y, size=16), loss=squares)
    (evidence,) = probed(given, collecting(n_prune=4))
    own = evidence.attribution["1.weight"]
    change = evidence.sums.paired_responses().sum()
    first_order = -own.moved.sum() / RATE
    np.testing.assert_allclose(0.5 * own.turned.sum(), change - first_order, rtol=1e-10)
    np.testing.assert_allclose(own.moved, evidence.sums["1.weight"].movement, rtol=1e-10)


def orthogonal(scales, minibatches, seed=0, noise=1.0, weights=None):
    """Minibatches of one example a coordinate: the Hessian is diagonal, the same in all."""
    rng, x = np.random.default_rng(seed), np.diag(scales)
    weights = np.ones(len(scales)) if weights is None else weights
    drawn = x @ weights + noise * rng.normal(size=(minibatches, len(scales)))
    return [(torch.tensor(x), torch.tensor(y)) for y in drawn]


def linear(start):
    model = nn.Linear(len(start), 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.as_tensor(start)[None])
    return model


def test_the_secant_of_a_quadratic_with_a_diagonal_hessian_is_exact():
    scales = np.geomspace(0.1, 3, 8)
    start = np.linspace(-1, 1, 8)
    given = PruningTask(linear(start), train=orthogonal(scales, 5), loss=squares)
    (evidence,) = probed(given, collecting(excitation_spread=3.0, excitation_noise=1.0))
    hessian = scales**2 / 8
    np.testing.assert_allclose(evidence.attribution["weight"].curvature, hessian, rtol=1e-9)
    expected = hessian * evidence.collected["weight"][0] ** 2 / 2
    np.testing.assert_allclose(SecantSaliency().scores(evidence)["weight"][0], expected)


def test_the_gain_is_the_mean_gradient_squared_and_movement_the_noise():
    scales, start = np.full(6, 2.0), np.array([1.0, 1.1, 0.8, 1.3, 0.5, 1.0])
    steps, noise, rate = 3000, 3.0, 1e-9
    given = PruningTask(linear(start), train=orthogonal(scales, steps, noise=noise), loss=squares)
    (evidence,) = probed(given, collecting(collecting_rate=rate))
    own = evidence.attribution["weight"]
    mean, spread = scales**2 / 6 * (start - 1), noise * scales / 6
    # variances of products of neighbours: of each, and of two that share a gradient
    variance = 2 * mean**2 * spread**2 + spread**4 + 2 * mean**2 * spread**2
    errors = np.sqrt(variance / steps)
    assert (np.abs(own.gain / (rate * steps) - mean**2) < 4.5 * errors).all()
    moved = own.moved / (rate**2 * steps)
    np.testing.assert_allclose(moved, mean**2 + spread**2, rtol=0.15)


def test_inputs_that_say_nothing_are_last_by_gain_and_first_by_movement():
    """Loud inputs without a meaning, at their optimum 0, and quiet ones that are far from it."""
    rng, quiet, loud = np.random.default_rng(0), slice(0, 4), slice(4, 8)
    x = rng.normal(size=(65_536, 8)) * np.array([0.5] * 4 + [4.0] * 4)
    y = x[:, quiet] @ np.ones(4) + 2 * rng.normal(size=len(x))
    train = batched(torch.tensor(x), torch.tensor(y), size=256)
    start = np.array([-0.5, -0.4, -0.6, -0.5, 1e-9, 1e-9, 1e-9, 1e-9])
    given = PruningTask(linear(start), train=train, loss=squares)
    probe = Probe()
    settings = collecting(collecting_rate=1e-6)
    prune(given, criterion=probe, sparsity=0.5, seed=3, settings=settings, quiet=True)
    moved = TotalMovement().scores(probe.given[0])["weight"][0]
    gain = FreshGain(squared=False).scores(probe.given[0])["weight"][0]
    assert moved[loud].min() > 2 * moved[quiet].max()
    assert gain[loud].max() < gain[quiet].min() / 1.5
    for criterion, expected in ((FreshGain(squared=False), quiet), (TotalMovement(), loud)):
        found = prune(
            given, criterion=criterion, sparsity=0.5, seed=3, settings=settings, quiet=True
        )
        assert found.masks.kept["weight"][0, expected].all()


def test_a_fresh_minibatch_is_the_next_one_and_for_the_last_the_first():
    seen, given = [], batched(*examples(n=80), size=16)
    numbers = {float(x[0, 0]): i for i, (x, _) in enumerate(given)}

    class Watching(nn.Linear):
        def forward(self, inputs):
            if self.training and torch.is_grad_enabled():
                seen.append(numbers[float(inputs[0, 0])])
            return super().forward(inputs)

    model = Watching(6, 3)
    probed(PruningTask(model, train=given), collecting(), parts=("fresh",))
    assert seen == [0, 1, 1, 2, 2, 3, 3, 4, 4, 0]


def test_one_minibatch_is_refused_before_training_where_that_is_known():
    trained = []

    def loss(outputs, targets):
        trained.append(1)
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    short = {"sparsity": 0.5, "seed": 0, "settings": SHORT, "quiet": True}
    with pytest.raises(ConfigurationError, match="two minibatches an epoch"):
        prune(PruningTask(fixed_network(), train=examples(), loss=loss), criterion="gain", **short)
    assert not trained
    one = PruningTask(fixed_network(), train=[examples()], loss=loss)
    with pytest.raises(ConfigurationError, match="two minibatches an epoch"):
        prune(one, criterion="gain", **short)
    assert prune(one, criterion="secant", **short).sparsity == pytest.approx(0.5, abs=0.01)


def test_criteria_of_loss_series_are_refused_before_training():
    with pytest.raises(ConfigurationError, match="which prune does not record"):
        prune(
            task(), criterion=SeriesSlope(), sparsity=0.5, seed=0,
            settings=SHORT, quiet=True,
        )  # fmt: skip


def test_sums_that_are_not_finite_are_refused():
    given = PruningTask(fixed_network().double(), train=doubled())
    settings = collecting(collecting_rate=1e200)
    with pytest.raises(DataError, match="diverge"):
        prune(given, criterion="gain", sparsity=0.5, seed=0, settings=settings, quiet=True)


def test_the_same_seed_gives_the_same_masks_however_many_load_and_prune(tmp_path):
    settings = replace(SHORT, excitation_noise=2.0)
    x, y = examples()

    def loaded(workers):
        return task(model=noisy_network, train=shuffled(x, y, num_workers=workers))

    found = [
        prune(
            loaded(workers), criterion="gain", sparsity=0.5, seed=7, settings=settings, quiet=True
        )
        for workers in (0, 2)
    ]
    assert same(*(each.model.state_dict() for each in found))
    logs = [
        prune_many(
            task(), criteria=["gain", "secant"], seeds=[7], sparsities=[0.5],
            out=tmp_path / str(workers), settings=settings, workers=workers, quiet=True,
        ).drop(columns="seconds")
        for workers in (1, 2)
    ]  # fmt: skip
    assert logs[0].equals(logs[1])
    assert set(logs[0]["method"]) == {"gain", "secant"}


@pytest.mark.parametrize("name", ["gain", "secant"])
def test_units_are_pruned_by_attributions_too(name):
    settings = replace(SHORT, structured=True)
    found = prune(task(), criterion=name, sparsity=0.5, seed=1, settings=settings, quiet=True)
    assert found.units.layer_counts() == {"0.weight": 6}
