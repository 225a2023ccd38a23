"""The kernels of stacks compute what torch does: interpreted on a CPU, where Triton is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning import stacked_network
from collectors.ensembles.pruning.captured import captured
from collectors.ensembles.pruning.fused import _widths
from collectors.networks import LeNet
from collectors.pruning import PruningTask

ROOT = Path(__file__).parents[3]


def interpreted(*words: str) -> None:
    pytest.importorskip("triton", exc_type=ImportError)
    command = [sys.executable, str(Path(__file__).with_name("interpreted.py")), *words]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": paths}
    found = subprocess.run(command, env=variables, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("engine", "precision", "tolerance"),
    [
        ("fused", "float32", "1e-5"),
        ("fused-aligned", "float32", "1e-5"),
        ("fused-deep", "tf32", "0.05"),
        ("fused-aligned", "bfloat16", "0.15"),
    ],
)
def test_losses_and_gradients_of_kernels_are_those_of_torch(
    engine: str, precision: str, tolerance: str
):
    interpreted(engine, precision, tolerance)


def test_updates_and_sums_of_kernels_are_those_of_torch_and_what_is_pruned_stays():
    interpreted("rows")


def test_masks_and_weights_of_whole_prunings_by_kernels_are_those_of_torch():
    interpreted("prunings")


def test_a_gradient_by_kernels_does_not_depend_on_which_networks_stand_beside_it():
    interpreted("order")


def test_patches_get_the_narrowest_two_powers_of_two_with_room_for_their_bias():
    assert [_widths(n) for n in (26, 76, 148)] == [(32, 0), (64, 16), (128, 32)]
    assert all(n <= sum(_widths(n)) for n in range(1, 500))


def test_without_a_gpu_kernels_are_refused_and_steps_are_not_captured():
    x, y = torch.randn(2, 1, 16, 16), torch.arange(2)
    network = stacked_network(PruningTask(lambda: LeNet(channels=1, size=16), (x, y)), "fused")
    rows = torch.zeros(1, network.layout.width)
    assert captured(network, rows) is network
    with pytest.raises(ConfigurationError, match="needs a GPU"):
        network.gradients(rows, x, y, "float32")
