"""A pruning that is stopped goes on to the same bytes, or says why it cannot."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from causalhyper.errors import ConfigurationError, DataError
from collectors.pruning import Pruned, load_masks, prune, read_pruned
from collectors.pruning.folders import read_checkpoint
from collectors.pruning.states import state_bytes, state_of
from tests.collectors.pruning.problems import (
    SHORT,
    Draws,
    Magnitude,
    Movement,
    fixed_network,
    same,
    task,
)

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("moments", "least"), [("few", 4), pytest.param("many", 20, marks=pytest.mark.slow)]
)
def test_a_run_killed_at_any_moment_resumes_to_the_same_bytes(tmp_path, moments, least):
    command = [sys.executable, "-m", "tests.collectors.pruning.kills", str(tmp_path), moments]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) >= least


class StoppedError(Exception):
    """Raised in the midst of a training."""


def stop_in_posttraining(folder, epoch, **changes):
    """Prune, and stop in an epoch of post-training by an error."""
    seen = []

    def optimizer(parameters):
        made = torch.optim.AdamW(parameters, lr=5e-3)
        seen.append(made)

        def count(*_):
            steps = next(iter(made.state.values()))["step"]
            if len(seen) > 1 and steps > 3 * epoch - 2:
                raise StoppedError

        made.register_step_post_hook(count)
        return made

    optimizer.__qualname__ = adamw.__qualname__  # a folder knows the optimiser by this name
    settings = replace(SHORT, n_post=9, checkpoint_every=2)
    given = {"criterion": Movement(), "sparsity": 0.5, "seed": 1, "settings": settings}
    stopping = task(optimizer=optimizer)
    with pytest.raises(StoppedError):
        prune(stopping, out=folder, quiet=True, **(given | changes))
    return given


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=5e-3)


def test_posttraining_goes_on_with_the_moments_of_its_optimizer(tmp_path):
    given = stop_in_posttraining(tmp_path / "a", 6)
    state = read_checkpoint(tmp_path / "a")
    assert (state.stage, state.epoch) == ("posttraining", 4)
    assert state.optimizer["state"][0]["exp_avg"].ne(0).any()
    plain = task(optimizer=adamw)
    resumed = prune(plain, out=tmp_path / "a", resume=True, quiet=True, **given)
    whole = prune(plain, quiet=True, **given)
    assert same(resumed.model.state_dict(), whole.model.state_dict())
    assert resumed.log.drop(columns="seconds").equals(whole.log.drop(columns="seconds"))


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    stop_in_posttraining(tmp_path, 6)
    state = read_checkpoint(tmp_path)
    again = state_of(state_bytes(state), "again")
    assert (
        state_bytes(again)
        == state_bytes(state)
        == (tmp_path / "checkpoint.safetensors").read_bytes()
    )
    assert same(dict(again.best), dict(state.best))
    assert list(again.weights) == list(fixed_network().state_dict())


def test_nested_optimizer_states_are_kept(tmp_path):
    model = fixed_network()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
    x = torch.ones(4, 6)

    def closure():
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    stop_in_posttraining(tmp_path, 6)
    state = replace(read_checkpoint(tmp_path), optimizer=optimizer.state_dict())
    found = state_of(state_bytes(state), "again").optimizer
    before = optimizer.state_dict()["state"][0]
    after = found["state"][0]
    assert len(before["old_dirs"]) > 0
    assert all(map(torch.equal, before["old_dirs"], after["old_dirs"]))
    assert before["func_evals"] == after["func_evals"]
    assert found["param_groups"] == optimizer.state_dict()["param_groups"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 2}, "seed 1, not 2"),
        ({"criterion": Magnitude()}, "criterion kind 'Movement', not 'Magnitude'"),
        ({"sparsity": 0.7}, "targets"),
        ({"run_id": "own"}, "not 'own'"),
        ({"settings": replace(SHORT, n_post=8, checkpoint_every=2)}, "settings n_post 9, not 8"),
    ],
)
def test_a_folder_of_another_run_is_refused_and_left_as_it_is(tmp_path, changes, words):
    given = stop_in_posttraining(tmp_path, 3)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(ConfigurationError, match=words):
        prune(task(optimizer=adamw), out=tmp_path, resume=True, quiet=True, **(given | changes))
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_folder_in_use_or_full_is_refused_and_a_damaged_checkpoint_named(tmp_path):
    given = stop_in_posttraining(tmp_path, 3)
    with pytest.raises(ConfigurationError, match="resume=True"):
        prune(task(optimizer=adamw), out=tmp_path, quiet=True, **given)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged"):
        prune(task(optimizer=adamw), out=tmp_path, resume=True, quiet=True, **given)


def test_a_result_is_saved_and_read_back(tmp_path):
    found = prune(task(), criterion=Draws(), sparsity=0.5, seed=1, settings=SHORT, quiet=True)
    found.save(tmp_path / "saved")
    again = read_pruned(tmp_path / "saved", task())
    assert isinstance(again, Pruned)
    assert same(again.model.state_dict(), found.model.state_dict())
    assert again.log.equals(found.log)
    assert again.layers.equals(found.layers)
    assert again.summary() == found.summary()
    assert again.settings == found.settings
    masks = load_masks(tmp_path / "saved" / "masks.safetensors").kept
    assert all((masks[name] == mask).all() for name, mask in found.masks.kept.items())
    with pytest.raises(ConfigurationError, match="another network"):
        read_pruned(tmp_path / "saved", lambda: torch.nn.Linear(2, 2))
    with pytest.raises(ConfigurationError, match="no result"):
        read_pruned(tmp_path, task())


def test_a_call_that_fails_before_a_checkpoint_leaves_the_folder_to_another(tmp_path):
    given = {"criterion": Magnitude(), "sparsity": 0.6, "seed": 1, "settings": SHORT}
    with pytest.raises(ConfigurationError, match="no example"):
        prune(task(train=[]), out=tmp_path, quiet=True, **given)
    assert {p.name for p in tmp_path.iterdir()} <= {".lock"}
    other = given | {"seed": 2}
    assert prune(task(), out=tmp_path, quiet=True, **other).seed == 2


def test_a_folder_that_cannot_be_made_is_named_before_training(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ConfigurationError, match="cannot make the folder"):
        prune(
            task(), criterion=Magnitude(), sparsity=0.5, seed=1, settings=SHORT,
            out=tmp_path / "file", quiet=True,
        )  # fmt: skip
    assert (tmp_path / "file").read_text() == "not a folder"
