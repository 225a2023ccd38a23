"""Pruning units: what goes with them, and what the network computes without them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.pruning import PruningTask, prune
from tests.collectors.pruning.problems import SHORT, Draws, Magnitude, batched, fixed_network, task

UNITS = replace(SHORT, structured=True)


class Small(nn.Module):
    """Two convolutions, the first with a batch normalisation, and two linear layers."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(6, 3)  # made first, called last
        self.conv1 = nn.Conv2d(1, 8, 3, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 4, 3)
        self.hidden = nn.Linear(4, 6)

    def forward(self, x):
        x = self.norm(self.conv1(x)).relu()
        x = self.conv2(x).relu().mean((2, 3))
        return self.last(self.hidden(x).relu())


def images(n=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 1, 8, 8, generator=generator)
    return x, (x.mean((1, 2, 3)) > 0).long()


def pruned(sparsity=0.5, criterion=None, settings=UNITS, **changes):
    given = {"model": Small, "train": batched(*images()), "validation": images(32, seed=1)}
    return prune(
        PruningTask(**(given | changes)), criterion=criterion or Magnitude(), sparsity=sparsity,
        seed=0, settings=settings, quiet=True,
    )  # fmt: skip


def test_the_share_of_units_is_as_asked_and_the_output_layer_is_left_whole():
    found = pruned()
    assert found.units.layer_counts().keys() == {"conv1.weight", "conv2.weight", "hidden.weight"}
    assert sum(found.units.layer_counts().values()) == 9  # of 8 + 4 + 6
    assert dict(found.model.named_parameters())["last.weight"].ne(0).all()


