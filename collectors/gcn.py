"""A graph convolutional network of two layers (Kipf and Welling 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv


class GCN(nn.Module):
    r"""Two GCN layers with a rectifier between them; no dropout, so a forward pass is exact.

    .. math:: Z = \hat A\, \mathrm{relu}(\hat A X W_1 + b_1)\, W_2 + b_2, \qquad
              \hat A = D^{-1/2} (A + I) D^{-1/2}

    with D the degrees of A + I.

    Parameters
    ----------
    features, hidden, classes : int
        Widths.

    Notes
    -----
    Initial weights come from torch's global generator, as torch_geometric draws them (Glorot
    weights, zero biases). The normalised adjacency is computed at the first forward pass and
    kept: a model belongs to the graph that it has seen first.
    """

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = GCNConv(features, hidden, cached=True)
        self.second = GCNConv(hidden, classes, cached=True)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Compute the logits of all nodes.

        Parameters
        ----------
        x : Tensor of float32, shape (n, features)
            Features of the nodes.
        edges : Tensor of int64, shape (2, arcs)
            Both directions of every undirected edge, no loops.

        Returns
        -------
        Tensor, shape (n, classes)
            The logits.
        """
        logits: Tensor = self.second(torch.relu(self.first(x, edges)), edges)
        return logits
