"""Pruning criteria: what is known of a network, and how each criterion ranks its parameters."""

from causalhyper.granger.criteria.attributed import FreshGain, SecantSaliency
from causalhyper.granger.criteria.attribution import Attribution
from causalhyper.granger.criteria.causal import Causal
from causalhyper.granger.criteria.criterion import Criterion, Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.gradients import Obd, Taylor
from causalhyper.granger.criteria.matched import match_counts
from causalhyper.granger.criteria.moved import Fisher, TotalMovement
from causalhyper.granger.criteria.named import CRITERIA, named
from causalhyper.granger.criteria.published import Published
from causalhyper.granger.criteria.regularised import CausalElasticNet, CausalLasso, CausalRidge
from causalhyper.granger.criteria.shifted import Shifted
from causalhyper.granger.criteria.weights import Lamp, Magnitude, Random
from causalhyper.granger.criteria.woodfisher import WoodFisher, compensated_weights

__all__ = [
    "CRITERIA",
    "Attribution",
    "Causal",
    "CausalElasticNet",
    "CausalLasso",
    "CausalRidge",
    "Criterion",
    "Evidence",
    "Fisher",
    "FreshGain",
    "Lamp",
    "Magnitude",
    "Needs",
    "Obd",
    "Published",
    "Random",
    "SecantSaliency",
    "Shifted",
    "Taylor",
    "TotalMovement",
    "WoodFisher",
    "compensated_weights",
    "match_counts",
    "named",
]
