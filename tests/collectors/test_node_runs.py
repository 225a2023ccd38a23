"""Whole runs on a small graph: the row, its pairing by seed, and divergence."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import precision_score

from case_studies.batch_size.collect import BATCH_SIZES, N_TRAIN, design
from causalhyper.errors import ConfigurationError
from causalhyper.frames import KNOWN, Roles, validate_runs
from collectors import node_runs
from collectors.node_runs import NodeRun, train_and_measure
from tests.collectors.graph_samples import small_graph

GRAPH = small_graph()
RUN = NodeRun("equal_epochs", 0, 8, 12, n_train=32, n_validation=8, hidden=4)
SECONDS = {"train_seconds", "wall_seconds"}
ROLES = Roles.parse(
    [
        "B=log2(batch_size)",
        "N=log10(grad_noise)",
        "S=sharpness",
        "C=weight_norm",
        "M=margin",
        "U=updates",
        "G=test_accuracy",
        "P=test_precision",
        "L=train_loss",
        "D=generalization_gap",
        "T=wall_seconds",
    ]
)


def timeless(row):
    return {name: value for name, value in row.items() if name not in SECONDS}


@pytest.fixture(scope="module")
def row():
    return train_and_measure(RUN, GRAPH)


@pytest.fixture
def watched(monkeypatch):
    """Record the split, initial weights and order generator that each run is trained with."""
    seen = []
    train = node_runs._train

    def watch(model, graph, split, run, generator):
        weights = [p.detach().clone() for p in model.parameters()]
        seen.append((split, weights, generator.initial_seed()))
        return train(model, graph, split, run, generator)

    monkeypatch.setattr(node_runs, "_train", watch)
    return seen


def test_rows_are_a_valid_runs_frame(row):
    other = train_and_measure(replace(RUN, batch_size=16, updates=6), GRAPH)
    clean = validate_runs(
        pd.DataFrame([row, other]),
        roles=ROLES,
        treatment="B",
        outcome="G",
        cluster=["seed"],
        context=["dataset", "model", "optimizer", "design"],
    )
    assert clean["run_id"].tolist() == ["equal_epochs-b0008-s000", "equal_epochs-b0016-s000"]
    known = set(KNOWN) & set(row)
    assert {"grad_noise", "noise_scale", "n_train", "n_test", "epochs"} <= known


def test_the_columns_of_a_row_are_those_of_the_collected_frames(row):
    assert " ".join(row) == (
        "run_id design dataset model seed batch_size learning_rate weight_decay optimizer epochs "
        "updates n_train n_test grad_noise example_noise noise_scale sharpness weight_norm margin "
        "train_loss train_accuracy test_accuracy test_precision generalization_gap diverged "
        "train_seconds wall_seconds"
    )


def test_the_same_run_gives_the_same_row_seconds_apart(row):
    torch.manual_seed(99)
    assert timeless(train_and_measure(RUN, GRAPH)) == timeless(row)


def test_another_seed_gives_another_row(row):
    other = train_and_measure(replace(RUN, seed=1), GRAPH)
    assert other["weight_norm"] != row["weight_norm"]


def test_a_run_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train_and_measure(replace(RUN, updates=1), GRAPH)
    assert torch.equal(torch.get_rng_state(), before)


def test_runs_of_one_seed_share_split_initial_weights_and_order(watched):
    for run in (RUN, replace(RUN, batch_size=32, updates=3), replace(RUN, seed=1)):
        train_and_measure(run, GRAPH)
    (split, weights, order), paired, foreign = watched
    for name in ("train", "validation", "test"):
        assert torch.equal(getattr(split, name), getattr(paired[0], name))
    assert all(torch.equal(a, b) for a, b in zip(weights, paired[1], strict=True))
    assert order == paired[2]
    assert not torch.equal(split.train, foreign[0].train)
    assert not all(torch.equal(a, b) for a, b in zip(weights, foreign[1], strict=True))
    assert order != foreign[2]


@pytest.mark.parametrize(("batch_size", "updates"), [(8, 12), (16, 6), (32, 5), (1, 7)])
def test_epochs_are_updates_times_batch_size_over_the_training_set(
    monkeypatch, batch_size, updates
):
    batches = []
    entropy = node_runs.cross_entropy

    def count(logits, labels, **options):
        if not options:  # the mean loss of an update
            batches.append(len(labels))
        return entropy(logits, labels, **options)

    monkeypatch.setattr(node_runs, "cross_entropy", count)
    row = train_and_measure(replace(RUN, batch_size=batch_size, updates=updates), GRAPH)
    assert batches == [batch_size] * updates
    assert row["epochs"] * row["n_train"] == row["updates"] * row["batch_size"] == sum(batches)


def test_an_epoch_visits_every_training_node_once(watched):
    visited = []

    class Labels:
        """Labels that note which nodes are asked for."""

        def __getitem__(self, nodes):
            visited.append(nodes.tolist())
            return GRAPH.labels[nodes]

    class Watched:
        name, features, edges, classes = "small", GRAPH.features, GRAPH.edges, GRAPH.classes
        labels, labelled = Labels(), GRAPH.labelled

    train_and_measure(replace(RUN, updates=4), Watched())
    batches = [nodes for nodes in visited if len(nodes) == 8]
    train = watched[0][0].train.tolist()
    assert sorted(node for batch in batches for node in batch) == sorted(train)


def test_final_measurements_are_those_of_the_trained_network(monkeypatch):
    kept = {}
    final = node_runs._final

    def keep(model, graph, split, generator):
        kept.update(model=model, split=split)
        return final(model, graph, split, generator)

    monkeypatch.setattr(node_runs, "_final", keep)
    row = train_and_measure(RUN, GRAPH)
    model, split = kept["model"], kept["split"]
    with torch.no_grad():
        logits = model(GRAPH.features, GRAPH.edges).double().numpy()
    y, train, test = GRAPH.labels.numpy(), split.train.numpy(), split.test.numpy()
    called = logits.argmax(1)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    weights = np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])
    others = np.where(np.eye(3, dtype=bool)[y], -np.inf, logits).max(1)
    margin = np.sort((logits[np.arange(60), y] - others)[train])
    assert row["n_test"] == len(test) == 60 - 32 - 8
    assert row["train_accuracy"] == pytest.approx(np.mean(called[train] == y[train]))
    assert row["test_accuracy"] == pytest.approx(np.mean(called[test] == y[test]))
    assert row["generalization_gap"] == row["train_accuracy"] - row["test_accuracy"]
    assert row["test_precision"] == pytest.approx(
        precision_score(y[test], called[test], labels=range(3), average="macro", zero_division=0)
    )
    assert row["train_loss"] == pytest.approx(-np.log(shares[train, y[train]]).mean(), rel=1e-5)
    assert row["weight_norm"] == pytest.approx(np.linalg.norm(weights), rel=1e-6)
    assert row["margin"] == pytest.approx(margin[15], rel=1e-4, abs=1e-6)  # the lower median
    assert row["sharpness"] == pytest.approx(sharpness(model, train), rel=2e-3)


def sharpness(model, train):
    """The largest eigenvalue of the explicit Hessian of the training loss, in float64."""
    model = model.double()
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]
    for layer in (model.first, model.second):
        layer._cached_edge_index = None  # cached in float32

    def loss(*parameters):
        logits = torch.func.functional_call(
            model,
            dict(zip(names, parameters, strict=True)),
            (GRAPH.features.double(), GRAPH.edges),
        )
        return torch.nn.functional.cross_entropy(logits[train], GRAPH.labels[train])

    point = tuple(p.detach() for p in model.parameters())
    blocks = torch.autograd.functional.hessian(loss, point)
    sizes = [shape.numel() for shape in shapes]
    rows = [
        torch.cat([block.reshape(size, -1) for block in line], 1)
        for size, line in zip(sizes, blocks, strict=True)
    ]
    return float(torch.linalg.eigvalsh(torch.cat(rows))[-1])


@pytest.mark.parametrize("learning_rate", [1e20, 1e30])
def test_a_run_that_diverges_gives_a_row_with_its_scores(row, learning_rate):
    broken = train_and_measure(replace(RUN, learning_rate=learning_rate), GRAPH)
    assert list(broken) == list(row)
    assert broken["diverged"] is True
    lost = ("grad_noise", "example_noise", "noise_scale", "sharpness", "margin", "train_loss")
    assert all(math.isnan(broken[name]) for name in lost)
    assert not math.isinf(broken["weight_norm"])
    for name in ("train_accuracy", "test_accuracy", "test_precision"):
        assert 0 <= broken[name] <= 1
    assert {type(value) for value in timeless(broken).values()} <= {str, int, float, bool}


def test_an_infinite_loss_or_norm_is_unknown_in_the_row(monkeypatch):
    entropy = node_runs.cross_entropy

    def overflow(logits, labels, **options):
        return entropy(logits, labels, **options) * (math.inf if options else 1)

    monkeypatch.setattr(node_runs, "cross_entropy", overflow)
    monkeypatch.setattr(node_runs, "weight_norm", lambda parameters: math.inf)
    row = train_and_measure(RUN, GRAPH)
    assert row["diverged"] is True
    assert math.isnan(row["train_loss"])
    assert math.isnan(row["weight_norm"])
    assert math.isfinite(row["margin"])


def test_a_run_that_did_not_diverge_is_finite_throughout(row):
    assert row["diverged"] is False
    assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))


def test_nodes_without_a_label_are_in_no_set(watched):
    graph = small_graph(unlabelled=5)
    row = train_and_measure(replace(RUN, updates=2), graph)
    split = watched[0][0]
    used = torch.cat([split.train, split.validation, split.test])
    assert sorted(used.tolist()) == list(range(55))
    assert row["n_test"] == 55 - 32 - 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 12}, "does not divide"),
        ({"batch_size": 64}, "does not divide"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"updates": 0}, "updates must be at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"n_train": 1, "batch_size": 1}, "n_train must be at least 2"),
        ({"learning_rate": 0.0}, "learning rate above 0"),
        ({"learning_rate": math.nan}, "learning rate above 0"),
        ({"weight_decay": -1.0}, "weight decay of at least 0"),
    ],
)
def test_a_configuration_that_cannot_run_is_refused(change, message):
    with pytest.raises(ConfigurationError, match=message):
        replace(RUN, **change)


def test_a_graph_with_too_few_nodes_is_refused():
    with pytest.raises(ConfigurationError, match="leave none of 40"):
        train_and_measure(RUN, small_graph(40))


def test_the_study_crosses_batch_sizes_and_designs_within_each_seed():
    runs = design(3)
    assert len({run.run_id for run in runs}) == len(runs) == 3 * 6 * 2
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)
    for run in runs:
        passes = run.updates * run.batch_size / run.n_train
        assert (passes == 100) if run.design == "equal_epochs" else (run.updates == 1600)


def test_the_studys_designs_coincide_at_batch_size_64_alone():
    by_id = {run.run_id: run for run in design(1)}
    for batch in BATCH_SIZES:
        epochs, updates = (
            replace(by_id[f"{name}-b{batch:04d}-s000"], design="")
            for name in ("equal_epochs", "equal_updates")
        )
        assert (epochs == updates) == (batch == 64)
    assert all(N_TRAIN % batch == 0 and batch < N_TRAIN for batch in BATCH_SIZES)
