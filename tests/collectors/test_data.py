"""All measurements take the same data: one batch, or batches that can be iterated again."""

from collections import UserDict
from dataclasses import asdict

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from causalhyper.errors import ConfigurationError
from collectors.batches import batches
from collectors.complexity.margins import input_margins
from collectors.complexity.norms import copy_parameters
from collectors.complexity.paths import path_norm
from collectors.complexity.spectral import spectral_norms
from collectors.complexity.spectral_complexity import spectral_complexity
from collectors.curvature import (
    curvature_of,
    curvature_trace,
    eigenvalues,
    sam_sharpness,
    sampled_trace,
    spectral_density,
)
from collectors.generalization.scoring import score
from collectors.measurements import MEASUREMENTS, measure_run
from collectors.noise.minibatch_pairs import paired_noise
from collectors.noise.noise_scale import noise_scale
from collectors.noise.per_example import per_example_noise
from collectors.noise.repeated_batches import batch_gradient_noise
from tests.collectors.curvature.samples import (
    classified,
    dense_hessian,
    draw,
    entropy,
    network,
    seeded,
)


def everything(model, loss, data):
    return measure_run(
        model,
        loss,
        data,
        data,
        what=[name for name in MEASUREMENTS if name != "noise_pairs"],
        start=copy_parameters(network(seed=7)),
        generator=seeded(0),
    )


VERBS = {
    "per-example noise": per_example_noise,
    "paired noise": paired_noise,
    "noise scale": noise_scale,
    "scores": score,
    "eigenvalues": eigenvalues,
    "trace": curvature_trace,
    "density": lambda *a: spectral_density(*a, probes=2, steps=3),
    "sam": sam_sharpness,
    "sampled trace": lambda *a: sampled_trace(*a, probes=2),
    "run": everything,
}


def said(found):
    return found if isinstance(found, dict) else found.summary()


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"scores"}))
def test_a_tuple_a_list_and_a_loader_of_one_batch_are_the_same_data(verb):
    model, data = network(nn.ReLU), classified()
    loader = DataLoader(TensorDataset(*data), batch_size=len(data[0]))
    one = said(VERBS[verb](model, entropy, data))
    assert said(VERBS[verb](model, entropy, [data])) == one
    assert said(VERBS[verb](model, entropy, loader)) == one


def test_scores_of_a_tuple_a_list_and_a_loader_are_the_same():
    model, data = network(), classified()
    loader = DataLoader(TensorDataset(*data), batch_size=len(data[0]))
    one = asdict(score(model, entropy, data))
    assert asdict(score(model, entropy, [data])) == one == asdict(score(model, entropy, loader))


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_what_is_no_batch_is_refused_alike(verb):
    x, y = classified()
    with pytest.raises(ConfigurationError, match=r"expected batches \(inputs, targets\); got Ten"):
        VERBS[verb](network(), entropy, x)
    with pytest.raises(ConfigurationError, match="got list of 3"):
        VERBS[verb](network(), entropy, [[x, x, y]])
    with pytest.raises(ConfigurationError, match="one number an example"):
        VERBS[verb](network(), nn.functional.cross_entropy, (x, y))


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"run", "scores"}))
def test_an_empty_batch_among_the_data_changes_nothing(verb):
    model, (x, y) = network(), classified()
    full = said(VERBS[verb](model, entropy, [(x[:20], y[:20]), (x[20:], y[20:])]))
    holed = [(x[:20], y[:20]), (x[:0], y[:0]), (x[20:], y[20:])]
    assert said(VERBS[verb](model, entropy, holed)) == full


class Named(nn.Module):
    """Takes two inputs by name."""

    def __init__(self):
        super().__init__()
        self.inner = network()

    def forward(self, left, right):
        return self.inner(left) * right


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"run", "scores"}))
def test_inputs_by_name_may_come_in_any_mapping_and_by_place_in_a_list(verb):
    model, (x, y) = Named(), classified()
    scale = draw(len(x), 1, seed=4)
    one = said(VERBS[verb](model, entropy, ((x, scale), y)))
    assert said(VERBS[verb](model, entropy, ([x, scale], y))) == one
    named = UserDict({"right": scale, "left": x})
    assert said(VERBS[verb](model, entropy, (named, y))) == one


