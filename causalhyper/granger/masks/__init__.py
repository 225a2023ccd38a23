"""Masks: which parameters of a network are kept."""

from causalhyper.granger.masks.allocation import Allocation, allocate
from causalhyper.granger.masks.masks import Masks
from causalhyper.granger.masks.units import expand_units, sum_units, units_of

__all__ = ["Allocation", "Masks", "allocate", "expand_units", "sum_units", "units_of"]
