"""How a response depends on itself."""

from __future__ import annotations

from causalhyper.arrays import Array
from causalhyper.granger.lasso.response import varies


def autocorrelation(y: Array) -> float:
    """Correlation of a response with the step before; 0 where it does not vary."""
    if len(y) < 2 or not varies(y):
        return 0.0
    away = y - y.mean()
    return float(away[1:] @ away[:-1] / (away @ away))
