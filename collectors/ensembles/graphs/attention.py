"""Graph attention networks of many members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import elu, leaky_relu

from collectors.ensembles.graphs.drawing import glorot
from collectors.ensembles.graphs.neighbourhoods import Blocks, Neighbourhoods, longest
from collectors.ensembles.graphs.sparse import Incidence


@dataclass(frozen=True, slots=True)
class Arcs:
    """Arcs from the rows of one layer to those of the next.

    Attributes
    ----------
    source, target : Incidence
        Where an arc starts and ends among the rows before.
    output : Incidence
        Where it ends among the rows after.
    """

    source: Incidence
    target: Incidence
    output: Incidence


@dataclass(frozen=True, slots=True)
class AttentionField:
    """What the outputs of an attention network depend on.

    Attributes
    ----------
    features : Tensor, shape (blocks, rows, d)
        Features of the nodes.
    first, second : Arcs
        Of the two layers, loops among them.
    """

    features: Tensor
    first: Arcs
    second: Arcs


@dataclass(frozen=True, slots=True)
class GraphAttention:
    """Two layers as torch_geometric's GATConv, ELU between them, no dropout.

    Attributes
    ----------
    features, heads, units, classes : int
        The first layer has `heads` times `units` outputs, the second one head.
    slope : float
        Of the leaky rectifier of the scores.
    """

    features: int
    heads: int
    units: int
    classes: int
    slope: float = 0.2

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of one member; weights are (inputs, outputs)."""
        hidden = self.heads * self.units
        return {
            "first.weight": (self.features, hidden),
            "first.source": (self.heads, self.units),
            "first.target": (self.heads, self.units),
            "first.bias": (hidden,),
            "second.weight": (hidden, self.classes),
            "second.source": (1, self.classes),
            "second.target": (1, self.classes),
            "second.bias": (self.classes,),
        }

    def initial(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw Glorot weights and attention vectors, and zero biases, of one member."""
        return {
            name: glorot(shape, shape, generator) if len(shape) == 2 else torch.zeros(shape)
            for name, shape in self.shapes.items()
        }

    def field(self, graph: Neighbourhoods, outputs: Blocks) -> AttentionField:
        """Prepare the rows that the outputs of each block need."""
        hidden = graph.widened(outputs)
        inputs = graph.widened(hidden)
        return AttentionField(
            graph.rows(graph.features, inputs),
            _arcs(graph, hidden, inputs),
            _arcs(graph, outputs, hidden),
        )

    def logits(self, parameters: Mapping[str, Tensor], field: AttentionField) -> Tensor:
        """Compute the outputs of all members.

        Parameters
        ----------
        parameters : mapping of str to Tensor
            Each of shape (blocks, members, ...).
        field : AttentionField
            Of `field`.

        Returns
        -------
        Tensor, shape (blocks, members, outputs, classes)
            Outputs of shorter blocks are filled up.
        """
        weight = parameters["first.weight"]
        blocks, members, inputs, hidden = weight.shape
        wide = weight.transpose(1, 2).reshape(blocks, inputs, members * hidden)
        x = torch.bmm(field.features, wide).view(blocks, -1, members, self.heads, self.units)
        heard = self._attend(x, field.first, parameters, "first")
        bias = parameters["first.bias"].unsqueeze(1)
        active = elu(heard.reshape(blocks, -1, members, hidden) + bias)
        x = (active.transpose(1, 2) @ parameters["second.weight"]).transpose(1, 2).unsqueeze(3)
        heard = self._attend(x, field.second, parameters, "second").squeeze(3)
        return heard.transpose(1, 2) + parameters["second.bias"].unsqueeze(2)

    def _attend(
        self, x: Tensor, arcs: Arcs, parameters: Mapping[str, Tensor], layer: str
    ) -> Tensor:
        """From (blocks, rows, members, heads, units) to the same at the rows after."""
        blocks, _, members, heads, units = x.shape
        flat = x.reshape(-1, members * heads * units)
        ends = (
            (x * parameters[f"{layer}.{end}"].unsqueeze(1)).sum(-1).view(-1, members * heads)
            for end in ("source", "target")
        )
        scores = leaky_relu(
            arcs.source.gather(next(ends)) + arcs.target.gather(next(ends)), self.slope
        )
        weights = torch.exp(scores - _largest(scores.detach(), arcs.output))
        total = arcs.output.total(weights).clamp(min=1e-16)  # at least 1 where there is an arc
        heard: Tensor = _WeightedTotal.apply(flat, weights, arcs)  # type: ignore[no-untyped-call]
        mean = heard.view(-1, members * heads, units) / total.unsqueeze(-1)
        return mean.view(blocks, -1, members, heads, units)


def _arcs(graph: Neighbourhoods, outputs: Blocks, inputs: Blocks) -> Arcs:
    """Arcs sorted by their output; a block's outputs are the first of its inputs."""
    matrix = graph.cut(graph.pattern, outputs, inputs).tocsr()
    matrix.sort_indices()
    height, width = longest(outputs), longest(inputs)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    targets = rows // height * width + rows % height
    before = len(inputs) * width
    return Arcs(
        Incidence.of(matrix.indices.astype(np.int64), before, graph.device),
        Incidence.of(targets, before, graph.device),
        Incidence.of(rows, matrix.shape[0], graph.device),
    )


def _largest(scores: Tensor, output: Incidence) -> Tensor:
    """The largest score among the arcs of the same output, for each arc."""
    rows = output.matrix.shape[0]
    largest = scores.new_full((rows, scores.shape[1]), -torch.inf)
    index = output.index.unsqueeze(1).expand_as(scores)
    return largest.scatter_reduce_(0, index, scores, "amax").index_select(0, output.index)


class _WeightedTotal(torch.autograd.Function):
    """Sum over arcs of a weight times the row at the source, without keeping the summands."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weights: Tensor, arcs: Arcs) -> Tensor:
        ctx.save_for_backward(x, weights)
        ctx.arcs = arcs
        told = x.index_select(0, arcs.source.index).view(*weights.shape, -1)
        told.mul_(weights.unsqueeze(-1))
        return arcs.output.matrix @ told.view(len(weights), -1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weights = ctx.saved_tensors
        arcs: Arcs = ctx.arcs
        heard = arcs.output.gather(gradient.contiguous()).view(*weights.shape, -1)
        told = arcs.source.gather(x).view(*weights.shape, -1)
        back = (heard * weights.unsqueeze(-1)).view(len(weights), -1)
        return arcs.source.total(back), (heard * told).sum(-1), None
