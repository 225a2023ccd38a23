"""Claims about allocation: counts are exact, what is pruned stays so, ranks alone decide."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils import prune

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.masks import Masks, allocate

SHAPES = {"conv": (3, 2, 2), "fc": (4, 5), "bias": (7,)}
SIZE = 12 + 20 + 7


def drawn(seed, levels=None):
    """Scores of three layers on different scales; few levels make ties."""
    rng = np.random.default_rng(seed)
    scales = dict(zip(SHAPES, (1.0, 1e-18, 1e6), strict=True))
    if levels is not None:
        return {n: rng.integers(levels, size=s).astype(float) for n, s in SHAPES.items()}
    return {n: scales[n] * rng.random(s) for n, s in SHAPES.items()}


def some_masks(seed, share=0.7):
    rng = np.random.default_rng(seed)
    return Masks({n: rng.random(s) < share for n, s in SHAPES.items()})


def joined(arrays):
    return np.concatenate([np.ravel(a) for a in arrays.values()])


def reference(scores, count, floor, within):
    """Keep entries one at a time: the floor of each layer first, then the best of what is left."""
    order = [
        (-value, at, name, index)
        for at, name in enumerate(scores)
        for index, value in enumerate(scores[name].ravel())
        if within.kept[name].ravel()[index]
    ]
    order.sort()
    kept = []
    for name in scores:
        kept += [entry for entry in order if entry[2] == name][:floor]
    if len(kept) <= count:
        kept += [entry for entry in order if entry not in kept][: count - len(kept)]
    masks = {name: np.zeros(values.size, dtype=bool) for name, values in scores.items()}
    for _, _, name, index in kept:
        masks[name][index] = True
    return masks


seeds = st.integers(0, 2**32 - 1)


@given(
    seed=seeds,
    sparsity=st.floats(0.45, 0.9),
    floor=st.integers(0, 1),
    levels=st.sampled_from([None, 3]),
)
@settings(max_examples=60, deadline=None)
def test_a_network_sparsity_keeps_what_a_search_one_entry_at_a_time_keeps(
    seed, sparsity, floor, levels
):
    scores, within = drawn(seed, levels), some_masks(seed, 0.8)
    count = round((1 - sparsity) * SIZE)
    if count > joined(within.kept).sum():
        with pytest.raises(ConfigurationError, match="are left"):
            allocate(scores, sparsity=sparsity, minimum=floor, within=within)
        return
    found = allocate(scores, sparsity=sparsity, minimum=floor, within=within)
    expected = reference(scores, count, floor, within)
    for name, mask in found.masks.kept.items():
        assert (mask.ravel() == expected[name]).all()
    assert joined(found.masks.kept).sum() == count


@given(seed=seeds, sparsity=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_counts_are_exact_over_the_network_and_over_each_layer(seed, sparsity):
    scores = drawn(seed, levels=4)
    whole = allocate(scores, sparsity=sparsity, minimum=0)
    assert joined(whole.masks.kept).sum() == round((1 - sparsity) * SIZE)
    each = allocate(scores, sparsity=sparsity, minimum=0, scope="layer").masks
    assert each.layer_counts() == {
        name: round((1 - sparsity) * int(np.prod(shape))) for name, shape in SHAPES.items()
    }


@given(seed=seeds, share=st.floats(0, 1), data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_pruned_stays_pruned_by_every_rule(seed, share, data):
    scores, within = drawn(seed), some_masks(seed, share)
    counts = {n: data.draw(st.integers(0, k)) for n, k in within.layer_counts().items()}
    for rule in ({"counts": counts}, {"threshold": 0.5}, {"threshold": 0.0}):
        found = allocate(scores, within=within, **rule).masks
        assert not any((found.kept[n] & ~within.kept[n]).any() for n in SHAPES)
        if "counts" in rule:
            assert found.layer_counts() == counts


@given(seed=seeds, sparsity=st.floats(0, 0.9))
@settings(max_examples=30, deadline=None)
def test_permuting_the_entries_of_a_layer_permutes_its_mask(seed, sparsity):
    scores = drawn(seed)
    order = np.random.default_rng(seed).permutation(12)
    moved = scores | {"conv": scores["conv"].ravel()[order].reshape(3, 2, 2)}
    for scope in ("layer", "network"):
        one = allocate(scores, sparsity=sparsity, scope=scope).masks.kept
        other = allocate(moved, sparsity=sparsity, scope=scope).masks.kept
        assert (other["conv"].ravel() == one["conv"].ravel()[order]).all()
        assert (other["fc"] == one["fc"]).all()


@given(
    seed=seeds, power=st.sampled_from([0.25, 1.0, 2.0]), unit=st.sampled_from([1e-18, 1e-6, 1.0])
)
@settings(max_examples=20, deadline=None)
def test_only_the_order_of_the_scores_matters(seed, power, unit):
    scores = {
        n: np.random.default_rng(seed).permutation(np.prod(s)).reshape(s)
        for n, s in SHAPES.items()
    }
    stretched = {n: unit * (s + 1.0) ** power for n, s in scores.items()}
    one, other = (allocate(s, sparsity=0.8).masks.kept for s in (scores, stretched))
    assert all((one[n] == other[n]).all() for n in SHAPES)


def test_a_larger_sparsity_keeps_a_subset():
    scores = drawn(3)
    masks = [allocate(scores, sparsity=s).masks.kept for s in (0.3, 0.6, 0.9)]
    for wide, narrow in itertools.pairwise(masks):
        assert not any((narrow[n] & ~wide[n]).any() for n in SHAPES)


def test_masks_of_magnitudes_are_those_of_torch():
    torch.manual_seed(0)
    layers = {"0": torch.nn.Linear(30, 20), "1": torch.nn.Conv2d(3, 8, 5)}
    for module in layers.values():
        torch.nn.init.normal_(module.weight)
    weights = {n: m.weight.detach().numpy().copy() for n, m in layers.items()}
    size = sum(w.size for w in weights.values())
    prune.global_unstructured(
        [(m, "weight") for m in layers.values()], prune.L1Unstructured, amount=0.83
    )
    found = allocate({n: np.abs(w) for n, w in weights.items()}, sparsity=0.83, minimum=0).masks
    assert joined(found.kept).sum() == size - round(0.83 * size)
    for name, module in layers.items():
        assert (found.kept[name] == module.weight_mask.numpy().astype(bool)).all()


def test_a_layer_held_to_its_minimum_displaces_others_and_is_reported():
    scores = {"slow": np.full(5, 1e-18), "fast": np.arange(1.0, 11.0)}
    found = allocate(scores, sparsity=0.6, minimum=2)
    assert found.masks.layer_counts() == {"slow": 2, "fast": 4}
    assert found.collapsed == {"slow": 0}
    assert found.counts()["collapsed"].tolist() == [True, False]
    assert "layer 'slow' collapsed: the rule alone kept 0, the minimum is 2" in found.summary()
    assert found.tied == 3
    assert "3 entries left out tie" in found.summary()


def test_a_minimum_is_over_what_is_left_of_a_layer():
    scores = {"a": np.array([0.0, 0.0, 1e-3]), "b": np.arange(1.0, 8.0)}
    within = Masks({"a": np.array([False, False, True]), "b": np.ones(7, dtype=bool)})
    found = allocate(scores, sparsity=0.7, minimum=2, within=within)
    assert found.masks.layer_counts() == {"a": 1, "b": 2}
    assert found.counts()["before"].tolist() == [1, 7]
    gone = Masks({"a": np.zeros(3, dtype=bool), "b": np.ones(7, dtype=bool)})
    found = allocate(scores, sparsity=0.7, minimum=2, within=gone)
    assert found.masks.layer_counts() == {"a": 0, "b": 3}
    assert found.collapsed == {}


def test_a_threshold_leaves_out_what_equals_it_and_holds_the_minimum():
    scores = {"a": np.array([0.0, 0.2, 0.3]), "b": np.zeros(4)}
    found = allocate(scores, threshold=0.2, minimum=1)
    assert [m.tolist() for m in found.masks.kept.values()] == [
        [False, False, True],
        [True, False, False, False],
    ]
    assert found.collapsed == {"b": 0}
    assert allocate(scores, threshold=0.0, minimum=0).masks.layer_counts() == {"a": 2, "b": 0}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({}, "one of them"),
        ({"sparsity": 0.5, "counts": {}}, "one of them"),
        ({"sparsity": 1.2}, r"share in \[0, 1\]"),
        ({"threshold": -1.0}, "not below 0"),
        ({"sparsity": 0.5, "scope": "block"}, "'layer' or 'network'"),
        ({"sparsity": 0.5, "minimum": -1}, "minimum of 0 or more"),
        ({"counts": {"conv": 1}}, r"of every layer, \['bias', 'conv', 'fc'\]; got \['conv'\]"),
        ({"counts": {"conv": 13, "fc": 1, "bias": 1}}, "'conv' is to keep 13 entries, and 12"),
        ({"sparsity": 0.95, "minimum": 3}, "keeps 9 entries; sparsity 0.95 leaves 2"),
        ({"sparsity": 0.5, "within": Masks({"fc": np.ones(3, bool)})}, "same layers and shapes"),
    ],
)
def test_a_request_that_means_nothing_is_refused(call, message):
    with pytest.raises(ConfigurationError, match=message):
        allocate(drawn(0), **call)


def test_more_than_is_left_is_refused_for_the_network_and_for_a_layer():
    scores = {"a": np.arange(4.0), "b": np.arange(4.0)}
    within = Masks({"a": np.zeros(4, dtype=bool), "b": np.ones(4, dtype=bool)})
    with pytest.raises(ConfigurationError, match=r"keeps 6 entries, and 4 are left.*of 0\.5 or"):
        allocate(scores, sparsity=0.25, within=within)
    with pytest.raises(ConfigurationError, match="'a' is to keep 2 entries, and 0 are left"):
        allocate(scores, sparsity=0.5, scope="layer", within=within)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e-30])
def test_a_score_that_ranks_nothing_is_refused(bad):
    scores = drawn(0)
    scores["fc"][1, 2] = bad
    with pytest.raises(DataError, match="entry 7 of layer 'fc'"):
        allocate(scores, sparsity=0.5)
