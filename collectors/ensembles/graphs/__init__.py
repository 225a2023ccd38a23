"""Graph networks of many members in one forward pass, on the rows that their outputs need."""

from collectors.ensembles.graphs.attention import GraphAttention
from collectors.ensembles.graphs.convolution import GraphConvolution
from collectors.ensembles.graphs.neighbourhoods import Neighbourhoods

__all__ = ["GraphAttention", "GraphConvolution", "Neighbourhoods"]
