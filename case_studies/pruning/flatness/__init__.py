"""Flat minima: eigenvalues and loss surfaces of the pruned networks, beside their accuracy."""
