"""Which effects the observed distribution identifies under a hypergraph, and by what estimand."""

from causalhyper.identification.derivations import Derivation, Hedge, Step
from causalhyper.identification.evaluation import evaluate
from causalhyper.identification.expressions import (
    Expression,
    Fraction,
    Probability,
    Product,
    Renamed,
    Sum,
    free,
)
from causalhyper.identification.id_algorithm import identify_effect

__all__ = [
    "Derivation",
    "Expression",
    "Fraction",
    "Hedge",
    "Probability",
    "Product",
    "Renamed",
    "Step",
    "Sum",
    "evaluate",
    "free",
    "identify_effect",
]
