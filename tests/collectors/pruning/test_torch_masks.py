"""Masks in torch.nn.utils.prune: what is pruned stays zero, and survives copies and reloads."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks
from collectors.pruning.torch_masks import (
    apply_masks,
    copy_masked,
    make_permanent,
    masks_in_state,
    read_masks,
)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4)
    )


def drawn_masks(seed=0, share=0.4):
    rng = np.random.default_rng(seed)
    shapes = {"0.weight": (3, 1, 3, 3), "4.weight": (4, 48), "4.bias": (4,)}
    return Masks({name: rng.random(shape) < share for name, shape in shapes.items()})


def train(model, optimizer, steps=5):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 1, 6, 6)).square().sum().backward()
        optimizer.step()


def assert_same(found, wanted):
    assert list(found.kept) == list(wanted.kept)
    for name, mask in wanted.kept.items():
        np.testing.assert_array_equal(found.kept[name], mask)


def test_a_masked_network_computes_with_zeros_in_the_place_of_what_is_pruned():
    model, masks, x = network().eval(), drawn_masks(), torch.randn(2, 1, 6, 6)
    zeroed = copy.deepcopy(model)
    for name, p in zeroed.named_parameters():
        if name in masks.kept:
            p.data[~torch.from_numpy(masks.kept[name])] = 0
    apply_masks(model, masks)
    assert torch.equal(model(x), zeroed(x))
    assert_same(read_masks(model), masks)
    assert_same(read_masks(zeroed, list(masks.kept), source="zeros"), masks)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, weight_decay=0.1, nesterov=True),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.1),
        lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9),
    ],
)
def test_no_optimiser_revives_what_is_pruned(make):
    model, masks = network(), drawn_masks()
    optimizer = make(model.parameters())
    train(model, optimizer)  # momentum before masking would move what is then pruned
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    apply_masks(model, masks)
    train(model, optimizer)
    assert_same(read_masks(model), masks)
    make_permanent(model)
    for name, p in model.named_parameters():
        if name in masks.kept:
            kept = torch.from_numpy(masks.kept[name])
            assert not p[~kept].any()
            # the optimiser went on training the same parameters
            assert (p[kept] != before[name][kept]).all()


def test_masking_and_unmasking_leave_the_parameters_the_same_objects_in_the_same_order():
    model = network()
    before = [id(p) for p in model.parameters()]
    names = [name for name, _ in model.named_parameters()]
    apply_masks(model, drawn_masks())
    assert [id(p) for p in model.parameters()] == before
    make_permanent(model, ["0.weight"])
    assert list(read_masks(model).kept) == ["4.weight", "4.bias"]
    make_permanent(model)
    assert [id(p) for p in model.parameters()] == before
    assert [name for name, _ in model.named_parameters()] == names


def test_a_second_mask_takes_the_place_of_the_first_and_what_it_frees_comes_back():
    model, x = network().eval(), torch.randn(2, 1, 6, 6)
    wanted = model(x)
    apply_masks(model, drawn_masks(seed=1))
    assert not torch.equal(model(x), wanted)
    apply_masks(model, Masks.all_kept(drawn_masks().shapes))
    assert torch.equal(model(x), wanted)


def test_masks_of_torchs_own_methods_are_read_also_when_combined():
    model = nn.Linear(4, 2)
    prune.l1_unstructured(model, "weight", amount=2)
    prune.random_unstructured(model, "weight", amount=3)
    np.testing.assert_array_equal(
        read_masks(model).kept["weight"], model.weight_mask.numpy().astype(bool)
    )
    assert read_masks(model).sparsity == pytest.approx(5 / 8)
    apply_masks(model, Masks({"weight": np.eye(2, 4, dtype=bool)}))
    assert model(torch.ones(1, 4)).isfinite().all()
    assert read_masks(model).layer_counts() == {"weight": 2}


def test_a_copy_of_a_network_that_has_been_trained_keeps_its_masks_and_shares_nothing():
    model, masks = network(), drawn_masks()
    apply_masks(model, masks)
    train(model, torch.optim.SGD(model.parameters(), lr=0.01))
    with pytest.raises(RuntimeError, match="deepcopy"):  # torch's own cannot
        copy.deepcopy(model)
    twin = copy_masked(model)
    assert_same(read_masks(twin), masks)
    x = torch.randn(2, 1, 6, 6)
    assert torch.equal(twin.eval()(x), model.eval()(x))
    shared = {t.data_ptr() for t in model.state_dict().values()}
    assert not shared & {t.data_ptr() for t in twin.state_dict().values()}
    train(twin, torch.optim.SGD(twin.parameters(), lr=0.1))
    assert_same(read_masks(twin), masks)
    assert not torch.equal(twin.eval()(x), model.eval()(x))


def test_a_network_reloaded_from_its_state_goes_on_to_the_same_bytes():
    model, masks = network(), drawn_masks()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    apply_masks(model, masks)
    train(model, optimizer)
    state, optimizer_state = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
    torch.manual_seed(5)
    train(model, optimizer)

    fresh = network()
    apply_masks(fresh, masks_in_state(state))
    fresh.load_state_dict(state)
    again = torch.optim.Adam(fresh.parameters(), lr=0.01)
    again.load_state_dict(optimizer_state)
    torch.manual_seed(5)
    train(fresh, again)
    assert_same(read_masks(fresh), masks)
    for name, tensor in model.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor), name


def test_an_optimiser_made_before_masking_and_one_made_after_have_one_order_of_states():
    first, second = network(), network()
    early = torch.optim.Adam(first.parameters(), lr=0.01)
    apply_masks(first, drawn_masks())
    train(first, early, steps=1)
    apply_masks(second, drawn_masks())
    late = torch.optim.Adam(second.parameters(), lr=0.01)
    late.load_state_dict(early.state_dict())
    for p in second.parameters():
        assert late.state[p]["exp_avg"].shape == p.shape


def test_names_are_those_of_the_network_within_its_wrappers():
    model, masks = network(), drawn_masks()
    wrapped = nn.DataParallel(model)
    apply_masks(wrapped, masks)
    assert_same(read_masks(wrapped), masks)
    assert_same(read_masks(model), masks)
    assert_same(masks_in_state(wrapped.state_dict()), masks)
    other = network()
    apply_masks(other, Masks({f"module.{name}": mask for name, mask in masks.kept.items()}))
    assert_same(read_masks(other), masks)


def test_a_shared_parameter_is_masked_wherever_it_is_used():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    mask = np.eye(3, dtype=bool)
    apply_masks(model, Masks({"0.weight": mask}))
    diagonal = model[0].weight_orig.detach().diag()
    x = torch.randn(2, 3)
    torch.testing.assert_close(model(x), x * diagonal.square())
    assert list(read_masks(model).kept) == ["0.weight"]
    make_permanent(model)
    assert model[1].weight is model[0].weight
    assert int(model[1].weight.count_nonzero()) == 3


def test_masks_that_do_not_fit_are_refused_and_nothing_is_masked():
    model = network()
    with pytest.raises(ConfigurationError, match=r"no parameter 'fc.weight'.*0.weight"):
        apply_masks(
            model, Masks({"0.weight": np.ones((3, 1, 3, 3), bool), "fc.weight": np.ones(1, bool)})
        )
    with pytest.raises(ConfigurationError, match=r"shape \(4, 47\), the parameter \(4, 48\)"):
        apply_masks(
            model,
            Masks({"0.weight": np.ones((3, 1, 3, 3), bool), "4.weight": np.ones((4, 47), bool)}),
        )
    assert "0.weight" in dict(model.named_parameters())
    with pytest.raises(ConfigurationError, match="source='zeros'"):
        read_masks(model)
    apply_masks(model, Masks({"4.weight": np.ones((4, 48), bool)}))
    with pytest.raises(ConfigurationError, match=r"has not masked 0\.weight"):
        read_masks(model, ["4.weight", "0.weight"])
    with pytest.raises(ConfigurationError, match="no masks"):
        masks_in_state(network().state_dict())
    with pytest.raises(ConfigurationError, match="got 'ones'"):
        read_masks(model, source="ones")
