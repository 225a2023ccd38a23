"""Graph convolutional networks of many members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from collectors.ensembles.graphs.drawing import glorot
from collectors.ensembles.graphs.neighbourhoods import Blocks, Neighbourhoods
from collectors.ensembles.graphs.sparse import Operator


@dataclass(frozen=True, slots=True)
class ConvolutionField:
    """What the outputs of a convolutional network depend on.

    Attributes
    ----------
    features : Tensor, shape (blocks, rows, d)
        Features averaged over neighbours once, which no parameter changes.
    second : Operator
        From the rows of all blocks to their outputs.
    """

    features: Tensor
    second: Operator


@dataclass(frozen=True, slots=True)
class GraphConvolution:
    r"""Two GCN layers with a rectifier between them (see `collectors.gcn.GCN`).

    Attributes
    ----------
    features, hidden, classes : int
        Widths.
    """

    features: int
    hidden: int
    classes: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters of one member; weights are (inputs, outputs)."""
        return {
            "first.weight": (self.features, self.hidden),
            "first.bias": (self.hidden,),
            "second.weight": (self.hidden, self.classes),
            "second.bias": (self.classes,),
        }

    def initial(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Draw Glorot weights and zero biases of one member."""
        return {
            name: glorot(shape, shape, generator) if len(shape) == 2 else torch.zeros(shape)
            for name, shape in self.shapes.items()
        }

    def field(self, graph: Neighbourhoods, outputs: Blocks) -> ConvolutionField:
        """Prepare the rows that the outputs of each block need."""
        averaging, hidden = graph.normalised(), graph.widened(outputs)
        return ConvolutionField(
            graph.rows(averaging @ graph.features, hidden),
            Operator.of(graph.cut(averaging, outputs, hidden), graph.device),
        )

    def logits(self, parameters: Mapping[str, Tensor], field: ConvolutionField) -> Tensor:
        """Compute the outputs of all members.

        Parameters
        ----------
        parameters : mapping of str to Tensor
            Each of shape (blocks, members, ...).
        field : ConvolutionField
            Of `field`.

        Returns
        -------
        Tensor, shape (blocks, members, outputs, classes)
            Outputs of shorter blocks are filled up.
        """
        weight = parameters["first.weight"]
        blocks, members, inputs, hidden = weight.shape
        wide = weight.transpose(1, 2).reshape(blocks, inputs, members * hidden)
        bias = parameters["first.bias"].reshape(blocks, 1, members * hidden)
        active = torch.relu(torch.baddbmm(bias, field.features, wide))
        averaged = field.second @ active.reshape(-1, members * hidden)
        apart = averaged.view(blocks, -1, members, hidden).transpose(1, 2)
        bias = parameters["second.bias"].unsqueeze(2)
        return apart @ parameters["second.weight"] + bias
