"""The paper's small network pruned by every method, seed by seed, many networks side by side."""
