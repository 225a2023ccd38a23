"""The queries that a study file can ask: each a verb, and the options that its table may hold."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from causalhyper.inference.multiplicity import PROCEDURES
from causalhyper.inference.wild import Signs
from causalhyper.queries import (
    ablate,
    analyze,
    check_independencies,
    counterfactual,
    do,
    effect_curve,
    falsify,
    identify,
    marginalise,
    mediate,
    path_effects,
    policy,
    power,
    randomisation_test,
    refit_without,
    shapley,
    wild_contrasts,
)
from causalhyper.queries.experiments.uncertainty import INTERVALS
from causalhyper.queries.graph_checks.independence_tests import INDEPENDENCE_TESTS
from causalhyper.queries.mediation.couplings import Coupling
from causalhyper.queries.planning.rows import JOINT_TESTS
from causalhyper.queries.policies.query import ESTIMATORS
from causalhyper.queries.robustness import robustness
from causalhyper.queries.robustness.e_value_results import Scale
from causalhyper.scm.worlds import Reference
from causalhyper.study.keys import Key

OPERATIONS = (
    Key("randomise_node", "text"),
    Key("fix_node", "values"),
    Key("cut_edge", "text"),
    Key("cut_hyperedge", "text"),
    Key("drop_interaction", "text"),
)
"""Of an ablation, one stands in its table; the value is the part that it acts on."""
_ALPHA = Key("alpha", "number", low=0, high=1, inside=True)
_TESTS = (
    Key("method", "text", choices=tuple(INDEPENDENCE_TESTS)),
    _ALPHA,
    Key("df", "count", low=1),
    Key("flips", "count", low=19),
)
_COUPLING = Key("coupling", "text", choices=get_args(Coupling))
_MEDIATORS = Key("mediators", "texts")
SHARED = {
    "treatment": Key("treatment", "text"),
    "outcome": Key("outcome", "text"),
    "at": Key("at", "numbers"),
    "baseline": Key("baseline", "number"),
    "draws": Key("draws", "count", low=100),
    "seed": Key("seed", "count", low=0),
    "level": Key("level", "number", low=0, high=1, inside=True),
    "interval": Key("interval", "text", choices=INTERVALS),
}
"""Options that most verbs have; [question] and [uncertainty] give them for all queries."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A query by its name in a study file.

    Attributes
    ----------
    ask : callable
        The function of `causalhyper` with that name.
    own : tuple of Key
        Options that it alone takes.
    of_model : bool
        Whether it is asked of a fitted model; otherwise of the hypergraph.
    """

    ask: Callable[..., Any]
    own: tuple[Key, ...] = ()
    of_model: bool = True

    @property
    def keys(self) -> tuple[Key, ...]:
        """All options, those of [question] and [uncertainty] first."""
        parameters = inspect.signature(self.ask).parameters
        shared = (key for name, key in SHARED.items() if name in parameters)
        return (*shared, *self.own)

    @property
    def shared(self) -> frozenset[str]:
        """Options of [question] that it takes."""
        return frozenset(SHARED) & set(inspect.signature(self.ask).parameters)

    @property
    def required(self) -> tuple[str, ...]:
        """Shared options that it cannot do without."""
        parameters = inspect.signature(self.ask).parameters
        return tuple(
            name
            for name in SHARED
            if name in parameters and parameters[name].default is inspect.Parameter.empty
        )

    def shares(self, name: str) -> bool:
        """Whether it takes an option of [uncertainty]: those of its own default keep that."""
        own = inspect.signature(self.ask).parameters.get(name)
        usual = inspect.signature(effect_curve).parameters[name]
        return own is not None and own.default == usual.default


def _verbs() -> dict[str, Verb]:
    numbers = Key("quantiles", "numbers", low=0, high=1, inside=True)
    return {
        "analyze": Verb(analyze),
        "effect_curve": Verb(effect_curve),
        "mediate": Verb(
            mediate,
            (Key("mediators", "texts", required=True), Key("controlled", "values"), _COUPLING),
        ),
        "ablate": Verb(
            ablate, (*OPERATIONS, Key("reference", "text", choices=get_args(Reference)))
        ),
        "path_effects": Verb(
            path_effects, (Key("paths", "texts"), Key("sequential", "flag"), _COUPLING)
        ),
        "shapley": Verb(
            shapley,
            (Key("players", "text", choices=("mediators", "hyperedges", "paths")),),
        ),
        "refit_without": Verb(refit_without, (Key("edge", "text", required=True),)),
        "marginalise": Verb(marginalise, (Key("node", "text", required=True),)),
        "do": Verb(
            do,
            (
                Key("setting", "grids", required=True),
                numbers,
                Key("above", "numbers"),
                Key("density", "numbers"),
            ),
        ),
        "counterfactual": Verb(
            counterfactual,
            (Key("setting", "values", required=True), Key("runs", "texts")),
        ),
        "policy": Verb(
            policy,
            (
                Key("cost", "values"),
                Key("maximise", "flag"),
                Key("by", "text"),
                Key("estimator", "text", choices=ESTIMATORS),
            ),
        ),
        "power": Verb(
            power,
            (
                Key("effects", "numbers", required=True),
                Key("clusters", "counts", low=2),
                Key("target", "number", low=0, high=1, inside=True),
                Key("adjust", "text", choices=JOINT_TESTS),
                Key("estimator", "text", choices=ESTIMATORS),
                _MEDIATORS,
            ),
        ),
        "robustness": Verb(
            robustness,
            (
                _MEDIATORS,
                Key("pairs", "pairs"),
                Key("rhos", "numbers", low=-1, high=1, inside=True),
                Key("scale", "text", choices=get_args(Scale)),
                Key("by", "text"),
                Key("refits", "count", low=20),
            ),
        ),
        "identify": Verb(identify, (_MEDIATORS,), of_model=False),
        "check_independencies": Verb(
            check_independencies, (*_TESTS, Key("adjust", "text", choices=PROCEDURES))
        ),
        "falsify": Verb(
            falsify,
            (
                *_TESTS,
                Key("permutations", "count", low=1),
                Key("keep", "texts"),
                Key("permutation_alpha", "number", low=0, high=1, inside=True),
            ),
        ),
        "randomisation_test": Verb(randomisation_test, (Key("assignments", "count", low=99),)),
        "wild_contrasts": Verb(
            wild_contrasts,
            (
                Key("weights", "text", choices=get_args(Signs)),
                Key("weight_sets", "count", low=99),
            ),
        ),
    }


VERBS: Mapping[str, Verb] = MappingProxyType(_verbs())
"""Queries by the name of their verb."""
DEFAULT_ASK = "analyze"
"""The query of a study file that names none."""
