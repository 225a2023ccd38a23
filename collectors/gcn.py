"""A graph convolutional network of two layers (Kipf and Welling 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import GCNConv


class GCN(nn.Module):
    """Two GCN layers with a rectifier between them; no dropout, so a forward pass is exact.

    Parameters
    ----------
    features, hidden, classes : int
        Widths.
    """

    def __init__(self, features: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.first = GCNConv(features, hidden, cached=True)
        self.second = GCNConv(hidden, classes, cached=True)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """Logits of shape (n, classes) for all nodes."""
        return self.second(torch.relu(self.first(x, edges)), edges)
