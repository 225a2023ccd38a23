"""Captured steps: when they are captured and replayed; on a GPU that is played by a CPU."""

from contextlib import nullcontext
from itertools import count
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from collectors.ensembles.pruning import captured, stacked_network
from collectors.ensembles.pruning.captured import BEFORE, CapturedNetwork
from collectors.ensembles.pruning.networks import StackedNetwork
from collectors.networks import LeNet
from collectors.pruning import PruningTask


class Graph:
    """Counts what a graph is asked for."""

    begun = ended = replayed = 0
    pools: ClassVar[list[object]] = []

    def capture_begin(self, pool: object) -> None:
        Graph.begun += 1
        Graph.pools.append(pool)

    def capture_end(self) -> None:
        Graph.ended += 1

    def replay(self) -> None:
        Graph.replayed += 1


class Stream:
    """Waits for nothing."""

    def wait_stream(self, other: object) -> None:
        pass


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> StackedNetwork:
    for name in ("begun", "ended", "replayed"):
        monkeypatch.setattr(Graph, name, 0)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: Stream())
    monkeypatch.setattr(torch.cuda, "stream", nullcontext)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    monkeypatch.setattr(Graph, "pools", [])
    handles = count()
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: next(handles))
    monkeypatch.setattr(captured, "_stream", lambda _: Stream())
    task = PruningTask(lambda: LeNet(channels=1, size=16), batch(4))
    return stacked_network(task, "conv-loop")


def batch(n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    return torch.randn(n, 1, 16, 16, generator=generator), torch.arange(n) % 10


def some_rows(network: StackedNetwork) -> Tensor:
    return 0.1 * torch.randn(2, network.layout.width, generator=torch.Generator().manual_seed(0))


def test_a_step_is_captured_after_some_and_then_gets_minibatches_in_its_own_memory(
    network: StackedNetwork,
):
    rows = some_rows(network)
    steps = CapturedNetwork(network, rows)
    for _ in range(BEFORE):
        found = steps.gradients(rows, *batch(4), "float32")
        torch.testing.assert_close(found, network.gradients(rows, *batch(4), "float32"))
    assert Graph.begun == 0
    found = steps.gradients(rows, *batch(4), "float32")
    assert (Graph.begun, Graph.ended, Graph.replayed) == (1, 1, 1)
    x, y = batch(4)
    again = steps.gradients(rows, -x, y, "float32")
    assert Graph.replayed == 2
    assert all(one is other for one, other in zip(found, again, strict=True))
    (step,) = steps._steps.values()
    torch.testing.assert_close(step.inputs, -x)


def test_other_minibatches_losses_and_rows_are_not_taken_for_what_was_captured(
    network: StackedNetwork,
):
    rows = some_rows(network)
    steps = CapturedNetwork(network, rows)
    for _ in range(BEFORE + 1):
        steps.gradients(rows, *batch(4), "float32")
    for n, some in ((3, rows), (4, rows[:1]), (4, 2 * rows)):
        found = steps.gradients(some, *batch(n), "float32")
        torch.testing.assert_close(found, network.gradients(some, *batch(n), "float32"))
    losses = steps.mean_losses(rows, *batch(4), "float32")
    torch.testing.assert_close(losses, network.mean_losses(rows, *batch(4), "float32"))
    assert Graph.replayed == 1


def test_what_cannot_be_captured_is_computed_as_before(
    network: StackedNetwork, monkeypatch: pytest.MonkeyPatch
):
    def refused(self: Graph) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(Graph, "capture_end", refused)
    rows = some_rows(network)
    steps = CapturedNetwork(network, rows)
    for _ in range(BEFORE + 3):
        found = steps.gradients(rows, *batch(4), "float32")
        torch.testing.assert_close(found, network.gradients(rows, *batch(4), "float32"))
    assert (Graph.begun, Graph.replayed) == (1, 0)


def test_every_captured_step_has_memory_of_its_own(network: StackedNetwork):
    rows = some_rows(network)
    steps = CapturedNetwork(network, rows)
    for _ in range(BEFORE + 1):
        steps.mean_losses(rows, *batch(4), "float32")
        steps.mean_losses(rows, *batch(4), "bfloat16")
        steps.gradients(rows, *batch(4), "bfloat16")
    assert Graph.begun == len(set(Graph.pools)) == 3
