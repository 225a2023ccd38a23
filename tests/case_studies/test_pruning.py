"""The pruning study: its data, its task, and what is made of the logged prunings."""

import numpy as np
import pytest
import torch

from case_studies.pruning.collect import CRITERIA, make_task
from case_studies.pruning.images import VALIDATION, load_parts
from case_studies.pruning.logs import DATA
from causalhyper.errors import DataError
from causalhyper.frames.reading import read_frame
from collectors.pruning import PruningSettings, prunable_parameters, prune


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    count = VALIDATION + 600
    arrays = {
        "x_train": rng.integers(0, 200, (count, 28, 28)).astype(np.uint8),
        "y_train": rng.integers(0, 10, count),
        "x_test": rng.integers(0, 200, (40, 28, 28)).astype(np.uint8),
        "y_test": rng.integers(0, 10, 40),
    }
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, **arrays)
    return path, arrays


def test_parts_are_apart_and_standardised_by_the_training_pixels(data):
    path, arrays = data
    parts = load_parts(path, "cpu", 128)
    assert {n: len(p.images) for n, p in parts.items()} == {
        "train": 600, "validation": VALIDATION, "test": 40,
    }  # fmt: skip
    inputs, classes = next(iter(parts["test"]))
    first = arrays["x_train"][:600]
    wanted = (arrays["x_test"] - first.mean()) / first.std()
    np.testing.assert_allclose(inputs[:, 0].numpy(), wanted, rtol=1e-5)
    assert classes.tolist() == arrays["y_test"].tolist()


def test_an_epoch_sees_each_image_once_in_an_order_that_the_seed_gives(data):
    parts = load_parts(data[0], "cpu", 128)
    orders = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        orders.append(torch.cat([c for _, c in parts["train"]]))
    assert len(parts["train"]) == 5
    assert orders[0].sort().values.tolist() == sorted(data[1]["y_train"][:600].tolist())
    assert (orders[0] == orders[1]).all()
    assert (orders[0] != orders[2]).any()


def test_colours_become_channels(tmp_path):
    images = np.zeros((VALIDATION + 5, 2, 3, 3), dtype=np.uint8)
    images[..., 1] = 7
    classes = np.zeros(len(images))
    np.savez(tmp_path / "c.npz", x_train=images, y_train=classes, x_test=images, y_test=classes)
    held = load_parts(tmp_path / "c.npz", "cpu", 4)["train"].images
    assert held.shape == (5, 3, 2, 3)
    assert (held[:, 1] == 7).all()
    with pytest.raises(DataError, match="must hold x_train"):
        load_parts(tmp_path / "none.npz", "cpu", 4)


def test_the_task_is_the_papers_lenet_and_every_criterion_prunes_it(data):
    task = make_task(data[0], "cpu")
    model = task.new_model()
    assert sum(p.numel() for p in model.parameters()) == 431_080
    short = PruningSettings(n_pre=1, n_iter=1, n_prune=1, n_post=1)
    wanted = round(0.1 * sum(p.numel() for p in prunable_parameters(model).values()))
    pruned = prune(
        task, criterion=CRITERIA["causal-covariance"], sparsity=0.9, seed=0, settings=short,
        quiet=True,
    )  # fmt: skip
    assert sum(pruned.masks.layer_counts().values()) == wanted


def test_the_shipped_log_is_whole():
    log = read_frame(DATA / "pilot" / "lenet_fashion_mnist.parquet", "row")
    own = log[log["stage"] == "final"]
    assert len(own) == 40
    assert own.groupby(["method", "sparsity"])["seed"].nunique().eq(4).all()
