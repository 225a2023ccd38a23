"""The paper's larger networks pruned by many methods, one network at a time."""
