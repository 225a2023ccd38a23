"""Screening of parameters one at a time, from sums that need no trajectory."""

from causalhyper.granger.screening.blocks import screen_columns
from causalhyper.granger.screening.kept import KeptEntries
from causalhyper.granger.screening.result import LayerScreening, Screening
from causalhyper.granger.screening.sums import screen_sums

__all__ = ["KeptEntries", "LayerScreening", "Screening", "screen_columns", "screen_sums"]
