"""Measurements of many networks of one architecture at once, each as if it were alone."""

from collectors.ensembles.measures.eigenvalues import stacked_top_eigenvalue
from collectors.ensembles.measures.gradients import Losses, stacked_gradient, stacked_loss_rise
from collectors.ensembles.measures.lanczos import StackedEigenvalues
from collectors.ensembles.measures.networks import network_losses
from collectors.ensembles.measures.noise import StackedNoise, stacked_noise
from collectors.ensembles.measures.norms import stacked_norms
from collectors.ensembles.measures.scores import StackedScores, stacked_margins, stacked_scores

__all__ = [
    "Losses",
    "StackedEigenvalues",
    "StackedNoise",
    "StackedScores",
    "network_losses",
    "stacked_gradient",
    "stacked_loss_rise",
    "stacked_margins",
    "stacked_noise",
    "stacked_norms",
    "stacked_scores",
    "stacked_top_eigenvalue",
]
