"""Reading graphs, splitting them, and the network's forward pass against dense algebra."""

import numpy as np
import pytest
import torch

from causalhyper.errors import ConfigurationError, DataError
from collectors.gcn import GCN
from collectors.graphs import load_planetoid, random_split
from tests.collectors.graph_samples import small_graph, write_npz

X = np.array([[1.0, 3.0, 0.0], [0.0, 0.0, 0.0], [0.0, 2.0, 2.0]])
A = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]])
Y = np.array([0, 2, 1])


def test_a_graph_is_read_from_its_file_with_rows_that_sum_to_one(tmp_path):
    write_npz(tmp_path / "cora.npz", X, A, Y)
    graph = load_planetoid("cora", tmp_path)
    assert graph.name == "cora"
    assert graph.features.dtype == torch.float32
    assert graph.features.tolist() == [[0.25, 0.75, 0.0], [0.0, 0.0, 0.0], [0.0, 0.5, 0.5]]
    assert {tuple(arc) for arc in graph.edges.T.tolist()} == {(0, 1), (1, 0), (0, 2), (2, 0)}
    assert graph.labels.tolist() == [0, 2, 1]
    assert graph.classes == 3


def test_nodes_without_a_label_are_not_among_the_labelled(tmp_path):
    write_npz(tmp_path / "citeseer.npz", X, A, [0, -1, 1])
    graph = load_planetoid("citeseer", tmp_path)
    assert graph.labelled.tolist() == [0, 2]
    assert graph.classes == 2


def test_a_missing_folder_and_an_unknown_name_are_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no folder .*nowhere.*holds cora\.npz"):
        load_planetoid("cora", tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match=r"karate\.npz.*cora, citeseer, pubmed"):
        load_planetoid("karate", tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"y": None},
        {"y": np.array([0, 1])},
        {"adj_shape": np.array([3, 4])},
        {"x_indptr": np.array([0, 1])},
        {"y": np.array([0, None, 1], dtype=object)},
    ],
    ids=["no labels", "too few labels", "not square", "broken rows", "pickled labels"],
)
def test_a_file_that_is_not_a_graph_is_refused_by_name(tmp_path, changes):
    write_npz(tmp_path / "cora.npz", X, A, Y, **changes)
    with pytest.raises(DataError, match=r"cora\.npz"):
        load_planetoid("cora", tmp_path)


def test_a_file_that_is_no_archive_is_refused_by_name(tmp_path):
    (tmp_path / "cora.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(DataError, match=r"cannot read .*cora\.npz"):
        load_planetoid("cora", tmp_path)


def test_a_split_takes_every_node_once():
    generator = torch.Generator().manual_seed(1)
    split = random_split(50, train=20, validation=7, generator=generator)
    assert [len(split.train), len(split.validation), len(split.test)] == [20, 7, 23]
    assert sorted(torch.cat([split.train, split.validation, split.test]).tolist()) == list(
        range(50)
    )


def test_a_split_is_decided_by_its_generator():
    splits = [
        random_split(50, train=20, validation=7, generator=torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    ]
    assert torch.equal(splits[0].test, splits[1].test)
    assert not torch.equal(splits[0].test, splits[2].test)


@pytest.mark.parametrize(("train", "validation"), [(40, 10), (0, 5), (10, -1)])
def test_a_split_that_leaves_a_set_empty_is_refused(train, validation):
    with pytest.raises(ConfigurationError, match=f"{train} training|got {train}"):
        random_split(50, train=train, validation=validation, generator=torch.Generator())


def test_the_forward_pass_is_the_dense_formula_of_kipf_and_welling():
    graph = small_graph(12)
    model = GCN(8, 4, 3).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())))
    named = {name: p.detach().numpy() for name, p in model.named_parameters()}
    loops = np.eye(12)
    loops[graph.edges[0], graph.edges[1]] = 1
    degrees = loops.sum(1)
    spread = loops / np.sqrt(degrees[:, None] * degrees[None, :])
    x = graph.features.double().numpy()
    hidden = spread @ x @ named["first.lin.weight"].T + named["first.bias"]
    logits = spread @ np.maximum(hidden, 0) @ named["second.lin.weight"].T + named["second.bias"]
    found = model(torch.tensor(x), graph.edges)
    assert np.allclose(found.detach().numpy(), logits, rtol=1e-6, atol=1e-9)
    assert np.allclose(model(torch.tensor(x), graph.edges).detach(), found.detach())  # cached
