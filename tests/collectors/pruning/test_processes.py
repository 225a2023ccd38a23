"""Two processes prune as one does that sees the union of their minibatches."""

import ast
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from collectors.pruning import prune
from tests.collectors.pruning.problems import Movement, Probe
from tests.collectors.pruning.two_processes import DEEP, EXCITED, task

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that two processes have left."""
    found = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.collectors.pruning.two_processes", str(found)]
    started = [
        subprocess.Popen([*command, rank, "2", port], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for rank in "01"
    ]
    try:
        errors = [process.communicate(timeout=180)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], errors
    return found


def load(folder, rank):
    return torch.load(folder / f"{rank}.pt", weights_only=False)


def test_both_have_the_same_masks_weights_and_log(folder):
    one, other = load(folder, 0), load(folder, 1)
    for part in ("model", "masks"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part])
    np.testing.assert_array_equal(one["log"], other["log"])


def test_they_are_those_of_one_process_within_rounding(folder):
    alone = prune(task(), criterion=Movement(), sparsity=0.6, seed=2, settings=DEEP, quiet=True)
    found = load(folder, 0)
    for name, mask in alone.masks.kept.items():
        np.testing.assert_array_equal(found["masks"][name].numpy(), mask)
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(found["model"][name], value, rtol=1e-3, atol=1e-5)
    log = alone.log.filter(regex="loss|accuracy").to_numpy()
    np.testing.assert_allclose(found["log"], log, rtol=1e-4)


def test_running_means_are_those_of_the_first_in_both(folder):
    one, other = (ast.literal_eval((folder / f"{rank}.txt").read_text()) for rank in (0, 1))
    assert one == other


def test_attributions_are_of_gradients_averaged_over_both(folder):
    probe = Probe()
    prune(task(), criterion=probe, sparsity=0.6, seed=2, settings=EXCITED, quiet=True)
    (found, weights), (none, others) = (
        torch.load(folder / f"{rank}.attribution.pt", weights_only=False) for rank in (0, 1)
    )
    assert none == []
    assert all(torch.equal(weights[name], others[name]) for name in weights)
    assert len(found) == len(probe.given) == EXCITED.n_iter
    for evidence, layers in zip(probe.given, found, strict=True):
        for name, alone in evidence.attribution.items():
            for part in ("moved", "turned", "fresh"):
                expected = getattr(alone, part)
                scale = np.abs(expected).max()
                assert scale > 0
                np.testing.assert_allclose(
                    getattr(layers[name], part), expected, rtol=1e-3, atol=1e-3 * scale
                )


def test_an_error_of_the_first_ends_the_other_too(folder):
    assert (folder / "0.error").read_text() == "DataError: nothing to rank"
    assert (folder / "1.error").read_text().startswith("OtherProcessError: the first process")
