"""The change of every step, against float64 replicas and the parameters that followed."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.recording import StepAccumulators, record
from tests.collectors.recording.trainings import Memory, batches, network, state_of, train

OPTIMIZERS = {
    "sgd": (torch.optim.SGD, {"lr": 0.05}),
    "decayed sgd": (torch.optim.SGD, {"lr": 0.05, "weight_decay": 0.02}),
    "maximised sgd": (torch.optim.SGD, {"lr": 0.05, "weight_decay": 0.02, "maximize": True}),
    "momentum": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "damped": (
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    ),
    "nesterov": (torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    "decayed nesterov": (
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1, "maximize": True},
    ),
    "adam": (torch.optim.Adam, {"lr": 1e-3}),
    "decayed adam": (torch.optim.Adam, {"lr": 1e-3, "weight_decay": 0.1, "maximize": True}),
    "amsgrad": (torch.optim.Adam, {"lr": 1e-3, "amsgrad": True, "betas": (0.5, 0.9)}),
    "adamw": (torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.3}),
    "adamw amsgrad": (torch.optim.AdamW, {"lr": 1e-2, "weight_decay": 0.3, "amsgrad": True}),
}
FORMS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


class Replica:
    """The textbook's update in float64, one parameter, from the gradients that were used."""

    def __init__(self, kind, options):
        self.kind, self.o, self.t = kind, options, 0
        self.b = self.m = self.v = self.top = None

    def change(self, theta, g):
        o, self.t = self.o, self.t + 1
        lr, decay = o["lr"], o.get("weight_decay", 0.0)
        d = -g if o.get("maximize") else g
        if self.kind is not torch.optim.AdamW:
            d = d + decay * theta
        if self.kind is torch.optim.SGD:
            mu = o.get("momentum", 0.0)
            first = self.b is None
            self.b = d if first else mu * self.b + (1 - o.get("dampening", 0.0)) * d
            return -lr * (d + mu * self.b if o.get("nesterov") else self.b if mu else d)
        one, two = o.get("betas", (0.9, 0.999))
        self.m = (1 - one) * d + (0 if self.m is None else one * self.m)
        self.v = (1 - two) * d**2 + (0 if self.v is None else two * self.v)
        self.top = self.v if self.top is None else np.maximum(self.top, self.v)
        v = self.top if o.get("amsgrad") else self.v
        step = lr * (self.m / (1 - one**self.t)) / (np.sqrt(v / (1 - two**self.t)) + 1e-8)
        return -step - (lr * decay * theta if self.kind is torch.optim.AdamW else 0)


def recorded_training(kind, options, steps=6):
    """Train; return the sink, and per step gradients and parameters around the update."""
    model = network()
    optimizer = kind(model.parameters(), **options)
    sink, seen = Memory(), []
    with record(model, optimizer, sink) as recorder:
        for inputs, targets in batches(steps):
            optimizer.zero_grad()
            loss = recorder.loss(
                lambda x=inputs, y=targets: nn.functional.cross_entropy(model(x), y)
            )
            loss.backward()
            grads = {name: p.grad.clone() for name, p in model.named_parameters()}
            before = state_of(model)
            optimizer.step()
            seen.append((grads, before, state_of(model)))
    return sink, seen


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_change_equals_a_float64_replica_of_the_update(name, form):
    kind, options = OPTIMIZERS[name]
    sink, seen = recorded_training(kind, options | FORMS[form])
    for layer in seen[0][0]:
        replica = Replica(kind, options)
        for step, (grads, before, _) in enumerate(seen):
            truth = replica.change(before[layer].double().numpy(), grads[layer].double().numpy())
            found = sink.changes[step][layer].astype(float)
            assert np.abs(found - truth).max() <= 1e-6 * np.abs(truth).max()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_change_leads_to_the_optimisers_own_parameters_within_their_rounding(name, form):
    kind, options = OPTIMIZERS[name]
    sink, seen = recorded_training(kind, options | FORMS[form])
    for step, (_, before, after) in enumerate(seen):
        for layer in before:
            old, new = (state[layer].double().numpy() for state in (before, after))
            change = sink.changes[step][layer].astype(float)
            room = 1.3e-7 * np.maximum(np.abs(old), np.abs(new)) + 2e-7 * np.abs(change)
            assert (np.abs(old + change - new) <= room).all()


