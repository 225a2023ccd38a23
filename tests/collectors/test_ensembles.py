"""Ensembles: each member is what plain torch gives when its seed is trained alone."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from causalhyper.errors import ConfigurationError
from collectors.ensembles import Adam, Sam, Sgd, initial_model, minibatch_orders, train_ensemble
from collectors.gcn import GCN
from collectors.sam import SAM
from tests.collectors.graph_samples import small_graph

SEEDS = [3, 0, 8]
RATE = 0.05
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(30, 3, generator=GENERATOR, dtype=torch.float64)
Y = (X[:, :1] * X[:, 1:2]).tanh()


def loss(network, x, y):
    return mse_loss(network(x), y)


def make_mlp():
    return nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1)).double()


def make_normalised():
    # no bias before the normalisation: its gradient is 0, of which Adam would magnify the rounding
    layers = nn.Linear(3, 6, bias=False), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 1)
    return nn.Sequential(*layers).double()


def alone(make_model, seed, data, make_optimizer, *, loss=loss, batch_size=7, updates=60):
    """Train one network with a plain loop and torch's own optimiser."""
    model = initial_model(make_model, seed)
    optimizer = make_optimizer(model)
    losses = []
    for (order,) in minibatch_orders([seed], len(data[0]), batch_size, updates):
        batch = [tensor[order] for tensor in data]

        def closure(batch=batch):
            optimizer.zero_grad()
            value = loss(model, *batch)
            value.backward()
            return value

        losses.append(optimizer.step(closure).detach())
    return model, torch.stack(losses)


def check_equal(ensemble, make_model, data_of, make_optimizer, *, rtol, atol, **options):
    for place, seed in enumerate(ensemble.seeds):
        model, losses = alone(make_model, seed, data_of(seed), make_optimizer, **options)
        torch.testing.assert_close(ensemble.losses[:, place], losses, rtol=rtol, atol=atol)
        found = ensemble.state(seed)
        assert set(found) == set(model.state_dict())
        for name, value in model.state_dict().items():
            torch.testing.assert_close(found[name], value, rtol=rtol, atol=atol)


