"""The rows of a graph that some outputs need, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import block_diag, csr_matrix, diags, eye

from collectors.graphs import Graph

Blocks = Sequence[np.ndarray]
"""Node numbers of each block; blocks may have different lengths."""


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """A graph's adjacency, ready to be cut into blocks.

    Attributes
    ----------
    pattern : csr_matrix of shape (n, n)
        Ones at arcs and on the diagonal; row i holds what node i hears from.
    features : ndarray of float32, shape (n, d)
        Of the nodes.
    classes : int
        Number of classes.
    device : str
        Where fields are put.
    """

    pattern: csr_matrix
    features: np.ndarray
    classes: int
    device: str

    @classmethod
    def of(cls, graph: Graph, device: str = "cpu") -> Neighbourhoods:
        """Read a graph; loops and repeated arcs of it count once."""
        sources, targets = graph.edges.numpy()
        n = len(graph.labels)
        ones = np.ones(len(sources), np.float32)
        arcs = csr_matrix((ones, (targets, sources)), shape=(n, n)) + eye(n, format="csr")
        pattern = csr_matrix((np.ones(arcs.nnz, np.float32), arcs.indices, arcs.indptr), (n, n))
        pattern.sort_indices()
        return cls(pattern, graph.features.numpy(), graph.classes, device)

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return int(self.pattern.shape[0])

    def normalised(self) -> csr_matrix:
        """Kipf and Welling's D^-1/2 (A + I) D^-1/2."""
        scale = diags(1 / np.sqrt(np.asarray(self.pattern.sum(1)).ravel()))
        return csr_matrix(scale @ self.pattern @ scale)

    def widened(self, blocks: Blocks) -> list[np.ndarray]:
        """The nodes of each block first, then those that they hear from, in order."""
        return [self._widened(np.asarray(nodes)) for nodes in blocks]

    def _widened(self, nodes: np.ndarray) -> np.ndarray:
        heard = np.unique(self.pattern[nodes].indices)
        return np.concatenate([nodes, np.setdiff1d(heard, nodes)]).astype(np.int64)

    def cut(self, matrix: csr_matrix, rows: Blocks, columns: Blocks) -> csr_matrix:
        """The block-diagonal matrix of matrix[rows, columns], each block filled up with zeros."""
        height, width = longest(rows), longest(columns)
        parts = []
        for r, c in zip(rows, columns, strict=True):
            part = matrix[r][:, c].tocsr()
            ends = np.pad(part.indptr, (0, height - len(r)), mode="edge")
            parts.append(csr_matrix((part.data, part.indices, ends), (height, width)))
        return csr_matrix(block_diag(parts, format="csr"))

    def rows(self, values: np.ndarray, blocks: Blocks) -> torch.Tensor:
        """Rows of an array for each block, filled up with zeros: (blocks, longest, d)."""
        held = torch.as_tensor(values, dtype=torch.float32, device=self.device)
        found = held.new_zeros((len(blocks), longest(blocks), values.shape[1]))
        for place, nodes in zip(found, blocks, strict=True):
            place[: len(nodes)] = held[torch.as_tensor(nodes, device=self.device)]
        return found


def longest(blocks: Blocks) -> int:
    """Length of the longest block.

    Parameters
    ----------
    blocks : sequence of numpy.ndarray
        Nodes of each block.

    Returns
    -------
    int
        How many the longest has.
    """
    return max(len(nodes) for nodes in blocks)
