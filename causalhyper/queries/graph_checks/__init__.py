"""What the hypergraph identifies, what it implies, and whether the runs agree."""
