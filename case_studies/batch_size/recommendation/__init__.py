"""Which batch size to use: policies, and the hypergraph as a method."""
