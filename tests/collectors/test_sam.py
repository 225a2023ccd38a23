"""SAM: steps computed by hand, SGD at radius zero, and nothing lost on the way."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from causalhyper.errors import ConfigurationError
from collectors.sam import SAM

A = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
START = torch.tensor([1.0, -2.0], dtype=torch.float64)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()


def batches(count, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        x = torch.randn(8, 3, generator=generator, dtype=torch.float64)
        yield x, x.prod(1, keepdim=True)


def step(optimizer, model, x, y):
    def closure():
        optimizer.zero_grad()
        loss = mse_loss(model(x), y)
        loss.backward()
        return loss

    return optimizer.step(closure)


def quadratic_step(weights, **options):
    """One step on w'Aw / 2, whose gradient is Aw, with the weights split over two groups."""
    parts = [w.clone().requires_grad_() for w in weights]
    optimizer = SAM([{"params": [p]} for p in parts], torch.optim.SGD, lr=0.1, **options)

    def closure():
        optimizer.zero_grad()
        w = torch.stack(parts)
        loss = 0.5 * w @ A @ w
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    return loss, torch.stack([p.detach() for p in parts])


def test_a_step_is_the_one_computed_by_hand():
    # g = (1, -3), |g| = sqrt(10); the ascent by rho = sqrt(10) / 2 is g / 2 = (0.5, -1.5), to
    # (1.5, -3.5), where the gradient is (1, -5.5)
    loss, after = quadratic_step(START, rho=10**0.5 / 2)
    assert loss.item() == pytest.approx(0.5 * (1 * 1 - 2 * -3))
    torch.testing.assert_close(
        after, START - 0.1 * torch.tensor([1.0, -5.5], dtype=torch.float64), rtol=1e-15, atol=0
    )


def test_an_adaptive_step_is_the_one_computed_by_hand():
    # T = |w| = (1, 2): Tg = (1, -6), |Tg| = sqrt(37); T^2 g = (1, -12); rho = sqrt(37) / 4 leads
    # to (1.25, -5), where the gradient is (-1.25, -8.75)
    _, after = quadratic_step(START, rho=37**0.5 / 4, adaptive=True)
    wanted = START - 0.1 * torch.tensor([-1.25, -8.75], dtype=torch.float64)
    torch.testing.assert_close(after, wanted, rtol=1e-14, atol=0)


def test_weight_decay_is_part_of_the_descent_and_not_of_the_ascent():
    _, after = quadratic_step(START, rho=10**0.5 / 2, weight_decay=0.5)
    wanted = START - 0.1 * (torch.tensor([1.0, -5.5], dtype=torch.float64) + 0.5 * START)
    torch.testing.assert_close(after, wanted, rtol=1e-14, atol=0)


def test_at_a_minimum_nothing_moves():
    loss, after = quadratic_step(torch.zeros(2, dtype=torch.float64), rho=0.5)
    assert loss.item() == 0
    assert after.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("base", "options"),
    [
        (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
        (torch.optim.Adam, {"lr": 0.01}),
    ],
)
def test_with_radius_zero_it_is_the_wrapped_optimiser_bit_by_bit(base, options):
    ours, plain = network(), network()
    sam = SAM(ours.parameters(), base, rho=0.0, **options)
    other = base(plain.parameters(), **options)
    for x, y in batches(10):
        assert torch.equal(step(sam, ours, x, y), step(other, plain, x, y).detach())
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_it_differs_from_the_wrapped_optimiser_with_a_radius():
    ours, plain = network(), network()
    for x, y in batches(1):
        step(SAM(ours.parameters(), torch.optim.SGD, lr=0.1), ours, x, y)
        step(torch.optim.SGD(plain.parameters(), lr=0.1), plain, x, y)
    assert not torch.equal(ours[0].weight, plain[0].weight)


def test_the_parameters_are_put_back_bit_by_bit_after_the_ascent():
    model = network()
    before = copy.deepcopy(model.state_dict())
    for x, y in batches(3):
        step(SAM(model.parameters(), torch.optim.SGD, rho=0.7, lr=0.0), model, x, y)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_running_statistics_are_those_of_the_first_pass_alone():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()
    other = copy.deepcopy(model)
    x, y = next(batches(1))
    step(SAM(model.parameters(), torch.optim.SGD, lr=0.1, rho=0.5, model=model), model, x, y)
    other(x)
    for mine, theirs in zip(model.buffers(), other.buffers(), strict=True):
        assert torch.equal(mine, theirs)
    assert int(model[1].num_batches_tracked) == 1


def test_a_schedule_of_the_learning_rate_reaches_the_wrapped_optimiser():
    model = network()
    sam = SAM(model.parameters(), torch.optim.SGD, lr=0.4)
    schedule = torch.optim.lr_scheduler.StepLR(sam, step_size=1, gamma=0.5)
    step(sam, model, *next(batches(1)))
    schedule.step()
    assert sam.base.param_groups[0]["lr"] == 0.2


def test_training_goes_on_from_a_state_as_if_it_had_not_stopped():
    ours, other = network(), network(5)
    options = {"rho": 0.1, "lr": 0.1, "momentum": 0.9}
    sam = SAM(ours.parameters(), torch.optim.SGD, **options)
    data = list(batches(4))
    for x, y in data[:2]:
        step(sam, ours, x, y)
    other.load_state_dict(ours.state_dict())
    resumed = SAM(other.parameters(), torch.optim.SGD, **options)
    resumed.load_state_dict(copy.deepcopy(sam.state_dict()))
    for x, y in data[2:]:
        step(sam, ours, x, y)
        step(resumed, other, x, y)
    assert torch.equal(ours[0].weight, other[0].weight)


def test_a_group_of_parameters_that_is_added_is_trained():
    model, late = network(), torch.ones(1, dtype=torch.float64, requires_grad=True)
    sam = SAM(model.parameters(), torch.optim.SGD, lr=0.1)
    sam.add_param_group({"params": [late]})
    late.grad = torch.ones(1, dtype=torch.float64)
    sam.step(lambda: torch.zeros(()))
    assert late.item() == pytest.approx(0.9)


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ConfigurationError, match=r"rho must be finite and at least 0; got -1"):
        SAM(network().parameters(), torch.optim.SGD, rho=-1, lr=0.1)
    with pytest.raises(ConfigurationError, match=r"give step\(\) a closure"):
        SAM(network().parameters(), torch.optim.SGD, lr=0.1).step()
    made = torch.optim.SGD(network().parameters(), lr=0.1)
    with pytest.raises(ConfigurationError, match=r"base must make an optimiser.*got the SGD"):
        SAM(network().parameters(), made)
