"""Two processes that train together: one loss, one writer, and no process left waiting."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from causalhyper.frames.trajectory import read_trajectory
from tests.collectors.recording.ranks_script import CASES, data, noisy

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What both processes found in each case, and where the case's store is."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    module = "tests.collectors.recording.ranks_script"
    both = [
        subprocess.Popen(
            [sys.executable, "-m", module, str(rank), port, str(folder)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    try:
        said = [process.communicate(timeout=150)[1] for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], said
    return {
        case: (
            [json.loads((folder / case / f"{rank}.json").read_text()) for rank in (0, 1)],
            folder / case,
        )
        for case in CASES
    }


def by_hand():
    """The same training in one process: both halves' gradients averaged."""
    model = noisy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    changes = []
    for step in range(5):
        optimizer.zero_grad()
        for rank in (0, 1):
            x, y = data(rank, equal=True)[step]
            (torch.nn.functional.cross_entropy(model(x), y) / 2).backward()
        start = model[0].weight.detach().clone()
        optimizer.step()
        changes.append((model[0].weight.detach() - start).numpy())
    return np.stack(changes)


def test_changes_are_those_of_the_averaged_gradients(found):
    (_, _), folder = found["equal"]
    stored = read_trajectory(folder / "run").columns("0.weight", 0, 40)
    np.testing.assert_allclose(stored, by_hand().reshape(5, -1), atol=2e-7)


@pytest.mark.parametrize("case", ["equal", "uneven"])
def test_the_loss_is_the_mean_over_the_examples_of_both(found, case):
    (one, other), folder = found[case]
    sizes = (6, 6) if case == "equal" else (4, 12)
    expected = np.average([one["seen"], other["seen"]], axis=0, weights=sizes)
    for each in (one, other):
        np.testing.assert_allclose(each["frame"]["loss"], expected, rtol=1e-6)
    assert one["frame"] == other["frame"]
    assert read_trajectory(folder / "run").steps["loss"].tolist() == one["frame"]["loss"]


def test_sums_of_the_first_process_are_those_of_the_store(found):
    (one, _), folder = found["equal"]
    stored = read_trajectory(folder / "run").columns("0.weight", 0, 40).astype(float)
    np.testing.assert_allclose(one["movement"], (stored**2).sum(axis=0), rtol=1e-12)
    assert one["layers"][0] == "0.weight"


def test_batch_normalisation_counts_each_batch_once(found):
    (one, other), _ = found["equal"]
    assert one["tracked"] == other["tracked"] == 5


def test_a_full_disk_of_the_writer_stops_both_with_a_message(found):
    (one, other), _ = found["full"]
    assert one["error"].startswith("OSError: [Errno 28]")
    assert other["error"].startswith("ConfigurationError: recording failed in another process")


def test_a_loss_that_fails_after_the_step_in_one_process_stops_both(found):
    (one, other), _ = found["broken"]
    assert other["error"] == "ZeroDivisionError: the batch is gone"
    assert one["error"].startswith("ConfigurationError: recording failed in another process")


def test_a_store_that_the_writer_cannot_open_stops_both_before_the_first_step(found):
    (one, other), _ = found["taken"]
    assert one["error"].startswith("ConfigurationError: ")
    assert "run" in one["error"]
    assert other["error"].startswith("ConfigurationError: recording failed in another process")
    assert one["seen"] == other["seen"] == []