def test_small_changes_are_exact_where_differences_of_float32_parameters_lose_every_digit():
    sink, seen = recorded_training(torch.optim.SGD, {"lr": 1e-9})
    grads, before, after = seen[0]
    truth = -1e-9 * grads["0.weight"].double().numpy()
    difference = (after["0.weight"] - before["0.weight"]).double().numpy()
    assert np.abs(sink.changes[0]["0.weight"] / truth - 1)[truth != 0].max() < 1e-6
    assert np.abs(difference - truth).max() > 0.9 * np.abs(truth).max()


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_a_recorded_float32_training_follows_a_whole_training_in_float64(name):
    kind, options = OPTIMIZERS[name]
    sinks = []
    for dtype in (torch.float32, torch.float64):
        model = network().to(dtype)
        optimizer = kind(model.parameters(), **options | {"lr": 1e-4})
        sinks.append(Memory())
        with record(model, optimizer, sinks[-1]) as recorder:
            for inputs, targets in batches(6, size=64):
                optimizer.zero_grad()
                x = inputs.to(dtype)
                recorder.loss(
                    lambda x=x, y=targets, m=model: nn.functional.cross_entropy(m(x), y)
                ).backward()
                optimizer.step()
    for name in sinks[0].changes[0]:
        narrow, wide = (sink.stacked(name).astype(float) for sink in sinks)
        if kind is torch.optim.SGD:
            assert np.abs(narrow - wide).max() <= 1e-6 * np.abs(wide).max()
        else:
            # Adam divides rounding by the gradient's own size
            assert np.linalg.norm(narrow - wide) <= 1e-4 * np.linalg.norm(wide)


def test_gradient_descent_on_a_quadratic_changes_as_its_closed_form_says():
    curvature = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
    model = nn.ParameterDict({"w": nn.Parameter(torch.tensor([1.0, -2.0, 0.25]).double())})
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for _ in range(5):
            optimizer.zero_grad()
            recorder.loss(lambda: (curvature * model["w"] ** 2).sum() / 2).backward()
            optimizer.step()
    start, shrink = np.array([1.0, -2.0, 0.25]), 1 - 0.1 * curvature.numpy()
    for step in range(5):
        theta = start * shrink**step
        np.testing.assert_allclose(
            sink.changes[step]["w"], -0.1 * curvature.numpy() * theta, rtol=1e-13
        )
        loss = (curvature.numpy() * theta**2).sum() / 2
        assert sink.rows[step]["loss"] == pytest.approx(loss, rel=1e-13)
        after = (curvature.numpy() * (theta * shrink) ** 2).sum() / 2
        assert sink.rows[step]["loss_after"] == pytest.approx(after, rel=1e-13)


def test_parameter_groups_have_their_own_rates_and_a_scheduler_is_followed():
    model = network()
    groups = [
        {"params": model[0].parameters(), "lr": 0.1},
        {"params": model[2].parameters(), "lr": 0.001, "weight_decay": 0.5},
    ]
    optimizer = torch.optim.SGD(groups)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for t, (x, y) in enumerate(batches(3)):
            optimizer.zero_grad()
            recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
            g0, g2 = model[0].weight.grad.clone(), model[2].weight.grad.clone()
            old = model[2].weight.detach().clone()
            optimizer.step()
            schedule.step()
            assert torch.from_numpy(sink.changes[t]["0.weight"]).allclose(-0.1 * 0.5**t * g0)
            decayed = -0.001 * 0.5**t * (g2 + 0.5 * old)
            assert torch.from_numpy(sink.changes[t]["2.weight"]).allclose(decayed)
    assert [row["learning_rate"] for row in sink.rows] == pytest.approx([0.1, 0.05, 0.025])


