"""Epochs of the task's own optimiser before a criterion ranks, from which training goes back."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.pruning import PruningSettings, PruningTask, prune
from tests.collectors.pruning.problems import (
    SHORT,
    Probe,
    batched,
    examples,
    fixed_network,
    same,
    task,
)

LEVELS = (0.3, 0.6)
SETTINGS = PruningSettings(n_pre=2, n_iter=2, n_more=3, n_prune=0, n_post=0, learning_rate=5e-3)


def literal(model, minibatches):
    """Magnitude after more epochs of Adam, rewound, in plain torch."""
    weights = {k: p for k, p in model.named_parameters() if k.endswith("weight")}

    def train(epochs, masks):
        adam = torch.optim.Adam(model.parameters(), lr=SETTINGS.learning_rate)
        for _ in range(epochs):
            for x, y in minibatches:
                adam.zero_grad()
                nn.functional.cross_entropy(model(x), y, reduction="none").mean().backward()
                with torch.no_grad():
                    for name, weight in weights.items():
                        weight.grad *= masks[name]
                adam.step()
                with torch.no_grad():
                    for name, weight in weights.items():
                        weight *= masks[name]

    masks = {name: torch.ones_like(w) for name, w in weights.items()}
    train(SETTINGS.n_pre, masks)
    origin = copy.deepcopy(model.state_dict())
    for level in LEVELS:
        train(SETTINGS.n_more, masks)
        flat = torch.cat([w.detach().abs().flatten() for w in weights.values()])
        cut = flat.sort(descending=True).values[round((1 - level) * len(flat)) - 1]
        masks = {name: (w.detach().abs() >= cut).float() for name, w in weights.items()}
        model.load_state_dict(origin)
        with torch.no_grad():
            for name, weight in weights.items():
                weight *= masks[name]
    return masks, model.state_dict()


def test_masks_are_those_of_a_literal_loop_bit_for_bit_and_training_goes_back():
    minibatches = batched(*examples())
    given = PruningTask(fixed_network(), train=minibatches)
    found = prune(
        given, criterion="magnitude", sparsity=LEVELS, seed=0, settings=SETTINGS, quiet=True
    )
    masks, weights = literal(fixed_network(), minibatches)
    for layer, mask in masks.items():
        np.testing.assert_array_equal(found.masks.kept[layer], mask.bool().numpy())
    assert same(found.model.state_dict(), weights)
    rows = found.log[["iteration", "stage"]].itertuples(index=False)
    assert [tuple(row) for row in rows][:10] == [
        (0, "pretraining"), (0, "pretraining"),
        (1, "training"), (1, "training"), (1, "training"), (1, "pruned"),
        (2, "training"), (2, "training"), (2, "training"), (2, "pruned"),
    ]  # fmt: skip


def test_steps_are_collected_after_them():
    starts = {}
    for more in (0, 2):
        probe = Probe()
        settings = replace(SHORT, n_more=more, n_iter=1)
        prune(task(), criterion=probe, sparsity=0.5, seed=1, settings=settings, quiet=True)
        (evidence,) = probe.given
        steps = {n: evidence.sums[n].displacement for n in evidence.masks.kept}
        starts[more] = {n: evidence.collected[n] - steps[n].reshape(w.shape)
                        for n, w in evidence.collected.items()}  # fmt: skip
        origin = evidence.weights
    for name, weight in origin.items():
        np.testing.assert_allclose(starts[0][name], weight, atol=1e-6)
        assert np.abs(starts[2][name] - weight).max() > 1e-3


@pytest.mark.parametrize("criterion", ["movement", "gain", "causal-ridge"])
def test_criteria_that_rank_by_steps_need_some(criterion):
    with pytest.raises(ConfigurationError, match="n_prune must be at least 1"):
        prune(task(), criterion=criterion, sparsity=0.5, seed=1, settings=SETTINGS, quiet=True)


@pytest.mark.parametrize("criterion", ["lamp", "obd", "random"])
def test_others_do_without(criterion):
    settings = replace(SETTINGS, n_more=1)
    found = prune(task(), criterion=criterion, sparsity=0.5, seed=1, settings=settings, quiet=True)
    assert found.sparsity == pytest.approx(0.5, abs=0.01)
    assert "collecting" not in set(found.log["stage"])
