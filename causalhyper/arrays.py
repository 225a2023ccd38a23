"""Names of the arrays that numbers are computed with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Numbers."""
Codes = NDArray[np.intp]
"""Whole numbers that say which: a cluster, a context, a row."""
Flags = NDArray[np.bool_]
"""Whether or not."""
