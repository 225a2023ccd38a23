"""Values as JSON holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd


def plain(value: object) -> Any:
    """A value as JSON holds it; numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list | frozenset | np.ndarray):
        inner = sorted(value) if isinstance(value, frozenset) else value
        return [plain(part) for part in inner]
    if isinstance(value, np.generic):
        return plain(value.item())
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if isinstance(value, str | bool | int | float) else str(value)