def test_groups_that_a_checkpoint_of_the_optimiser_replaced_are_followed():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    slower = copy.deepcopy(optimizer.state_dict())
    slower["param_groups"][0]["lr"] = 0.001
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        optimizer.load_state_dict(slower)
        train(model, optimizer, recorder, steps=1)
    expected = -0.001 * model[0].weight.grad.numpy()
    np.testing.assert_allclose(sink.changes[0]["0.weight"], expected, rtol=1e-6)


def test_clipped_gradients_are_what_the_change_and_the_norm_are_made_of():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for x, y in batches(3):
            optimizer.zero_grad()
            recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            optimizer.step()
    for row in sink.rows:
        assert row["grad_norm"] == pytest.approx(0.01, rel=1e-3)
        assert row["update_norm"] == pytest.approx(0.005, rel=1e-3)


def test_a_closure_of_the_optimisers_step_is_seen_between_gradient_and_update():
    plain, closed = Memory(), Memory()
    for sink in (plain, closed):
        model = network()
        optimizer = torch.optim.SGD(
            model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1
        )
        with record(model, optimizer, sink) as recorder:
            for x, y in batches(4):

                def closure(x=x, y=y, model=model, optimizer=optimizer, recorder=recorder):
                    optimizer.zero_grad()
                    loss = recorder.loss(lambda: nn.functional.cross_entropy(model(x), y))
                    loss.backward()
                    return loss

                if sink is plain:
                    closure()
                    optimizer.step()
                else:
                    assert optimizer.step(closure=closure) > 0
    for one, other in zip(plain.changes, closed.changes, strict=True):
        assert all((one[name] == other[name]).all() for name in one)
    assert plain.rows == closed.rows


def test_frozen_parameters_are_left_out_and_those_without_gradient_do_not_move():
    model = nn.ModuleDict(
        {"used": nn.Linear(5, 3), "idle": nn.Linear(5, 3), "ice": nn.Linear(5, 3)}
    )
    model["ice"].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for t, (x, y) in enumerate(batches(3)):
            optimizer.zero_grad()
            layer = model["used" if t < 2 else "idle"]
            recorder.loss(
                lambda x=x, y=y, f=layer: nn.functional.cross_entropy(f(x), y)
            ).backward()
            optimizer.step()
    assert list(sink.changes[0]) == ["used.weight", "used.bias", "idle.weight", "idle.bias"]
    assert not sink.changes[0]["idle.weight"].any()
    assert sink.changes[1]["used.weight"].any()
    # without gradient the optimiser leaves a parameter, whatever its momentum
    assert not sink.changes[2]["used.weight"].any()
    assert sink.changes[2]["idle.weight"].any()


def test_a_parameter_that_thaws_during_the_recording_is_named_once():
    model = network()
    model[2].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        train(model, optimizer, recorder, steps=2)
        model[2].requires_grad_(True)
        with pytest.warns(RuntimeWarning, match="from step 3 on.*not recorded") as warned:
            train(model, optimizer, recorder, steps=2)
    assert len(warned) == 1
    assert list(sink.changes[-1]) == ["0.weight", "0.bias"]


def test_a_shared_parameter_is_recorded_once():
    model = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))
    model[1].weight = model[0].weight
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        recorder.loss(lambda: model(torch.ones(2, 5)).square().mean()).backward()
        optimizer.step()
    assert list(sink.changes[0]) == ["0.weight", "0.bias", "1.bias"]
    np.testing.assert_array_equal(sink.changes[0]["0.weight"], -0.1 * model[0].weight.grad.numpy())


