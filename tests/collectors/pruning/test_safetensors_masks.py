"""Masks and masked weights come back from safetensors files as they were written."""

import hashlib
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.masks import Masks
from collectors.pruning import safetensors_masks
from collectors.pruning.safetensors_masks import load_masked, load_masks, save_masked, save_masks
from collectors.pruning.torch_masks import apply_masks, read_masks


def assert_same(found, wanted):
    assert list(found.kept) == list(wanted.kept)
    for name, mask in wanted.kept.items():
        np.testing.assert_array_equal(found.kept[name], mask)


def drawn_masks():
    rng = np.random.default_rng(0)
    shapes = {"z.weight": (5, 3, 3, 3), "a.weight": (7, 45), "b.bias": (1,)}
    return Masks({name: rng.random(shape) < 0.3 for name, shape in shapes.items()})


@pytest.mark.parametrize("packed", [True, False])
def test_masks_come_back_in_their_order_and_shapes(tmp_path, packed):
    path, masks = tmp_path / "deep" / "masks.safetensors", drawn_masks()
    save_masks(path, masks, packed=packed, metadata={"criterion": "magnitude"})
    assert_same(load_masks(path), masks)
    with safe_open(path, framework="np") as stream:
        assert stream.metadata()["criterion"] == "magnitude"


arrays = hnp.arrays(bool, hnp.array_shapes(max_dims=4, max_side=9))


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text("abc._0", min_size=1, max_size=6), arrays, min_size=1, max_size=3))
def test_any_masks_come_back(tmp_path_factory, kept):
    # names that wrappers or the file's own endings could be taken for are left out
    kept = {f"layer.{name}.weight": mask for name, mask in kept.items()}
    path = tmp_path_factory.mktemp("masks") / "m.safetensors"
    save_masks(path, Masks(kept))
    assert_same(load_masks(path), Masks(kept))


def test_any_program_reads_masks_that_are_not_packed(tmp_path):
    path, masks = tmp_path / "masks.safetensors", drawn_masks()
    save_masks(path, masks, packed=False)
    found = load_file(path)
    for name, mask in masks.kept.items():
        np.testing.assert_array_equal(found[f"{name}_mask"].numpy(), mask)


def test_packed_masks_take_an_eighth_of_a_byte_an_entry(tmp_path):
    masks = Masks({"w": np.random.default_rng(0).random((1000, 800)) < 0.5})
    sizes = []
    for packed in (True, False):
        save_masks(tmp_path / "m.safetensors", masks, packed=packed)
        sizes.append((tmp_path / "m.safetensors").stat().st_size)
    assert 100_000 <= sizes[0] < 100_500
    assert 800_000 <= sizes[1] < 800_500


def test_the_masks_of_a_state_dict_of_prune_that_another_program_wrote_are_read(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    masks = Masks({"0.weight": np.eye(2, 3, dtype=bool), "1.weight": np.eye(2, dtype=bool)})
    apply_masks(model, masks)
    save_file(nn.DataParallel(model).state_dict(), tmp_path / "m.safetensors")
    assert_same(load_masks(tmp_path / "m.safetensors"), masks)


@pytest.mark.parametrize("masked", [True, False])
def test_a_masked_network_comes_back_whole(tmp_path, masked):
    torch.manual_seed(0)

    def make():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 3))

    model, path, x = make(), tmp_path / "net.safetensors", torch.randn(2, 1, 6, 6)
    rng = np.random.default_rng(0)
    masks = Masks(
        {"0.weight": rng.random((2, 1, 3, 3)) < 0.5, "3.weight": rng.random((3, 32)) < 0.1}
    )
    model(x)  # running means that are not the first ones
    save = make()
    save.load_state_dict(model.state_dict())
    if masked:
        apply_masks(save, masks)
    save_masked(path, save, masks)
    apply_masks(model, masks)

    state, found = load_masked(path)
    fresh = make()
    fresh.load_state_dict(state)
    assert torch.equal(fresh.eval()(x), model.eval()(x))
    apply_masks(fresh, found)
    assert torch.equal(fresh(x), model(x))
    assert_same(found, masks)
    assert_same(load_masks(path), masks)
    assert_same(read_masks(fresh), masks)


