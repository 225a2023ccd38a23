"""Designs with known columns, for the tests of choices."""

import numpy as np

from causalhyper.granger.lasso import DenseColumns


def planted(rows=120, width=300, count=4, noise=1.0, seed=0):
    """Independent columns, of which the first few matter."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width))
    return x, x[:, :count].sum(axis=1) + noise * rng.normal(size=rows)


def autoregressive(rng, rows, width, dependence):
    """Columns in time, each an autoregression of variance one."""
    x = np.empty((rows, width))
    x[0] = rng.normal(size=width)
    for t in range(1, rows):
        fresh = np.sqrt(1 - dependence**2) * rng.normal(size=width)
        x[t] = dependence * x[t - 1] + fresh
    return x


class Counted:
    """A design that counts how often it is read, and the columns that are taken from it."""

    def __init__(self, matrix, width=64):
        self.inner = DenseColumns(matrix, width=width)
        self.passes = 0

    shape = property(lambda self: self.inner.shape)
    dtype = property(lambda self: self.inner.dtype)
    unit = property(lambda self: self.inner.unit)

    def blocks(self):
        """Count, and read."""
        self.passes += 1
        yield from self.inner.blocks()
