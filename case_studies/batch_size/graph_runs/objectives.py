"""Losses of training nodes, of all members at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from case_studies.batch_size.graph_runs.beginnings import Beginning
from case_studies.batch_size.graph_runs.design import Design
from collectors.ensembles.graphs import GraphAttention, GraphConvolution, Neighbourhoods
from collectors.ensembles.graphs.attention import AttentionField
from collectors.ensembles.graphs.convolution import ConvolutionField
from collectors.ensembles.graphs.neighbourhoods import longest
from collectors.ensembles.graphs.sparse import Incidence

Stacked = Mapping[str, Tensor]
"""Parameters by name, each of shape (seeds, members, ...)."""


@dataclass(frozen=True, slots=True)
class Pairs:
    r"""Pairs of nodes whose interaction PI-GNN learns.

    Attributes
    ----------
    one, other : Incidence
        Rows of the two nodes among the outputs of all seeds.
    owner : Incidence
        The training node, among those of all seeds, whose loss the pair is part of.
    signs, shares : Tensor, shape (pairs, 1)
        1 for neighbours and -1 for others; the weight in the owner's loss.
    """

    one: Incidence
    other: Incidence
    owner: Incidence
    signs: Tensor
    shares: Tensor


@dataclass(frozen=True, slots=True)
class Objective:
    """A network and the training nodes of some seeds.

    Attributes
    ----------
    network : GraphConvolution or GraphAttention
    field : ConvolutionField or AttentionField
        Its outputs begin with the training nodes of each seed.
    n : int
        Training nodes a seed.
    pairs : Pairs or None
        Of PI-GNN.
    """

    network: GraphConvolution | GraphAttention
    field: ConvolutionField | AttentionField
    n: int
    pairs: Pairs | None

    def node_losses(self, parameters: Stacked, labels: Tensor) -> tuple[Tensor, Tensor]:
        r"""Losses of the training nodes: those trained on, and cross-entropies.

        The two differ by PI-GNN's pairwise term: with z the logits, N(i) the neighbours of i
        and M(i) as many nodes that are none,

        .. math:: \frac{\lambda}{2} \Big( \operatorname*{mean}_{j \in N(i)} -\log\sigma(z_i z_j)
                  + \operatorname*{mean}_{j \in M(i)} -\log\sigma(-z_i z_j) \Big)

        Parameters
        ----------
        parameters : mapping
            Of shapes (seeds, members, ...).
        labels : Tensor of int64, shape (seeds, members, n)

        Returns
        -------
        tuple of Tensor, each of shape (seeds, members, n)
            The losses trained on, and the cross-entropies.
        """
        logits = self.network.logits(parameters, self.field)  # type: ignore[arg-type]
        own = logits[:, :, : self.n]
        picked = own.gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        entropies = own.logsumexp(-1) - picked
        if self.pairs is None:
            return entropies, entropies
        return entropies + self._interactions(logits, self.pairs), entropies

    def _interactions(self, logits: Tensor, pairs: Pairs) -> Tensor:
        seeds, members, _, classes = logits.shape
        rows = logits.transpose(1, 2).reshape(-1, members * classes)
        products = (pairs.one.gather(rows) * pairs.other.gather(rows)).view(-1, members, classes)
        terms = softplus(-pairs.signs * products.sum(-1)) * pairs.shares
        return pairs.owner.total(terms).view(seeds, self.n, members).transpose(1, 2)


def network_of(
    model: str, features: int, classes: int, design: Design
) -> GraphConvolution | GraphAttention:
    """Make the network of a model."""
    if model == "gat":
        return GraphAttention(features, design.heads, design.units, classes)
    return GraphConvolution(features, design.hidden, classes)


def objective_of(
    model: str, graph: Neighbourhoods, beginnings: Sequence[Beginning], design: Design
) -> Objective:
    """Prepare what the losses of some seeds need.

    Parameters
    ----------
    model : {"gcn", "gat", "pignn"}
    graph : Neighbourhoods
    beginnings : sequence of Beginning
        One a seed.
    design : Design

    Returns
    -------
    Objective
        On the device of `graph`.
    """
    network = network_of(model, graph.features.shape[1], graph.classes, design)
    train = [b.split.train.numpy() for b in beginnings]
    outputs = graph.widened(train) if model == "pignn" else train
    pairs = _pairs(graph, beginnings, outputs, design) if model == "pignn" else None
    return Objective(network, network.field(graph, outputs), design.n_train, pairs)


def _pairs(
    graph: Neighbourhoods,
    beginnings: Sequence[Beginning],
    outputs: Sequence[np.ndarray],
    design: Design,
) -> Pairs:
    """Neighbours of each training node, and as many training nodes that are none."""
    n, height = design.n_train, longest(outputs)
    columns: list[list[np.ndarray]] = [[], [], [], [], []]
    for block, (beginning, nodes) in enumerate(zip(beginnings, outputs, strict=True)):
        places = np.full(graph.nodes, -1)
        places[nodes] = np.arange(len(nodes))
        near = graph.pattern[nodes[:n]].tocoo()
        apart = places[near.col] != near.row
        owner, other = near.row[apart], places[near.col[apart]]
        far_owner, far = _strangers(owner, other, n, np.random.default_rng(beginning.pairs))
        for owners, others, sign in ((owner, other, 1.0), (far_owner, far, -1.0)):
            counts = np.bincount(owners, minlength=n)
            columns[0].append(block * height + owners)
            columns[1].append(block * height + others)
            columns[2].append(block * n + owners)
            columns[3].append(np.full(len(owners), sign))
            columns[4].append(design.interaction / 2 / counts[owners])
    one, other, owner, signs, shares = (np.concatenate(column) for column in columns)
    signs, shares = (
        torch.as_tensor(values, dtype=torch.float32, device=graph.device).unsqueeze(1)
        for values in (signs, shares)
    )
    return Pairs(
        Incidence.of(one, len(outputs) * height, graph.device),
        Incidence.of(other, len(outputs) * height, graph.device),
        Incidence.of(owner, len(outputs) * n, graph.device),
        signs,
        shares,
    )


def _strangers(
    owner: np.ndarray, other: np.ndarray, n: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """As many training nodes that are no neighbours as there are neighbours, where there are."""
    keys = generator.random((n, n))
    keys[np.arange(n), np.arange(n)] = np.inf
    inside = other < n
    keys[owner[inside], other[inside]] = np.inf
    wanted = np.minimum(np.bincount(owner, minlength=n), np.isfinite(keys).sum(1))
    chosen = np.arange(n) < wanted[:, None]
    return np.nonzero(chosen)[0], np.argsort(keys, 1)[chosen]
