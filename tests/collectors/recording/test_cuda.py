"""On a GPU: the same changes and losses, the same masks, and sums that stay there."""

import numpy as np
import pytest
import torch
from torch import nn

from collectors.recording import StepAccumulators, record
from tests.collectors.recording.test_accumulators import brute_force
from tests.collectors.recording.test_changes import OPTIMIZERS, Replica
from tests.collectors.recording.trainings import Memory, batches, network, state_of

FORMS = {
    "loop": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
    "capturable": {"capturable": True, "foreach": True},
    "capturable loop": {"capturable": True, "foreach": False},
}


CASES = [
    (name, form)
    for name, (kind, _) in OPTIMIZERS.items()
    for form in FORMS
    if kind is not torch.optim.SGD or "capturable" not in form
]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_change_equals_a_float64_replica_of_the_update(name, form):
    kind, options = OPTIMIZERS[name]
    model = network().cuda()
    optimizer = kind(model.parameters(), **options | FORMS[form])
    sink = Memory()
    replicas = {name: Replica(kind, options) for name, _ in model.named_parameters()}
    with record(model, optimizer, sink) as recorder:
        for x, y in batches(6):
            optimizer.zero_grad()
            x, y = x.cuda(), y.cuda()
            recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
            before = state_of(model)
            grads = {name: p.grad.clone() for name, p in model.named_parameters()}
            optimizer.step()
            for layer, p in model.named_parameters():
                old, g = (t[layer].double().cpu().numpy() for t in (before, grads))
                truth = replicas[layer].change(old, g)
                found = sink.changes[-1][layer].astype(float)
                # these forms of Adam correct their moments in float32
                coarse = "capturable" in form or (form == "fused" and kind is not torch.optim.SGD)
                room = 4e-5 if coarse else 1e-6
                assert np.abs(found - truth).max() <= room * np.abs(truth).max()
                new = p.detach().double().cpu().numpy()
                size = np.maximum(np.abs(old), np.abs(new))
                assert (np.abs(old + found - new) <= 1.3e-7 * size + 3e-7 * np.abs(found)).all()


def test_masks_and_random_state_are_those_of_the_first_pass():
    model = nn.Sequential(nn.Linear(5, 64), nn.Dropout(0.5), nn.Linear(64, 3)).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for x, y in batches(3):
            x, y = x.cuda(), y.cuda()
            recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
            state = torch.cuda.get_rng_state()
            optimizer.step()
            assert torch.equal(torch.cuda.get_rng_state(), state)
    assert all(row["loss"] == row["loss_after"] for row in sink.rows)
    assert len({row["loss"] for row in sink.rows}) == 3


@pytest.mark.parametrize("precision", ["float64", "float32x2"])
def test_sums_on_the_device_equal_a_loop_over_the_steps(precision):
    model = network().cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    sink, sums = Memory(), StepAccumulators([1, 4], momentum=True, precision=precision)
    with record(model, optimizer, [sink, sums]) as recorder:
        for x, y in batches(25):
            optimizer.zero_grad()
            x, y = x.cuda(), y.cuda()
            recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
            optimizer.step()
    room = 1e-9 if precision == "float64" else 1e-6
    for layer in sums.result().layers:
        for k, lag in enumerate((0, 1, 4)):
            x, xx, xy, *_ = brute_force(sink, layer.name, lag, momentum=True)
            for found, truth in ((layer.x[k], x), (layer.xx[k], xx), (layer.xy[k], xy)):
                assert np.abs(found - truth).max() <= room * np.abs(truth).max()


@pytest.mark.parametrize("fused", [False, True])
def test_a_skipped_step_of_mixed_precision_is_left_out(fused):
    model = network().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cuda", init_scale=1024.0)
    sink = Memory()
    with record(model, optimizer, sink) as recorder:
        for t, (x, y) in enumerate(batches(4)):
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=torch.float16):
                loss = recorder.loss(
                    lambda x=x, y=y: nn.functional.cross_entropy(model(x.cuda()), y.cuda())
                )
            scaler.scale(loss).backward()
            if t == 1:
                model[0].weight.grad[0, 0] = torch.inf
            scaler.step(optimizer)
            scaler.update()
    assert recorder.step == 3
    assert all(np.isfinite(array).all() for step in sink.changes for array in step.values())
    assert all(row["loss_after"] < row["loss"] + 0.1 for row in sink.rows)


def test_a_recording_into_sums_alone_waits_for_nothing():
    model = network().cuda()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    data = [(x.cuda(), y.cuda()) for x, y in batches(8)]
    sums = StepAccumulators([1], block_steps=4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        with record(model, optimizer, sums) as recorder:
            for x, y in data:
                optimizer.zero_grad()
                recorder.loss(lambda x=x, y=y: nn.functional.cross_entropy(model(x), y)).backward()
                optimizer.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(recorder.to_frame()) == 8
