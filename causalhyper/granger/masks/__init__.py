"""Masks: which parameters of a network are kept."""

from causalhyper.granger.masks.masks import Masks

__all__ = ["Masks"]
