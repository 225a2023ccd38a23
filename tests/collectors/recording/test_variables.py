"""The pass after the step sees the variables of the first one."""

import functools

import pytest
import torch
from torch import nn

from collectors.recording import record
from collectors.recording.variables import with_present_variables
from tests.collectors.recording.trainings import batches, network

batch = None


def module_loss():
    return nn.functional.cross_entropy(batch[0](batch[1]), batch[2])


def accumulate(show, data, model):
    """Train one step on accumulated minibatches; return its row."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with record(model, optimizer) as recorder:
        for x, y in data:
            show(recorder, model, x, y).div(len(data)).backward()
        optimizer.step()
    return recorder.to_frame().iloc[0]


def by_free_variables(data, model):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    with record(model, optimizer) as recorder:
        for x, y in data:
            loss = recorder.loss(lambda: nn.functional.cross_entropy(model(x), y))  # noqa: B023
            (loss / len(data)).backward()
        optimizer.step()
    return recorder.to_frame().iloc[0]


def by_global_variables(data, model):
    def show(recorder, model, x, y):
        global batch
        batch = model, x, y
        return recorder.loss(lambda: 1.0 * module_loss())

    return accumulate(show, data, model)


def by_partial(data, model):
    def show(recorder, model, x, y):
        global batch
        batch = model, x, y
        return recorder.loss(functools.partial(module_loss))

    return accumulate(show, data, model)


@pytest.mark.parametrize("training", [by_free_variables, by_global_variables, by_partial])
def test_each_accumulated_minibatch_is_evaluated_after_the_step_not_the_last_one_again(training):
    data, model = batches(3, 8), network()
    row = training(data, model)
    with torch.no_grad():
        after = [float(nn.functional.cross_entropy(model(x), y)) for x, y in data]
    assert row["loss_after"] == pytest.approx(sum(after) / 3, rel=1e-6)
    assert row["loss_after"] != pytest.approx(after[-1], rel=1e-3)


def test_functions_that_call_each_other_share_their_kept_variables():
    def count_down(n):
        return [n, *up(n)] if n else [base]

    def up(n):
        return count_down(n - 1)

    base = 7
    kept = with_present_variables(lambda: count_down(2))
    base = 8
    assert kept() == [2, 1, 7]
    assert count_down(2) == [2, 1, 8]


def test_a_variable_that_is_assigned_by_the_closure_itself_is_not_shared_with_the_training():
    calls = 0

    def closure():
        nonlocal calls
        calls += 1
        return calls

    kept = with_present_variables(closure)
    assert (closure(), kept(), calls) == (1, 1, 1)


def test_what_is_no_function_is_left_alone():
    model = nn.Linear(1, 1)
    assert with_present_variables(model) is model
    assert with_present_variables(torch.rand) is torch.rand
