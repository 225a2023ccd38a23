"""Ensembles: one small network trained at many seeds at once, each as if it were alone."""

from collectors.ensembles.beginnings import initial_model, minibatch_orders
from collectors.ensembles.stacked_optimizers import Adam, Sam, Sgd
from collectors.ensembles.training import Ensemble, train_ensemble

__all__ = [
    "Adam",
    "Ensemble",
    "Sam",
    "Sgd",
    "initial_model",
    "minibatch_orders",
    "train_ensemble",
]
