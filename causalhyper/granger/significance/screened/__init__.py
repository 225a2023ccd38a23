"""Tests of the columns that other steps have picked."""

from causalhyper.granger.significance.screened.debiased import debiased_lasso
from causalhyper.granger.significance.screened.findings import Findings
from causalhyper.granger.significance.screened.knockoffs import entry_differences, fixed_knockoffs
from causalhyper.granger.significance.screened.mirror import mirror_statistics
from causalhyper.granger.significance.screened.result import ScreenedTest
from causalhyper.granger.significance.screened.testing import screen_then_test

__all__ = [
    "Findings",
    "ScreenedTest",
    "debiased_lasso",
    "entry_differences",
    "fixed_knockoffs",
    "mirror_statistics",
    "screen_then_test",
]
