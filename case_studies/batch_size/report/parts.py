"""What is asked of the runs beside their effects: tables, sentences and pictures of each part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from case_studies.batch_size.mediators import ablations, deep_model, mediation
from case_studies.batch_size.recommendation import method, policies
from case_studies.batch_size.report.mediation_figures import (
    draw_decomposition,
    draw_dominance,
    draw_regret,
)

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the study.

    Attributes
    ----------
    tables : mapping of str to DataFrame
    sentences : tuple of str
        What they say.
    pictures : tuple of (str, str)
        An `<svg>` element and its caption, each.
    """

    tables: Tables
    sentences: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...] = ()


def other_parts(runs: pd.DataFrame) -> dict[str, Part]:
    """Mediation, ablations, policies, the method and the deep model, by title.

    Parameters
    ----------
    runs : DataFrame
        All arms.

    Returns
    -------
    dict of str to Part
    """
    return {title: make_part(title, runs) for title, *_ in ASKED}


def make_part(title: str, runs: pd.DataFrame) -> Part:
    """One of them."""
    make, say = next((make, say) for name, make, say in ASKED if name == title)
    tables = make(runs)
    drawn = tuple((draw(tables), caption) for draw, caption in DRAWN.get(title, ()))
    return Part(tables, tuple(say(tables)), drawn)


ASKED: tuple[tuple[str, Callable[[pd.DataFrame], Tables], Callable[[Tables], list[str]]], ...] = (
    ("Mediation", mediation.mediation_tables, mediation.mediation_verdicts),
    ("Ablations", ablations.ablation_tables, ablations.ablation_verdicts),
    ("Policies and counterfactuals", policies.policy_tables, policies.policy_verdicts),
    ("The hypergraph as a method", method.method_tables, method.method_verdicts),
    ("The deep structural model", deep_model.deep_tables, deep_model.deep_verdicts),
)
DRAWN: dict[str, tuple[tuple[Callable[[Tables], str], str], ...]] = {
    "Mediation": (
        (
            lambda t: draw_dominance(t["dominance"]),
            "Probability that each mediator carries most of the effect of 16 against 512.",
        ),
        (
            lambda t: draw_decomposition(t["decomposition"]),
            "Noise and updates by experiment and, set back, by the hypergraph.",
        ),
    ),
    "The hypergraph as a method": (
        (lambda t: draw_regret(t["method_pooled"]), "Regret of every rule on held-out cells."),
    ),
}
