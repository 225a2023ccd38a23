"""Prune a network, and take the result elsewhere."""