class Tied(nn.Module):
    """Embedded words, and an output layer that has the embedding's weight."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(10, 6)
        self.wide, self.narrow = nn.Linear(6, 12), nn.Linear(12, 6)
        self.out = nn.Linear(6, 10, bias=False)
        self.out.weight = self.words.weight

    def forward(self, words):
        x = self.words(words).mean(1)
        return self.out(self.narrow(self.wide(x).relu()).relu())


def test_outputs_whose_weight_another_layer_shares_are_left_whole():
    words = torch.randint(10, (64, 4), generator=torch.Generator().manual_seed(0))
    data = {"train": batched(words, words[:, 0]), "validation": (words, words[:, 0])}
    found = pruned(model=Tied, **data)
    assert found.units.layer_counts().keys() == {"wide.weight", "narrow.weight"}
    assert sum(found.units.layer_counts().values()) == 9  # of 12 + 6
    assert found.model.words.weight.ne(0).all()
    compact, _ = found.compact(words)
    torch.testing.assert_close(compact(words), found.model(words))


def test_masks_of_parameters_are_those_of_their_units():
    found = pruned()
    for name, units in found.units.kept.items():
        mask = found.masks.kept[name]
        wide = np.broadcast_to(units.reshape(-1, *[1] * (mask.ndim - 1)), mask.shape)
        np.testing.assert_array_equal(mask, wide)


def test_a_pruned_unit_gives_nothing_to_what_follows():
    # its bias and its batch normalisation go with it, so that leaving it out changes nothing
    found = pruned(settings=replace(UNITS, scope="layer"))
    model, outputs = found.model, {}
    for name in ("norm", "conv2", "hidden"):
        layer = model.get_submodule(name)
        layer.register_forward_hook(lambda m, i, o, name=name: outputs.update({name: o}))
    model(images(16, seed=3)[0])
    for name, layer in (("conv1", "norm"), ("conv2", "conv2"), ("hidden", "hidden")):
        units = torch.from_numpy(found.units.kept[f"{name}.weight"])
        assert (~units).any()
        assert outputs[layer][:, ~units].eq(0).all()
        assert outputs[layer][:, units].ne(0).any()


def test_at_least_a_unit_of_each_layer_stays_and_a_collapse_is_reported():
    class First:
        name = "first layer last"
        needs = Magnitude().needs

        def scores(self, evidence):
            assert evidence.share == "output"
            return {n: np.full(len(w), 2.0 - ("conv1" in n)) for n, w in evidence.weights.items()}

    found = pruned(sparsity=0.5, criterion=First(), settings=replace(UNITS, minimum=2))
    assert found.units.layer_counts()["conv1.weight"] == 2
    assert "'conv1.weight' collapsed in iteration" in found.summary()
    assert found.layers["collapsed"].any()


def test_zero_units_of_a_given_network_stay_zero():
    model = fixed_network()
    with torch.no_grad():
        model[0].weight[:4] = 0
        model[0].weight[4, :3] = 0
    given = task(model=model)
    found = prune(given, criterion=Magnitude(), sparsity=0.5, seed=0, settings=UNITS, quiet=True)
    assert not found.units.kept["0.weight"][:4].any()
    assert found.units.layer_counts() == {"0.weight": 6}
    assert not found.masks.kept["0.weight"][4, :3].any()


def test_a_network_of_one_layer_has_no_units_to_prune():
    given = task(model=lambda: nn.Linear(6, 3))
    with pytest.raises(ConfigurationError, match="network's output"):
        prune(given, criterion=Draws(), sparsity=0.5, seed=0, settings=UNITS, quiet=True)


def test_a_transposed_convolution_that_is_asked_for_is_refused():
    class Up(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(1, 4, 3)
            self.out = nn.Linear(4, 3)

        def forward(self, x):
            return self.out(self.up(x).mean((2, 3)))

    given = PruningTask(Up, train=batched(*images()), layers=["up.weight", "out.weight"])
    with pytest.raises(ConfigurationError, match=r"'up.weight' has no output units"):
        prune(given, criterion=Draws(), sparsity=0.5, seed=0, settings=UNITS, quiet=True)


def test_the_compact_network_computes_the_same_with_fewer_parameters():
    pytest.importorskip("torch_pruning")
    found = pruned(settings=replace(UNITS, scope="layer"))
    inputs = images(16, seed=3)[0]
    smaller, frame = found.compact(inputs, rounds=2)
    torch.testing.assert_close(smaller(inputs), found.model(inputs), rtol=1e-4, atol=1e-5)
    # 4 of 8, 2 of 4 and 3 of 6 units: each layer has the inputs that are left
    assert smaller.conv1.weight.shape == (4, 1, 3, 3)
    assert smaller.conv2.weight.shape == (2, 4, 3, 3)
    assert smaller.hidden.weight.shape == (3, 2)
    assert smaller.last.weight.shape == (3, 3)
    assert frame["network"].tolist() == ["masked", "compact"]
    assert frame["parameters"][1] == sum(p.numel() for p in smaller.parameters())
    assert frame["parameters"][1] < frame["parameters"][0]


def test_single_parameters_leave_nothing_to_remove():
    found = prune(task(), criterion=Draws(), sparsity=0.5, seed=0, settings=SHORT, quiet=True)
    with pytest.raises(ConfigurationError, match="structured=True"):
        found.compact(torch.ones(1, 6))


def test_dead_units_are_counted_and_told():
    class OneUnit(Draws):
        def scores(self, evidence):
            found = {n: np.zeros(w.shape) for n, w in evidence.weights.items()}
            found["0.weight"][:3] = 1  # what units 3 to 11 take in goes
            found["2.weight"][:, 1:] = 1  # and what reads unit 0
            return found

    found = prune(task(), criterion=OneUnit(), sparsity=None, seed=0, settings=SHORT, quiet=True)
    assert found.dead["dead"].tolist()[0] == 10
    assert "0: 10 of 12 units dead" in found.summary()


class Attending(nn.Module):
    """An attention whose last projection is read by a function, and never called."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        return self.last(self.encoder(x[:, 0]).mean(1))


def test_layers_that_are_never_called_keep_their_units_and_the_others_can_be_removed():
    found = pruned(model=Attending)
    assert found.units.layer_counts().keys() == {
        "encoder.linear1.weight",
        "encoder.linear2.weight",
    }
    assert found.sparsity > 0
    x, _ = images(8, seed=2)
    small, _ = found.compact(x, rounds=1)
    assert sum(p.numel() for p in small.parameters()) < sum(
        p.numel() for p in found.model.parameters()
    )
    torch.testing.assert_close(small(x), found.model(x))


def test_units_of_a_layer_that_is_never_called_are_refused_where_it_is_named():
    with pytest.raises(ConfigurationError, match=r"'encoder.self_attn.out_proj.weight' without"):
        pruned(model=Attending, layers=["encoder.*_proj.weight", "encoder.linear1.weight"])


def test_a_minimum_of_units_that_forbids_the_sparsity_is_refused_before_training(tmp_path):
    settings = replace(UNITS, minimum=4)
    with pytest.raises(ConfigurationError, match="a minimum of 4 in each of 3 layers keeps 12"):
        prune(
            PruningTask(Small, train=batched(*images())), criterion=Magnitude(), sparsity=0.5,
            seed=0, settings=settings, out=tmp_path, quiet=True,
        )  # fmt: skip
    assert not list(tmp_path.iterdir())
