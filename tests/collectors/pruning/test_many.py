"""Many prunings at once are those that would be made one by one."""

import re
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

from causalhyper.errors import ConfigurationError
from collectors.pruning import prune, prune_many, read_pruned
from collectors.pruning.fingerprints import data_words, task_words
from tests.collectors.pruning.problems import (
    SHORT,
    Draws,
    Magnitude,
    batched,
    examples,
    same,
    shuffled,
    task,
)


def many(out, **changes):
    given = {
        "criteria": [Magnitude(), Draws(), "dense"], "seeds": [0, 1], "sparsities": [0.5, 0.8],
        "settings": SHORT, "out": out, "quiet": True,
    }  # fmt: skip
    return prune_many(task(), **(given | changes))


def test_each_run_is_that_of_a_call_of_its_own_and_the_log_holds_all(tmp_path):
    log = many(tmp_path)
    final = log[log["stage"] == "final"]
    assert final.groupby("method")["run_id"].count().to_dict() == {
        "own-magnitude": 4, "own-random": 4, "dense": 2
    }  # fmt: skip
    alone = prune(task(), criterion=Draws(), sparsity=0.8, seed=1, settings=SHORT, quiet=True)
    found = read_pruned(tmp_path / "own-random-0.8-seed1", task())
    assert same(found.model.state_dict(), alone.model.state_dict())
    runs = pd.read_parquet(tmp_path / "runs.parquet")
    assert runs["test_accuracy"].tolist() == final["test_accuracy"].tolist()
    # paired: all methods of a seed have the same network before they prune
    before = log[log["stage"] == "pretraining"]
    assert (before.groupby(["seed", "epoch"])["train_loss"].nunique() == 1).all()


def test_a_call_that_grows_trains_only_what_is_new(tmp_path):
    first = many(tmp_path, criteria=[Draws()], sparsities=[0.5])
    run = tmp_path / "own-random-0.5-seed0"
    before = (run / "result.json").stat().st_mtime_ns
    grown = many(tmp_path, criteria=[Draws()])
    assert (run / "result.json").stat().st_mtime_ns == before
    again = grown[grown["run_id"].isin(first["run_id"])].reset_index(drop=True)
    assert again.equals(first)


def test_a_folder_of_other_settings_is_refused(tmp_path):
    many(tmp_path, criteria=[Draws()], sparsities=[0.5])
    before = pd.read_parquet(tmp_path / "runs.parquet")
    with pytest.raises(ConfigurationError, match="settings n_pre 2, not 1"):
        many(tmp_path, criteria=[Draws()], settings=replace(SHORT, n_pre=1))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "runs.parquet"), before)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train": shuffled(*examples(90))}, "data train {'batches': "),
        ({"test": (torch.ones(3, 6), torch.zeros(3).long())}, "data test "),
        ({"model": partial(nn.Linear, 6, 3)}, "layers "),
        ({"loss": partial(nn.functional.cross_entropy, reduction="none", label_smoothing=0.1)},
         'loss "cross_entropy'),
        ({"optimizer": partial(torch.optim.SGD, lr=0.1)}, "optimizer None, not 'SGD"),
    ],
)  # fmt: skip
def test_a_folder_of_another_task_is_refused_also_where_all_its_runs_are_finished(
    tmp_path, changes, said
):
    given = {"criteria": [Draws()], "sparsities": [0.5], "settings": SHORT, "quiet": True}
    given["out"] = tmp_path
    prune_many(task(), seeds=[0], **given)
    for seeds in ([0], [0, 1]):
        with pytest.raises(ConfigurationError, match=re.escape(said)):
            prune_many(replace(task(), **changes), seeds=seeds, **given)


@pytest.mark.parametrize("wrong", [{"seeds": []}, {"criteria": [Draws(), Draws()]}])
def test_nothing_to_do_and_names_twice_are_refused(tmp_path, wrong):
    with pytest.raises(ConfigurationError, match="different names"):
        many(tmp_path, **wrong)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"criteria": ["random", "randm"]}, "did you mean 'random'"),
        ({"sparsities": [0.5, 90]}, "90% is 0.9"),
        ({"sparsities": ["half"]}, "share"),
        ({"seeds": [0, -1]}, "seed"),
        ({"seeds": 3}, r"seeds must be a list; got 3: write \[3\]"),
        ({"sparsities": 0.5}, "sparsities must be a list"),
        ({"criteria": "magnitude"}, "criteria must be a list; got 'magnitude'"),
    ],
)
def test_a_wrong_name_or_number_is_refused_before_the_first_run(tmp_path, wrong, said):
    with pytest.raises(ConfigurationError, match=said):
        many(tmp_path, **({"criteria": [Draws()]} | wrong))
    assert not list(tmp_path.iterdir())


def test_seeds_and_sparsities_may_be_arrays(tmp_path):
    found = many(tmp_path, criteria=[Draws()], seeds=np.arange(2), sparsities=np.array([0.5]))
    assert found["run_id"].unique().tolist() == ["own-random-0.5-seed0", "own-random-0.5-seed1"]


def test_what_is_known_of_data_tells_them_apart_and_is_found_without_iterating_them():
    x, y = examples()
    given = {
        "batch": (x, y),
        "other values": (x + 1e-3, y),
        "other order": (x.flip(0), y.flip(0)),
        "batches": batched(x, y),
        "fewer": batched(x[:-1], y[:-1]),
        "loader": shuffled(x, y),
        "larger minibatches": shuffled(x, y, size=48),
        "other loader": shuffled(x.flip(0), y.flip(0)),
    }
    words = {name: str(data_words(data)) for name, data in given.items()}
    assert len(set(words.values())) == len(words)
    assert words["loader"] == str(data_words(shuffled(x.clone(), y.clone())))
    assert data_words(None) is None
    odd = [torch.eye(3).to_sparse(), torch.tensor(1j).conj(), torch.ones(0), torch.ones(2) > 0]
    odd += [torch.tensor(1j).conj().imag, torch.ones(2, device="meta")]
    assert len({data_words((each, y))["digest"] for each in odd}) == len(odd)

    class Stream(IterableDataset):
        def __iter__(self):
            raise AssertionError

    assert data_words(DataLoader(Stream())) == {}
    assert data_words(Endless()) == {}


class Endless:
    """Batches of which nobody knows how many there are."""

    def __iter__(self):
        raise AssertionError


def test_losses_and_optimizers_are_told_apart_by_numbers_and_options():
    entropy = nn.functional.cross_entropy
    losses = [
        nn.CrossEntropyLoss(reduction="none"),
        nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1),
        partial(entropy, reduction="none"),
        lambda outputs, targets: entropy(outputs, targets, reduction="none"),
        lambda outputs, targets: 2 * entropy(outputs, targets, reduction="none"),
    ]
    rates = [
        lambda parameters: torch.optim.Adam(parameters, lr=1e-3),
        lambda parameters: torch.optim.Adam(parameters, lr=1e-1),
        partial(torch.optim.SGD, lr=1e-3),
        torch.optim.SGD,
        None,
    ]
    words = [task_words(task(loss=f))["loss"] for f in losses]
    words += [task_words(task(optimizer=f))["optimizer"] for f in rates]
    assert len(set(words)) == len(words)
    again = nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1)
    assert task_words(task(loss=again))["loss"] == words[1]
