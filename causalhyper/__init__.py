"""causalhyper: causal hypergraphs for neural-network training data.

>>> import causalhyper as ch
>>> print(ch.DirectedHypergraph.parse("B -> N; N -> S; {N, S} -> C; C -> G"))
B -> N; N -> S; {N, S} -> C; C -> G
"""

from causalhyper.errors import CausalHyperError, ConfigurationError, DataError, GraphError
from causalhyper.frames import Roles, read_runs
from causalhyper.hypergraph import DirectedHypergraph, Hyperedge
from causalhyper.queries import (
    Ablation,
    Analysis,
    CutHyperedge,
    DropInteraction,
    EffectCurve,
    Mediation,
    RandomiseNode,
    ablate,
    analyze,
    effect_curve,
    mediate,
)
from causalhyper.results import Estimate, HypothesisTest
from causalhyper.scm import (
    LINEAR,
    SPLINE,
    Additive,
    Binomial,
    CrossValidated,
    FittedModel,
    Regressor,
    Table,
    fit,
)

__version__ = "0.1.0"

__all__ = [
    "LINEAR",
    "SPLINE",
    "Ablation",
    "Additive",
    "Analysis",
    "Binomial",
    "CausalHyperError",
    "ConfigurationError",
    "CrossValidated",
    "CutHyperedge",
    "DataError",
    "DirectedHypergraph",
    "DropInteraction",
    "EffectCurve",
    "Estimate",
    "FittedModel",
    "GraphError",
    "Hyperedge",
    "HypothesisTest",
    "Mediation",
    "RandomiseNode",
    "Regressor",
    "Roles",
    "Table",
    "ablate",
    "analyze",
    "effect_curve",
    "fit",
    "mediate",
    "read_runs",
]
