"""Curvature of the training loss: products, eigenvalues, trace, density, sharpness."""
