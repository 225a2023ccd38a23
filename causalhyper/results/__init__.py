"""Results: estimates and tests that carry what they rest on."""

from causalhyper.results.estimate import COLUMNS, Estimate, to_frame
from causalhyper.results.hypothesis import HypothesisTest

__all__ = ["COLUMNS", "Estimate", "HypothesisTest", "to_frame"]
