"""What an effect loses when a part of the hypergraph is removed."""
