"""Which effects the observed distribution identifies under a hypergraph, and by what estimand."""

from causalhyper.identification.adjustment import (
    adjustment_formula,
    is_adjustment_set,
    minimal_adjustment_sets,
    optimal_adjustment_set,
)
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
from causalhyper.identification.frontdoor import (
    frontdoor_formula,
    frontdoor_sets,
    is_frontdoor_set,
)
from causalhyper.identification.id_algorithm import identify_effect
from causalhyper.identification.instruments import Instrument, instruments, is_instrument
from causalhyper.identification.natural import natural_effects
from causalhyper.identification.nested import NestedEffect, star
from causalhyper.identification.path_specific import path_specific_effect

__all__ = [
    "Derivation",
    "Expression",
    "Fraction",
    "Hedge",
    "Instrument",
    "NestedEffect",
    "Probability",
    "Product",
    "Renamed",
    "Step",
    "Sum",
    "adjustment_formula",
    "evaluate",
    "free",
    "frontdoor_formula",
    "frontdoor_sets",
    "identify_effect",
    "instruments",
    "is_adjustment_set",
    "is_frontdoor_set",
    "is_instrument",
    "minimal_adjustment_sets",
    "natural_effects",
    "optimal_adjustment_set",
    "path_specific_effect",
    "star",
]