def test_batches_are_taken_to_the_device_of_the_network():
    x, y = classified()
    (inputs, targets), *_ = batches([({"x": [x]}, y)], nn.Linear(3, 1, device="meta"))
    assert inputs["x"][0].device == targets.device == torch.device("meta")
    assert next(batches((x, y), nn.Flatten()))[0] is x


class Neighbours(nn.Module):
    """A graph convolution: logits of some nodes, which all features and edges go into."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3).double()

    def forward(self, features, adjacency, nodes):
        return torch.tanh(self.layer(adjacency @ features))[nodes]


def graph():
    adjacency = (draw(12, 12, seed=2) > 0.5).double() + torch.eye(12, dtype=torch.float64)
    nodes = torch.tensor([0, 3, 4, 7, 11])
    return (draw(12, 4, seed=3), adjacency, nodes), torch.tensor([0, 1, 2, 1, 0])


def test_nodes_of_a_graph_are_counted_by_their_losses_where_none_is_taken_out_of_the_batch():
    model, (inputs, labels) = Neighbours(), graph()
    with curvature_of(model, entropy, (inputs, labels)) as H:
        assert H.examples == 5
        found = H(torch.eye(H.size, dtype=torch.float64))
    aggregated = (inputs[1] @ inputs[0])[inputs[2]]
    flat = nn.Sequential(model.layer, nn.Tanh())
    assert torch.allclose(found, dense_hessian(flat, entropy, aggregated, labels), atol=1e-12)
    assert score(model, entropy, (inputs, labels)).n == 5
    three = [(inputs, labels), (inputs, labels.flip(0)), (inputs, labels * 0)]
    noise = batch_gradient_noise(model, entropy, three, mode="eval")
    assert (noise.batch_size, noise.batches) == (5, 3)
    plain = [(aggregated, y) for _, y in three]
    same = batch_gradient_noise(flat, entropy, plain, mode="eval")
    assert noise.covariance_trace == pytest.approx(same.covariance_trace, rel=1e-10)


def test_examples_that_share_their_inputs_have_no_gradient_of_their_own_batch():
    with pytest.raises(
        ConfigurationError, match=r"first axis of every tensor; got lengths \[5, 1"
    ):
        per_example_noise(Neighbours(), entropy, graph())


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_shuffled_loader_leaves_the_random_state_as_it_was(verb):
    model, data = network(nn.ReLU), classified()
    loader = DataLoader(TensorDataset(*data), batch_size=4, drop_last=True, shuffle=True)
    state = torch.get_rng_state()
    VERBS[verb](model, entropy, loader)
    assert torch.equal(state, torch.get_rng_state())


SHAPED = {
    "path norm": path_norm,
    "spectral norms": lambda *a: spectral_norms(*a, generator=seeded(0)),
    "spectral complexity": lambda *a: spectral_complexity(*a, generator=seeded(0)),
}


@pytest.mark.parametrize("verb", sorted(SHAPED))
def test_measures_of_the_weights_take_the_inputs_alone_or_the_data_of_the_others(verb):
    model, (x, y) = network(nn.ReLU), classified()
    alone = SHAPED[verb](model, x)
    loader = DataLoader(TensorDataset(x, y), batch_size=3, shuffle=True)
    state = torch.get_rng_state()
    for data in ({"input": x}, (x, y), [(x[:0], y[:0]), (x, y)], loader):
        assert SHAPED[verb](model, data) == alone
    assert torch.equal(state, torch.get_rng_state())
    with pytest.raises(ConfigurationError, match="hold no example"):
        SHAPED[verb](model, [(x[:0], y[:0])])
    with pytest.raises(ConfigurationError, match=r"expected batches \(inputs, targets\)"):
        SHAPED[verb](model, [x, x])


def test_input_margins_of_batches_are_those_of_each_batch():
    model, (x, y) = network(nn.ReLU), classified()
    whole = input_margins(model, x, y)
    assert torch.equal(input_margins(model, (x, y)), whole)
    assert torch.equal(input_margins(model, {"input": x}, y), whole)
    parts = input_margins(model, [(x[:4], y[:4]), (x[4:], y[4:])])
    torch.testing.assert_close(parts, whole)
    with pytest.raises(ConfigurationError, match="got inputs alone"):
        input_margins(model, x)
    with pytest.raises(ConfigurationError, match="hold no example"):
        input_margins(model, [])