PAIRS = {
    "sgd": (Sgd(), lambda m: torch.optim.SGD(m.parameters(), lr=RATE)),
    "momentum": (
        Sgd(momentum=0.9, weight_decay=0.01),
        lambda m: torch.optim.SGD(m.parameters(), lr=RATE, momentum=0.9, weight_decay=0.01),
    ),
    "nesterov": (
        Sgd(momentum=0.8, nesterov=True),
        lambda m: torch.optim.SGD(m.parameters(), lr=RATE, momentum=0.8, nesterov=True),
    ),
    "adam": (
        Adam(weight_decay=0.01),
        lambda m: torch.optim.Adam(m.parameters(), lr=RATE, weight_decay=0.01),
    ),
    "adamw": (
        Adam(betas=(0.8, 0.99), weight_decay=0.1, decoupled=True),
        lambda m: torch.optim.AdamW(m.parameters(), lr=RATE, betas=(0.8, 0.99), weight_decay=0.1),
    ),
    "sam": (
        Sam(Sgd(momentum=0.9), rho=0.1),
        lambda m: SAM(m.parameters(), torch.optim.SGD, rho=0.1, lr=RATE, momentum=0.9, model=m),
    ),
    "adaptive": (
        Sam(Adam(), rho=0.5, adaptive=True),
        lambda m: SAM(m.parameters(), torch.optim.Adam, rho=0.5, adaptive=True, lr=RATE, model=m),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("make_model", [make_mlp, make_normalised])
def test_a_member_equals_training_alone_with_torchs_optimiser_to_1e_12(name, make_model):
    optimizer, plain = PAIRS[name]
    options = {"batch_size": 7, "updates": 60}
    found = train_ensemble(
        make_model, SEEDS, (X, Y), loss, learning_rate=RATE, optimizer=optimizer, **options
    )
    check_equal(found, make_model, lambda seed: (X, Y), plain, rtol=1e-11, atol=1e-12, **options)


def test_a_member_equals_training_alone_to_1e_5_in_single_precision():
    def make():
        return make_mlp().float()

    data = (X.float(), Y.float())
    found = train_ensemble(make, SEEDS, data, loss, batch_size=7, updates=60, learning_rate=RATE)
    assert found.losses.dtype == torch.float32
    plain = PAIRS["sgd"][1]
    check_equal(found, make, lambda seed: data, plain, rtol=1e-5, atol=1e-6)


def test_members_with_splits_of_their_own_equal_training_alone_on_a_graph():
    graph = small_graph()

    def nodes(seed):
        generator = torch.Generator().manual_seed(seed)
        return (torch.randperm(60, generator=generator)[:24],)

    def node_loss(network, batch):
        return cross_entropy(network(graph.features, graph.edges)[batch], graph.labels[batch])

    def make():
        return GCN(graph.features.shape[1], 8, graph.classes)

    found = train_ensemble(
        make, SEEDS, nodes, node_loss, batch_size=8, updates=30, learning_rate=RATE,
        optimizer=Adam(),
    )  # fmt: skip
    check_equal(
        found, make, nodes, lambda m: torch.optim.Adam(m.parameters(), lr=RATE), rtol=1e-4,
        atol=1e-5, loss=node_loss, batch_size=8, updates=30,
    )  # fmt: skip


def test_a_member_does_not_depend_on_the_others():
    options = {"batch_size": 5, "updates": 20, "learning_rate": RATE}
    many = train_ensemble(make_mlp, SEEDS, (X, Y), loss, **options)
    one = train_ensemble(make_mlp, SEEDS[1:2], (X, Y), loss, **options)
    torch.testing.assert_close(many.losses[:, 1:2], one.losses, rtol=1e-12, atol=0)


def test_a_member_that_diverges_leaves_the_others_as_they_are():
    def data(seed):
        return X, Y * (1e200 if seed == 0 else 1.0)

    options = {"batch_size": 5, "updates": 20, "learning_rate": RATE}
    found = train_ensemble(make_mlp, SEEDS, data, loss, **options)
    assert found.diverged.tolist() == [False, True, False]
    sound = train_ensemble(make_mlp, SEEDS, (X, Y), loss, **options)
    torch.testing.assert_close(found.losses[:, ::2], sound.losses[:, ::2], rtol=1e-12, atol=0)


def test_a_schedule_of_the_learning_rate_is_followed():
    rates = [0.1, 0.0, 0.05, 0.0]
    found = train_ensemble(
        make_mlp, SEEDS, (X, Y), loss, batch_size=30, updates=4, learning_rate=lambda s: rates[s]
    )
    # a full batch repeats its loss, to the order of its examples, exactly where the rate was 0
    torch.testing.assert_close(found.losses[2], found.losses[1], rtol=1e-12, atol=0)
    assert (found.losses[1] < found.losses[0]).all()
    assert (found.losses[3] < found.losses[2]).all()


def test_parameters_that_are_frozen_stay():
    def make():
        model = make_mlp()
        model[0].requires_grad_(False)
        return model

    found = train_ensemble(make, [1], (X, Y), loss, batch_size=5, updates=9, learning_rate=RATE)
    before = initial_model(make, 1)
    assert torch.equal(found.state(1)["0.weight"], before[0].weight)
    assert not torch.equal(found.state(1)["2.weight"], before[2].weight)


def make_dropout():
    return nn.Sequential(nn.Linear(3, 6), nn.Dropout(0.5), nn.Linear(6, 1)).double()


def test_dropout_draws_a_mask_a_member_and_the_seeds_determine_it():
    def make():
        model = make_dropout()
        for parameter in model.parameters():
            nn.init.ones_(parameter)
        return model

    def train():
        options = {"batch_size": 30, "updates": 5, "learning_rate": RATE}
        return train_ensemble(make, SEEDS, (X, Y), loss, **options)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = train()
    assert torch.equal(torch.get_rng_state(), before)
    assert len(set(first.losses[0].tolist())) == 3
    torch.manual_seed(2)
    assert torch.equal(train().losses, first.losses)


def test_each_pass_is_a_permutation_and_a_seeds_batches_do_not_depend_on_the_others():
    batches = list(minibatch_orders(SEEDS, 10, batch_size=5, updates=5))
    assert len(batches) == 5
    for a, b in ((0, 1), (2, 3)):
        seen = torch.cat([batches[a], batches[b]], dim=1).sort(1).values
        assert torch.equal(seen, torch.arange(10).expand(3, 10))
    assert not torch.equal(batches[0], batches[2])
    single = list(minibatch_orders(SEEDS[2:], 10, batch_size=5, updates=5))
    assert all(torch.equal(b[2:], s) for b, s in zip(batches, single, strict=True))


def test_what_is_left_over_of_a_pass_is_left_out():
    batches = list(minibatch_orders([0], 10, batch_size=4, updates=4))
    assert all(len(set(torch.cat(batches[i : i + 2], 1)[0].tolist())) == 8 for i in (0, 2))


def test_weights_and_order_of_a_seed_come_from_independent_streams():
    # from one stream, the first weights would be functions of the first numbers of the order
    torch.manual_seed(0)
    state = torch.get_rng_state()
    model = initial_model(lambda: nn.Linear(2, 2), 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(model.weight, nn.Linear(2, 2).weight)


def test_a_network_that_asks_for_values_is_refused():
    class Curious(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 1).double()

        def forward(self, x):
            y = self.inner(x)
            return y if y.sum().item() > 0 else -y

    with pytest.raises(ConfigurationError, match="cannot be vectorised over seeds"):
        train_ensemble(Curious, [0], (X, Y), loss, batch_size=5, updates=1, learning_rate=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": []}, "one seed at least"),
        ({"seeds": [1, 1]}, "none twice; got 1, 1"),
        ({"batch_size": 31}, "from 1 to the 30 examples; got 31"),
        ({"updates": 0}, "updates must be at least 1; got 0"),
        ({"data": (X, Y[:4])}, "tensors of one length"),
        ({"data": lambda seed: (X[: 9 + seed],)}, "the same shapes for every seed"),
        ({"loss": lambda f, x, y: (f(x) - y).square()}, r"must be a scalar.*shape \(5, 1\)"),
    ],
)
def test_a_wrong_call_is_refused(changes, message):
    call = {"seeds": SEEDS, "data": (X, Y), "loss": loss, "batch_size": 5, "updates": 2}
    with pytest.raises(ConfigurationError, match=message):
        train_ensemble(make_mlp, learning_rate=0.1, **(call | changes))


@pytest.mark.parametrize(
    "make", [lambda: Sgd(momentum=-1), lambda: Sgd(nesterov=True), lambda: Adam(betas=(1, 0))]
)
def test_options_out_of_range_are_refused(make):
    with pytest.raises(ConfigurationError, match="must be"):
        make()


def test_networks_in_different_modes_are_refused():
    modes = iter([True, False])

    def make():
        return make_mlp().train(next(modes))

    with pytest.raises(ConfigurationError, match="the networks differ"):
        train_ensemble(make, [0, 1], (X, Y), loss, batch_size=5, updates=1, learning_rate=0.1)


def test_the_state_of_a_member_loads_into_a_network():
    found = train_ensemble(
        make_normalised, SEEDS, (X, Y), loss, batch_size=5, updates=3, learning_rate=RATE
    )
    model = make_normalised()
    model.load_state_dict(found.state(8))
    assert torch.equal(model[0].weight, found.parameters["0.weight"][2])
    untouched = copy.deepcopy(found.parameters["0.weight"])
    found.state(8)["0.weight"].zero_()
    assert torch.equal(found.parameters["0.weight"], untouched)
    with pytest.raises(ConfigurationError, match="no member has the seed 4"):
        found.state(4)
