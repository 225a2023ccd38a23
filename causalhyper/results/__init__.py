"""Results: estimates and tests that carry what they rest on."""

from causalhyper.results.collection import EstimateResult
from causalhyper.results.estimate import COLUMNS, Estimate, decimals, forest_frame, to_frame
from causalhyper.results.hypothesis import HypothesisTest

__all__ = [
    "COLUMNS",
    "Estimate",
    "EstimateResult",
    "HypothesisTest",
    "decimals",
    "forest_frame",
    "to_frame",
]
