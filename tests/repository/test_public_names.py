"""A snapshot of the public names: a change here is a change for users."""

import importlib

import pytest

import causalhyper

PUBLIC = """
    LINEAR SPLINE Ablation Additive Analysis Binomial CausalHyperError ConfigurationError
    Counterfactual CrossValidated CutEdge CutHyperedge DataError DirectedHypergraph
    DropInteraction EffectCurve Estimate Falsification FittedModel FixNode Flow GraphError
    Hyperedge HypothesisTest Identification IndependenceChecks Intervention Mediation
    NotIdentifiedError PathEffects Policy Power RandomisationTests RandomiseNode Refit
    Regressor Robustness Roles Shares Table WildContrasts ablate adjust_estimates analyze
    check_independencies counterfactual do effect_curve falsify fit identify marginalise
    mediate path_effects policy power randomisation_test read_runs refit_without robustness
    seeds_needed shapley wild_contrasts
""".split()


def test_the_public_names_are_these() -> None:
    assert sorted(causalhyper.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    thing = getattr(causalhyper, name)
    assert (thing.__doc__ or "").strip()


@pytest.mark.parametrize(
    "package",
    [
        "frames",
        "hypergraph",
        "mechanisms",
        "inference",
        "figures",
        "results",
        "scm",
        "queries",
        "report",
    ],
)
def test_every_package_exports_what_it_lists(package: str) -> None:
    module = importlib.import_module(f"causalhyper.{package}")
    assert module.__all__
    assert all(hasattr(module, name) for name in module.__all__)
