"""Node-classification data: the graph, and the split drawn for one seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph with node features and labels.

    Attributes
    ----------
    name : str
    features : Tensor of float32, shape (n, d)
        Rows sum to one (zero rows stay zero).
    edges : Tensor of int64, shape (2, arcs)
        Both directions of every undirected edge.
    labels : Tensor of int64, shape (n,)
    """

    name: str
    features: Tensor
    edges: Tensor
    labels: Tensor

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint node sets, each a Tensor of int64."""

    train: Tensor
    validation: Tensor
    test: Tensor


def load_planetoid(name: str, folder: Path) -> Graph:
    """Load Cora, CiteSeer or PubMed.

    Reads ``folder/<name>.npz`` where there is one (arrays ``x_data, x_indices, x_indptr,
    x_shape, adj_*, y`` of two CSR matrices, no pickles); otherwise torch_geometric downloads
    the set into `folder`.

    Parameters
    ----------
    name : {"cora", "citeseer", "pubmed"}
    folder : Path

    Returns
    -------
    Graph
    """
    file = folder / f"{name}.npz"
    if file.exists():
        features, edges, labels = _read_npz(file)
    else:
        from torch_geometric.datasets import Planetoid

        data = Planetoid(str(folder), name)[0]
        features, edges, labels = data.x, data.edge_index, data.y
    rows = features.sum(1, keepdim=True)
    return Graph(name, features / torch.where(rows > 0, rows, 1.0), edges, labels)


def _read_npz(file: Path) -> tuple[Tensor, Tensor, Tensor]:
    from scipy.sparse import csr_matrix

    with np.load(file, allow_pickle=False) as z:
        adjacency = csr_matrix(
            (z["adj_data"], z["adj_indices"], z["adj_indptr"]), shape=tuple(z["adj_shape"])
        ).tocoo()
        features = csr_matrix(
            (z["x_data"], z["x_indices"], z["x_indptr"]), shape=tuple(z["x_shape"])
        )
        labels = z["y"]
    edges = np.stack([adjacency.row, adjacency.col]).astype(np.int64)
    return (
        torch.from_numpy(features.toarray().astype(np.float32)),
        torch.from_numpy(edges),
        torch.from_numpy(labels.astype(np.int64)),
    )


def random_split(nodes: int, *, train: int, validation: int, generator: torch.Generator) -> Split:
    """Split the nodes at random; what is left over is the test set.

    Parameters
    ----------
    nodes : int
    train, validation : int
        Sizes; together fewer than `nodes`.
    generator : torch.Generator

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If no node is left for testing.
    """
    if train + validation >= nodes:
        raise ValueError(
            f"{train} training and {validation} validation nodes leave none of {nodes} for testing"
        )
    order = torch.randperm(nodes, generator=generator)
    return Split(order[:train], order[train : train + validation], order[train + validation :])
