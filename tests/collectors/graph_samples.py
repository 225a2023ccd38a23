"""A small random graph to train on, and the file format of graphs."""

import numpy as np
import torch
from scipy.sparse import csr_matrix

from collectors.graphs import Graph


def small_graph(nodes=60, features=8, classes=3, seed=0, unlabelled=0):
    """A graph whose labels show in features and edges; the last nodes may lack a label."""
    rng = np.random.default_rng(seed)
    labels = np.arange(nodes) % classes
    same = labels[:, None] == labels[None, :]
    upper = np.triu(rng.random((nodes, nodes)) < np.where(same, 0.2, 0.03), 1)
    x = rng.random((nodes, features)) + 2 * np.eye(features)[labels]
    x /= x.sum(1, keepdims=True)
    labels[nodes - unlabelled :] = -1
    return Graph(
        "small",
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(np.stack(np.nonzero(upper | upper.T))),
        torch.tensor(labels),
    )


def write_npz(path, features, adjacency, labels, **changes):
    """Write a graph as two CSR matrices and labels."""
    x, a = csr_matrix(features), csr_matrix(adjacency)
    arrays = {
        f"{name}_{part}": np.asarray(getattr(m, part))
        for name, m in (("x", x), ("adj", a))
        for part in ("data", "indices", "indptr", "shape")
    }
    arrays = arrays | {"y": np.asarray(labels)} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
