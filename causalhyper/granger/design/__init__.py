"""From what was recorded of a training to the two sides of the regression."""

from causalhyper.granger.design.array_trajectory import ArrayTrajectory
from causalhyper.granger.design.construction import granger_design
from causalhyper.granger.design.design import GrangerDesign
from causalhyper.granger.design.factors import FactorChanges
from causalhyper.granger.design.response import loss_changes

__all__ = ["ArrayTrajectory", "FactorChanges", "GrangerDesign", "granger_design", "loss_changes"]
