"""Complexity of a trained network: norms, paths, margins and counts."""
