"""Results: estimates and tests that carry what they rest on."""

from causalhyper.results.collection import EstimateResult
from causalhyper.results.estimate import COLUMNS, Estimate, decimals, forest_frame, to_frame
from causalhyper.results.hypothesis import HypothesisTest
from causalhyper.results.multiplicity import ADJUSTED, adjust_estimates

__all__ = [
    "ADJUSTED",
    "COLUMNS",
    "Estimate",
    "EstimateResult",
    "HypothesisTest",
    "adjust_estimates",
    "decimals",
    "forest_frame",
    "to_frame",
]
