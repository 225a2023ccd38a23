"""Which section shows which result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.queries import (
    Ablation,
    Analysis,
    Counterfactual,
    EffectCurve,
    Falsification,
    Identification,
    IndependenceChecks,
    Intervention,
    Mediation,
    PathEffects,
    Policy,
    Power,
    RandomisationTests,
    Refit,
    Shares,
    WildContrasts,
)
from causalhyper.queries.robustness import Robustness
from causalhyper.report.blocks import PageSection, Prose
from causalhyper.report.result_sections.ablations import ablation_section, refit_section
from causalhyper.report.result_sections.analyses import analysis_section
from causalhyper.report.result_sections.design_tests import randomisation_section, wild_section
from causalhyper.report.result_sections.effects import effect_section
from causalhyper.report.result_sections.graph_checks import (
    falsification_section,
    independence_section,
)
from causalhyper.report.result_sections.identification import identification_section
from causalhyper.report.result_sections.interventions import (
    counterfactual_section,
    intervention_section,
)
from causalhyper.report.result_sections.mediation import (
    mediation_section,
    path_section,
    shares_section,
)
from causalhyper.report.result_sections.policies import policy_section, power_section
from causalhyper.report.result_sections.sensitivity import sensitivity_section

SECTIONS: Mapping[type, Callable[[Any], PageSection]] = MappingProxyType(
    {
        Ablation: ablation_section,
        Analysis: analysis_section,
        Counterfactual: counterfactual_section,
        EffectCurve: effect_section,
        Falsification: falsification_section,
        Identification: identification_section,
        IndependenceChecks: independence_section,
        Intervention: intervention_section,
        Mediation: mediation_section,
        PathEffects: path_section,
        Policy: policy_section,
        Power: power_section,
        RandomisationTests: randomisation_section,
        Refit: refit_section,
        Robustness: sensitivity_section,
        Shares: shares_section,
        WildContrasts: wild_section,
    }
)
"""The function that makes the section of each class of results."""


def result_section(result: object) -> PageSection:
    """Show a result as a section of a page.

    Parameters
    ----------
    result : result of a query
        Such as a `Mediation`.

    Returns
    -------
    PageSection
        Its verdict first, then tables, pictures and folded details, from the result alone. Its
        tests are left to `tests_section`.

    Raises
    ------
    ConfigurationError
        If no section shows results of that class.

    Examples
    --------
    >>> from causalhyper import identify
    >>> section = result_section(identify("B -> N; N -> G", "B", "G"))
    >>> print(section.title, "|", section.blocks[0].text)
    Identification of the effect of B on G | The effect of B on G is identified.
    """
    make = SECTIONS.get(type(result))
    if make is None:
        known = ", ".join(sorted(kind.__name__ for kind in SECTIONS))
        raise ConfigurationError(
            f"no section shows a {type(result).__name__}; there are sections for {known}"
        )
    return make(result)


def verdict_of(result: object) -> str:
    """What a result found, in the words that its section begins with.

    Parameters
    ----------
    result : result of a query

    Returns
    -------
    str
        With its uncertainty; of an analysis what its effect curve says.
    """
    shown = result.curve if isinstance(result, Analysis) else result
    blocks = result_section(shown).blocks
    return next(b.text for b in blocks if isinstance(b, Prose) and b.verdict)