def test_the_file_of_a_network_95_percent_pruned_is_a_twelfth_of_the_dense_one(tmp_path):
    model = nn.Linear(1000, 500, bias=False)
    masks = Masks({"weight": np.random.default_rng(0).random((500, 1000)) < 0.05})
    save_masked(tmp_path / "net.safetensors", model, masks)
    # 32 bits of values times 0.05, and a bit of the mask, for 32 bits
    share = (tmp_path / "net.safetensors").stat().st_size / (4 * 500_000)
    assert share == pytest.approx((32 * 0.05 + 1) / 32, rel=0.02)


def test_shared_weights_and_half_precision_come_back(tmp_path):
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)).bfloat16()
    model[1].weight = model[0].weight
    masks = Masks({"0.weight": np.eye(3, dtype=bool)})
    save_masked(tmp_path / "net.safetensors", model, masks)
    state, _ = load_masked(tmp_path / "net.safetensors")
    assert state["0.weight"].dtype == torch.bfloat16
    assert torch.equal(state["0.weight"], model[0].weight.detach() * torch.eye(3))
    assert torch.equal(state["1.weight"], state["0.weight"])


def test_the_same_masks_give_the_same_bytes(tmp_path):
    digests = set()
    for name in "abcdef":
        save_masks(tmp_path / name, drawn_masks(), metadata={"seed": "1", "é": "2"})
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_file_that_is_not_there_or_not_of_masks_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="there is no file"):
        load_masks(tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="there is no file"):
        load_masks(tmp_path)
    wrong = tmp_path / "wrong.safetensors"
    wrong.write_bytes(b"not a file of tensors")
    with pytest.raises(DataError, match="expected a safetensors file"):
        load_masks(wrong)
    save_masks(wrong, drawn_masks())
    wrong.write_bytes(wrong.read_bytes()[:-5])
    with pytest.raises(DataError, match="expected a safetensors file"):
        load_masks(wrong)
    save_file({"weight": torch.ones(2)}, wrong)
    with pytest.raises(DataError, match="holds no masks"):
        load_masks(wrong)
    save_masks(wrong, drawn_masks())
    with pytest.raises(DataError, match=r"no values of a\.weight.*load_masks"):
        load_masked(wrong)


def test_tensors_that_do_not_fit_their_masks_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    ours = {"format": safetensors_masks.FORMAT, "shapes": '{"w": [3, 3]}'}
    save_file({"w_mask": torch.zeros(3, dtype=torch.uint8)}, path, metadata=ours)
    with pytest.raises(DataError, match=r"\(3,\).*'w', of shape \(3, 3\)"):
        load_masks(path)
    full = torch.full((2,), 255, dtype=torch.uint8)
    save_file({"w_mask": full, "w_kept": torch.ones(4)}, path, metadata=ours)
    with pytest.raises(DataError, match=r"4 values of 'w'; its mask keeps 9"):
        load_masked(path)
    save_file({"w_mask": full}, path, metadata=ours | {"shapes": "[3"})
    with pytest.raises(DataError, match="expected a safetensors file"):
        load_masks(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.safetensors"
    save_masks(path, drawn_masks())
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        save_masks(path, Masks({"w": np.ones(4, bool)}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("metadata", [{"shapes": "x"}, {"seed": 1}])
def test_metadata_of_another_kind_or_under_a_name_of_ours_are_refused(tmp_path, metadata):
    with pytest.raises(ConfigurationError, match="other than format, shapes"):
        save_masks(tmp_path / "m", drawn_masks(), metadata=metadata)
    assert not list(tmp_path.iterdir())
