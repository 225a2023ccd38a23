"""The pair estimators against enumeration of every way to draw the minibatches."""

import math
from itertools import combinations, pairwise, product

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.noise.accumulation import MinibatchPairs
from collectors.noise.minibatch_pairs import pair_estimates, paired_noise

from .networks import cross_entropy, gradients_one_by_one, make

GRADIENTS = np.random.default_rng(0).normal(0.7, [1.0, 2.0], size=(6, 2))


def norm(g):
    return float((g**2).sum())


def estimates_of(*parts):
    """Estimates from lists of rows of GRADIENTS."""
    sizes = [len(p) for p in parts]
    union = GRADIENTS[[i for p in parts for i in p]].mean(0)
    return pair_estimates([norm(GRADIENTS[list(p)].mean(0)) for p in parts], sizes, norm(union))


@pytest.mark.parametrize(("first", "second"), [(1, 1), (1, 2), (2, 2), (2, 4), (3, 3), (1, 5)])
def test_disjoint_batches_are_unbiased_without_a_finite_population_factor(first, second):
    # every ordered pair of disjoint batches from the six examples
    found = [
        estimates_of(a, b)
        for a in combinations(range(6), first)
        for b in combinations(sorted(set(range(6)) - set(a)), second)
    ]
    trace = GRADIENTS.var(0, ddof=1).sum()
    assert np.mean([s for s, _ in found]) == pytest.approx(trace, rel=1e-12)
    assert np.mean([g for _, g in found]) == pytest.approx(
        norm(GRADIENTS.mean(0)) - trace / 6, rel=1e-10
    )


def test_independent_draws_are_unbiased_for_the_population_they_come_from():
    # a population of six equally likely gradients: its covariance has the divisor 6
    found = [estimates_of(d[:1], d[1:]) for d in product(range(6), repeat=3)]
    assert np.mean([s for s, _ in found]) == pytest.approx(GRADIENTS.var(0).sum(), rel=1e-12)
    assert np.mean([g for _, g in found]) == pytest.approx(norm(GRADIENTS.mean(0)), rel=1e-12)


def test_equal_parts_give_the_formulas_of_mccandlish():
    b, k = 3, 4
    B = b * k
    small, union = [1.0, 2.5, 0.7, 3.0], 0.9
    mean = np.mean(small)
    trace, squared = pair_estimates(small, [b] * k, union)
    assert trace == pytest.approx((mean - union) / (1 / b - 1 / B))
    assert squared == pytest.approx((B * union - b * mean) / (B - b))


def test_the_mean_of_ratios_would_overshoot_where_the_ratio_of_means_does_not():
    rng = np.random.default_rng(1)
    model = nn.Linear(20, 1, bias=False, dtype=torch.float64)
    data = [(torch.tensor(rng.normal(1.0, 2.0, size=(16, 20))), None) for _ in range(1000)]
    first = lambda outputs, targets: outputs[:, 0]  # noqa: E731
    found = paired_noise(model, first, data)
    assert found.noise_scale == pytest.approx(4.0, abs=4 * found.noise_scale_error)
    single = [paired_noise(model, first, [batch]) for batch in data[:400]]
    ratios = [x.noise_scale for x in single if not math.isnan(x.noise_scale)]
    assert np.mean(ratios) > 4.0 * 1.02
    assert math.isnan(single[0].covariance_trace_error)


def by_hand(model, x, y, parts):
    rows = gradients_one_by_one(model, cross_entropy, x, y)
    g = np.concatenate(list(rows.values()), axis=1)
    ends = [len(x) * j // parts for j in range(parts + 1)]
    means = [g[a:b].mean(0) for a, b in pairwise(ends)]
    sizes = np.diff(ends)
    total = sum(b * ((m - g.mean(0)) ** 2).sum() for b, m in zip(sizes, means, strict=True))
    trace = total / (parts - 1)
    return trace, norm(g.mean(0)) - trace / len(x)


@pytest.mark.parametrize("parts", [2, 3])
@pytest.mark.parametrize("name", ["mlp", "residual", "tied tokens"])
def test_paired_noise_is_the_analysis_of_variance_of_each_minibatch(name, parts):
    model, x, y = make(name, n=12)
    data = [(x[:7], y[:7]), (x[7:11], y[7:11]), (x[11:], y[11:])]  # the last is left out
    found = paired_noise(model, cross_entropy, data, parts=parts)
    expected = np.array([by_hand(model, a, b, parts) for a, b in data[:2]])
    assert found.count == 2
    assert (found.covariance_trace, found.gradient_squared) == pytest.approx(
        tuple(expected.mean(0))
    )
    errors = expected.std(0, ddof=1) / math.sqrt(2)
    assert found.covariance_trace_error == pytest.approx(errors[0])
    assert found.gradient_squared_error == pytest.approx(errors[1])


@pytest.mark.slow
def test_the_standard_errors_match_the_spread_over_repetitions():
    rng = np.random.default_rng(2)
    model = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    first = lambda outputs, targets: outputs[:, 0]  # noqa: E731
    found = []
    for _ in range(120):
        data = [(torch.tensor(rng.normal(1.0, 1.5, size=(8, 3))), None) for _ in range(20)]
        found.append(paired_noise(model, first, data))
    for name in ("covariance_trace", "gradient_squared", "noise_scale"):
        values = [getattr(f, name) for f in found]
        errors = [getattr(f, name + "_error") for f in found]
        assert np.mean(errors) == pytest.approx(np.std(values, ddof=1), rel=0.2)


def test_dropout_in_train_mode_adds_the_variance_of_its_masks():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(1, 1, bias=False)).double()
    data = [(torch.ones(4, 1, dtype=torch.float64), None)] * 500
    first = lambda outputs, targets: outputs[:, 0]  # noqa: E731
    generator = torch.Generator().manual_seed(0)
    train = paired_noise(model, first, data, mode="train", generator=generator)
    assert train.covariance_trace == pytest.approx(1.0, abs=4 * train.covariance_trace_error)
    assert train.covariance_trace_error < 0.1
    assert paired_noise(model, first, data).covariance_trace == 0.0