def test_a_sparse_gradient_is_refused():
    model = nn.Embedding(10, 3, sparse=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with record(model, optimizer) as recorder:
        recorder.loss(lambda: model(torch.tensor([1, 2])).sum()).backward()
        with pytest.raises(ConfigurationError, match="'weight' is sparse"):
            optimizer.step()


class OwnSGD(torch.optim.SGD):
    """A subclass may update as it likes."""


@pytest.mark.parametrize("kind", [torch.optim.Adagrad, torch.optim.RMSprop, OwnSGD])
def test_an_unknown_optimiser_is_refused_by_name(kind):
    model = network()
    with pytest.raises(ConfigurationError, match=f"{kind.__name__}.*differences=True"):
        record(model, kind(model.parameters(), lr=0.1))


def test_differences_are_recorded_when_asked_for_and_say_so():
    model = network()
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.1)
    start, sink = state_of(model), Memory()
    with record(model, optimizer, sink, differences=True) as recorder:
        train(model, optimizer, recorder, steps=1)
    expected = (model[0].weight.detach() - start["0.weight"]).numpy()
    np.testing.assert_array_equal(sink.changes[0]["0.weight"], expected)
    assert recorder.settings["change"] == "difference"
    assert "half a unit in the last place" in recorder.settings["rounding"]


def test_bfloat16_parameters_have_changes_in_float32():
    model = network(dtype=torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        (x, y) = batches(1)[0]
        recorder.loss(
            lambda: nn.functional.cross_entropy(model(x.bfloat16()).float(), y)
        ).backward()
        optimizer.step()
    truth = -1e-3 * model[0].weight.grad.double().numpy()
    np.testing.assert_allclose(sink.changes[0]["0.weight"], truth, rtol=2e-7)


def test_layers_are_chosen_by_pattern_and_by_condition():
    for choice in ("*.weight", ["0.weight", "2.*t"], lambda name, p: p.ndim == 2):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        sink = Memory()
        with record(model, optimizer, sink, layers=choice) as recorder:
            train(model, optimizer, recorder, steps=1)
        assert list(sink.changes[0]) == ["0.weight", "2.weight"]
        total = sum(float((array**2).sum()) for array in sink.changes[0].values())
        assert sink.rows[0]["update_norm"] == pytest.approx(total**0.5, rel=1e-6)


SUMS = StepAccumulators()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"layers": "conv*"}, "no layer is called 'conv\\*'"),
        ({"layers": lambda name, p: False}, "no layer to record"),
        ({"every": 0}, "every must be"),
        ({"losses": "all"}, "losses must be"),
        ({"probe": lambda: 0, "probe_mode": "test"}, "probe_mode must be"),
        ({"to": 3}, "expected a path"),
        ({"layers": 3}, "layers must be"),
        ({"every": True}, "every must be"),
        ({"probe": (torch.ones(2), torch.ones(2))}, "probe must be a function"),
        ({"to": [SUMS, SUMS]}, "named twice"),
        ({"settings": {"every": 2}}, "'every' are filled in"),
        ({"settings": {"loss": "hinge", "run_id": "a", "seed": 1}}, "'loss', 'run_id' are filled"),
        ({"resume": 3}, "what Recorder.state_dict returned; got int"),
        ({"resume": {"model": 1}}, r"got \['model'\]"),
    ],
)
def test_a_wrong_option_is_refused_before_training(options, words):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ConfigurationError, match=words):
        record(model, optimizer, **options)
    assert not optimizer._optimizer_step_pre_hooks


def test_an_optimiser_of_another_model_is_refused():
    with pytest.raises(ConfigurationError, match="moves 4 parameters that are not the model's"):
        record(network(), torch.optim.SGD(network().parameters(), lr=0.1))


def test_a_module_that_is_called_module_does_not_hide_another_parameter():
    model = nn.Module()
    model.module = nn.Linear(3, 2)
    model.weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        recorder.loss(lambda: (model.module(torch.ones(4, 3)) * model.weight).sum()).backward()
        optimizer.step()
    assert list(sink.changes[0]) == ["weight", "module.weight", "module.bias"]


def test_a_step_before_which_nothing_has_a_gradient_is_no_update():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with record(model, optimizer) as recorder:
        train(model, optimizer, recorder, steps=2)
        optimizer.zero_grad()
        optimizer.step()
        assert recorder.step == 2
        train(model, optimizer, recorder, steps=1)
    assert recorder.to_frame()["step"].tolist() == [1, 2, 3]
