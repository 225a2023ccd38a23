"""Node-classification data: the graph, and the split drawn for one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from causalhyper.errors import ConfigurationError, DataError

PLANETOID = ("cora", "citeseer", "pubmed")
"""The sets of Yang, Cohen and Salakhutdinov 2016."""


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph with node features and labels.

    Attributes
    ----------
    name : str
        Name of the data set.
    features : Tensor of float32, shape (n, d)
        Rows sum to one (zero rows stay zero).
    edges : Tensor of int64, shape (2, arcs)
        Both directions of every undirected edge.
    labels : Tensor of int64, shape (n,)
        Classes from 0; -1 where a node has no label.
    """

    name: str
    features: Tensor
    edges: Tensor
    labels: Tensor

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def labelled(self) -> Tensor:
        """The nodes that have a label, in order."""
        return torch.nonzero(self.labels >= 0).flatten()


@dataclass(frozen=True, slots=True)
class Split:
    """Disjoint node sets.

    Attributes
    ----------
    train, validation, test : Tensor of int64
        Numbers of nodes.
    """

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
        Which set; any name whose file is in `folder`.
    folder : Path
        Where the file is, or the download goes.

    Returns
    -------
    Graph
        Its features divided by their row sums.

    Raises
    ------
    ConfigurationError
        If `folder` is missing, or there is neither a file nor a download of that name.
    DataError
        If the file cannot be read as such.

    Notes
    -----
    Source: Yang, Cohen and Salakhutdinov 2016, "Revisiting semi-supervised learning with graph
    embeddings". 15 nodes of CiteSeer have no label: -1 in the file, 0 in torch_geometric.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"no folder {str(folder)!r}: make it, or name the one that holds {name}.npz"
        )
    file = folder / f"{name}.npz"
    if file.exists():
        features, edges, labels = _read_npz(file)
    elif name in PLANETOID:
        from torch_geometric.datasets import Planetoid

        data = Planetoid(str(folder), name)[0]
        features, edges, labels = data.x, data.edge_index, data.y
    else:
        raise ConfigurationError(
            f"no file {str(file)!r}, and no download of that name: expected one of "
            f"{', '.join(PLANETOID)}"
        )
    rows = features.sum(1, keepdim=True)
    return Graph(name, features / torch.where(rows > 0, rows, 1.0), edges, labels)


def _read_npz(file: Path) -> tuple[Tensor, Tensor, Tensor]:
    """Features, arcs and labels of a file, all or a DataError."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            adjacency = _matrix(arrays, "adj").tocoo()
            features = _matrix(arrays, "x").toarray().astype(np.float32)
            labels = arrays["y"].astype(np.int64)
    except (ValueError, TypeError, KeyError, OSError, EOFError, BadZipFile) as error:
        raise DataError(
            f"cannot read {str(file)!r}: {error}: expected the arrays x_data, x_indices, "
            "x_indptr, x_shape, adj_data, adj_indices, adj_indptr, adj_shape and y"
        ) from error
    n = len(labels)
    if adjacency.shape != (n, n) or len(features) != n:
        raise DataError(
            f"{str(file)!r} does not fit together: {n} labels, features of shape "
            f"{features.shape}, adjacency of shape {adjacency.shape}: write it again"
        )
    edges = np.stack([adjacency.row, adjacency.col]).astype(np.int64)
    return torch.from_numpy(features), torch.from_numpy(edges), torch.from_numpy(labels)


def _matrix(arrays: Mapping[str, np.ndarray], name: str) -> csr_matrix:
    parts = (arrays[f"{name}_data"], arrays[f"{name}_indices"], arrays[f"{name}_indptr"])
    return csr_matrix(parts, shape=tuple(arrays[f"{name}_shape"]))


def random_split(nodes: int, *, train: int, validation: int, generator: torch.Generator) -> Split:
    """Split the nodes at random; what is left over is the test set.

    Parameters
    ----------
    nodes : int
        How many there are.
    train, validation : int
        Sizes; together fewer than `nodes`.
    generator : torch.Generator
        The source of chance; its state alone decides the split.

    Returns
    -------
    Split
        Uniform over all splits of these sizes.

    Raises
    ------
    ConfigurationError
        If a size is negative, or no node is left for training or testing.

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> split = random_split(10, train=6, validation=1, generator=generator)
    >>> len(split.train), len(split.validation), len(split.test)
    (6, 1, 3)
    """
    if train < 1 or validation < 0:
        raise ConfigurationError(
            f"expected at least 1 training and 0 validation nodes; got {train} and {validation}"
        )
    if train + validation >= nodes:
        raise ConfigurationError(
            f"{train} training and {validation} validation nodes leave none of {nodes} for testing"
        )
    order = torch.randperm(nodes, generator=generator)
    return Split(order[:train], order[train : train + validation], order[train + validation :])