def train(model, x, y, *, scaled, clip=False):
    """Four steps of three micro-batches of two; the watcher and the gradients by hand."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    watcher = MinibatchPairs(
        model, optimizer, batch_size=2, accumulation="mean" if scaled else "sum"
    )
    expected = []
    for step in range(4):  # measuring by autograd.grad while watching must count for nothing
        a, b = x[6 * step : 6 * step + 6], y[6 * step : 6 * step + 6]
        expected.append(by_hand(model, a, b, 3))
        optimizer.zero_grad()
        for j in range(3):
            part = slice(2 * j, 2 * j + 2)
            loss = cross_entropy(model(a[part]), b[part]).mean()
            (loss / 3 if scaled else loss).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        optimizer.step()
    return watcher, np.array(expected)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("clip", [True, False])
def test_the_watcher_gives_the_mean_over_steps_of_the_accumulated_minibatches(scaled, clip):
    model, x, y = make("mlp", n=24)
    watcher, expected = train(model, x, y, scaled=scaled, clip=clip)
    found = watcher.estimate()
    assert found.count == 4
    assert found.mode == "eval"
    assert found.covariance_trace == pytest.approx(expected[:, 0].mean())
    assert found.gradient_squared == pytest.approx(expected[:, 1].mean())


def test_watching_changes_no_step_and_closing_removes_every_hook():
    model, x, y = make("mlp", n=24)
    other, _, _ = make("mlp", n=24)
    watcher, _ = train(model, x, y, scaled=True)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.05)
    for step in range(4):
        optimizer.zero_grad()
        for j in range(3):
            part = slice(6 * step + 2 * j, 6 * step + 2 * j + 2)
            (cross_entropy(other(x[part]), y[part]).mean() / 3).backward()
        optimizer.step()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
    watcher.close()
    assert not any(p._backward_hooks or p._post_accumulate_grad_hooks for p in model.parameters())
    assert watcher.estimate().count == 4


def test_a_step_after_a_single_backward_pass_is_left_out():
    model, x, y = make("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    with MinibatchPairs(model, optimizer, batch_size=3) as watcher:
        cross_entropy(model(x), y).mean().backward()
        optimizer.step()
        with pytest.raises(ConfigurationError, match="no step had two parts"):
            watcher.estimate()
        optimizer.zero_grad()
        for part in (slice(0, 3), slice(3, 6)):
            (cross_entropy(model(x[part]), y[part]).mean() / 2).backward()
        optimizer.step()
        assert watcher.estimate().covariance_trace == pytest.approx(by_hand(model, x, y, 2)[0])
        watcher.reset()
        with pytest.raises(ConfigurationError, match="no step had two parts"):
            watcher.estimate()


def test_calls_that_cannot_be_answered_are_refused():
    model, x, y = make("mlp")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for call, words in (
        (lambda: pair_estimates([1.0], [2], 1.0), "2 or more parts"),
        (lambda: pair_estimates([1.0, 1.0], [2, 0], 1.0), "2 or more parts"),
        (lambda: paired_noise(model, cross_entropy, [(x, y)], parts=1), "got 1"),
        (lambda: paired_noise(model, cross_entropy, [(x[:1], y[:1])]), "no step had two parts"),
        (lambda: MinibatchPairs(model, optimizer, 0), "batch size of at least 1"),
        (lambda: MinibatchPairs(model, optimizer, 1, accumulation="max"), "'max'"),
        (
            lambda: paired_noise(make("batch norm")[0], cross_entropy, [(x, y)], mode="train"),
            "normalises by the batch",
        ),
    ):
        with pytest.raises(ConfigurationError, match=words):
            call()
