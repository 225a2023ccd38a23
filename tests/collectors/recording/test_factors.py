"""Claims about recorded factors: their products are the changes, and nothing else passes."""

import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.recording import record
from collectors.recording.factors import record_factors
from tests.collectors.recording.trainings import Memory


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv1d(1, 2, 3),
        nn.Flatten(),
        nn.Linear(8, 7),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Linear(7, 3, bias=False),
    )


def minibatches(count=6, sizes=(5, 5, 4)):
    generator = torch.Generator().manual_seed(1)
    for i in range(count):
        n = sizes[i % len(sizes)]
        yield (
            torch.randn(n, 1, 6, generator=generator),
            torch.randint(3, (n,), generator=generator),
        )


def train(model, recorded, sink=None, after=lambda model: None, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    with (
        record_factors(model, optimizer, steps=6, examples=5, **options) as factors,
        record(model, optimizer, sink) as recorder,
    ):
        for x, y in minibatches(recorded):
            optimizer.zero_grad()
            recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
            after(model)
            optimizer.step()
            schedule.step()
    return factors


def test_products_of_factors_are_the_changes_that_are_recorded():
    sink = Memory()
    factors = train(network(), 6, sink)
    assert set(factors.factors) == {"2.weight", "5.weight"}
    assert set(factors.changes) == {"0.weight", "0.bias", "2.bias"}
    for t, changes in enumerate(sink.changes):
        for name, layer in factors.factors.items():
            product = -layer.rates[t] * (layer.errors[t].T.double() @ layer.inputs[t].double())
            assert layer.shape == changes[name].shape
            torch.testing.assert_close(
                product, torch.tensor(changes[name]).double(), rtol=1e-5, atol=1e-8
            )
        for name, dense in factors.changes.items():
            torch.testing.assert_close(dense[t], torch.tensor(changes[name]).reshape(-1))


def test_training_ends_with_the_bytes_of_one_without():
    with_factors, without = network(), network()
    train(with_factors, 6)
    torch.manual_seed(0)
    network()
    optimizer = torch.optim.SGD(without.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for x, y in minibatches(6):
        optimizer.zero_grad()
        nn.functional.cross_entropy(without(x), y).backward()
        optimizer.step()
        schedule.step()
    for a, b in zip(with_factors.parameters(), without.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_weight_used_twice_and_minibatches_accumulated_add_their_rows():
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    before = model.weight.detach().clone()
    with record_factors(model, optimizer, steps=1, examples=12, layers="weight") as recorder:
        for x in torch.randn(2, 3, 4):
            model(model(x).tanh()).square().mean().backward()
        optimizer.step()
    layer = recorder.factors["weight"]
    change = -0.5 * layer.errors[0].T @ layer.inputs[0]
    torch.testing.assert_close(before + change, model.weight.detach())


def test_places_of_a_sequence_are_rows():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with record_factors(model, optimizer, steps=1, examples=15) as recorder:
        model(torch.randn(3, 5, 4)).sum().backward()
        grad = model.weight.grad.clone()
        optimizer.step()
    layer = recorder.factors["weight"]
    torch.testing.assert_close(layer.errors[0].T @ layer.inputs[0], grad)


def test_only_steps_that_were_made_are_returned():
    factors = train(network(), 2)
    assert factors.step == 2
    assert {len(f.rates) for f in factors.factors.values()} == {2}
    assert {len(c) for c in factors.changes.values()} == {2}


def clip(model):
    nn.utils.clip_grad_norm_(model.parameters(), 0.01)


def decay(model):
    for p in model.parameters():
        p.grad.add_(p, alpha=0.1)


@pytest.mark.parametrize("after", [clip, decay])
def test_a_gradient_that_is_no_product_is_refused(after):
    with pytest.raises(ConfigurationError, match="is not the product of the layer's inputs"):
        train(network(), 6, after=after)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), "with momentum = 0.9"),
        (lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=1e-4), "with weight_decay = 0.0001"),
        (lambda p: torch.optim.SGD(p, lr=0.1, maximize=True), "with maximize"),
        (torch.optim.Adam, "got Adam"),
    ],
)
def test_an_update_that_is_no_product_is_refused(optimizer, message):
    model = network()
    with pytest.raises(ConfigurationError, match=message):
        record_factors(model, optimizer(model.parameters()), steps=2, examples=5)


def test_more_steps_or_rows_than_there_is_room_for_are_refused():
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with record_factors(model, optimizer, steps=1, examples=3):
        model(torch.ones(3, 4)).sum().backward()
        optimizer.step()
        model(torch.ones(3, 4)).sum().backward()
        with pytest.raises(ConfigurationError, match="1 steps are recorded"):
            optimizer.step()
    with (
        record_factors(model, optimizer, steps=1, examples=3),
        pytest.raises(ConfigurationError, match="has 4 rows or more at 'weight'"),
    ):
        model(torch.ones(4, 4)).sum().backward()
    with pytest.raises(ConfigurationError, match="steps must be a whole number"):
        record_factors(model, optimizer, steps=0, examples=3)


def test_a_network_without_linear_layers_has_changes_alone():
    model = nn.Conv1d(1, 2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with record_factors(model, optimizer, steps=1, examples=3) as recorder:
        model(torch.ones(3, 1, 4)).sum().backward()
        optimizer.step()
    assert not recorder.factors
    assert set(recorder.changes) == {"weight", "bias"}


def test_a_step_that_was_refused_leaves_no_rows_behind():
    torch.manual_seed(0)
    layer = nn.Linear(3, 2, bias=False)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    with record_factors(layer, optimizer, steps=1, examples=5) as recorder:
        layer(torch.randn(5, 3)).square().sum().backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 0.01)
        with pytest.raises(ConfigurationError, match="is not the product"):
            optimizer.step()
        optimizer.zero_grad()
        layer(torch.randn(2, 3)).square().sum().backward()
        optimizer.step()
    factors = recorder.factors["weight"]
    torch.testing.assert_close(factors.errors[0].T @ factors.inputs[0], layer.weight.grad)
