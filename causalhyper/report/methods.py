"""The methods of a page: exactly those that its results used, with citations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from causalhyper.queries import (
    Falsification,
    Identification,
    IndependenceChecks,
    Power,
    RandomisationTests,
    Refit,
    WildContrasts,
)
from causalhyper.queries.robustness import Robustness
from causalhyper.report.blocks import Bullets, Heading, PageSection
from causalhyper.report.method_texts import METHODS
from causalhyper.results import Estimate, EstimateResult
from causalhyper.scm.model import FittedModel
from causalhyper.scm.options import Additive, Binomial, Flow, Regressor, Table

_FORMS: Mapping[type, str] = MappingProxyType(
    {
        Additive: "additive",
        Binomial: "binomial",
        Flow: "flow",
        Regressor: "regressor",
        Table: "table",
    }
)
_QUERIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "effect_curve.design": ("design",),
        "effect_curve.adjusted": ("adjusted",),
        "effect_curve.graph": ("graph",),
        "effect_curve.gap": ("gap",),
        "mediate.total": ("graph",),
        "mediate.direct": ("interventional",),
        "mediate.natural_direct": ("natural",),
        "mediate.mediated_interaction": ("interaction",),
        "mediate.natural_coupling": ("coupling",),
        "ablate.after": ("graph", "ablate"),
        "path_effects.along": ("graph", "paths"),
        "path_effects.coupling_shift": ("coupling",),
        "shapley.share": ("graph", "shapley"),
        "do.mean": ("do",),
        "do.density": ("density",),
        "counterfactual.mean": ("counterfactual",),
        "policy.gap": ("policy",),
        "randomisation.effect": ("randomisation",),
        "partial_r2.slope": ("partial_r2",),
        "correlated_errors.total": ("correlated_errors",),
    }
)
"""What the estimates of a query are made by."""
_INTERVALS = {
    "jackknife standard errors": ("jackknife",),
    "; cluster bootstrap": ("bootstrap",),
    "percentile intervals": ("bootstrap", "percentile"),
    "basic intervals": ("bootstrap", "basic"),
    "BCa intervals": ("bootstrap", "bca"),
    "studentised intervals": ("bootstrap", "studentized"),
}
"""Words in an estimate's own account of its method."""


def methods_section(models: Sequence[FittedModel], results: Sequence[object]) -> PageSection:
    """What the results of a page were made by, and the works cited.

    Parameters
    ----------
    models : sequence of FittedModel
    results : sequence of results

    Returns
    -------
    PageSection
    """
    used = methods_of(models, results)
    texts = tuple(METHODS[name].cited for name in used)
    works = sorted({entry for name in used for entry in METHODS[name].entries})
    return PageSection("Methods", (Bullets(texts), Heading("References"), Bullets(tuple(works))))


def methods_of(models: Iterable[FittedModel], results: Iterable[object]) -> tuple[str, ...]:
    """The names of the methods that models and results used, in the order of `METHODS`."""
    found = {name for model in models for name in _of_model(model)}
    for result in results:
        found.update(_of_estimates(_estimates(result)))
        found.update(_OWN.get(type(result), lambda _: ())(result))
    return tuple(name for name in METHODS if name in found)


def _of_model(model: FittedModel) -> Iterator[str]:
    for mechanism in model.mechanisms.values():
        yield _FORMS[type(mechanism.options)]
        if getattr(mechanism.options, "contexts", "") == "pooled":
            yield "pooled"
        if mechanism.choice:
            yield "cross_validated"


def _estimates(result: object) -> tuple[Estimate, ...]:
    if isinstance(result, EstimateResult):
        return result.estimates
    if isinstance(result, Robustness):
        parts = (result.curve, result.partial_r2, result.correlated_errors, result.leave_out)
        return tuple(e for part in parts if part is not None for e in part.estimates)
    return ()


def _of_estimates(estimates: Iterable[Estimate]) -> Iterator[str]:
    for e in estimates:
        yield from _QUERIES.get(e.query, ())
        for words, names in _INTERVALS.items():
            if words in e.method:
                yield from names
        if e.joint_lower is not None and e.query != "policy.gap":
            yield from ("bootstrap", "joint")


def _of_independencies(found: IndependenceChecks) -> Iterator[str]:
    if found.checks:
        yield from (_tester(found.method), found.adjust)


def _of_falsification(found: Falsification) -> Iterator[str]:
    yield from ("falsify", _tester(found.method))


def _tester(method: str) -> str:
    return method.replace(" ", "_")


def _of_identification(found: Identification) -> Iterator[str]:
    yield from ("identify", "sets")
    if found.mediators:
        yield "identify_paths"


def _of_refit(found: Refit) -> Iterator[str]:
    yield "graph"
    if found.fit:
        yield "refit"
    if found.operation.startswith("leave out"):
        yield "marginalise"


def _of_robustness(found: Robustness) -> Iterator[str]:
    yield from ("refute", "e_values", "leave_out")


_OWN: Mapping[type, Callable[[Any], Iterable[str]]] = MappingProxyType(
    {
        Falsification: _of_falsification,
        Identification: _of_identification,
        IndependenceChecks: _of_independencies,
        Power: lambda _: ("power",),
        RandomisationTests: lambda _: ("randomisation",),
        Refit: _of_refit,
        Robustness: _of_robustness,
        WildContrasts: lambda _: ("wild",),
    }
)
"""What results say that no estimate does."""
