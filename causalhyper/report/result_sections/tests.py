"""Tests of all results in one table: test, H0, reading, verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from causalhyper.queries import (
    Analysis,
    EffectCurve,
    Falsification,
    IndependenceChecks,
    Policy,
    RandomisationTests,
    WildContrasts,
)
from causalhyper.queries.robustness import Robustness
from causalhyper.report.blocks import Block, PageSection, Prose
from causalhyper.report.tables import ReportTable, text_cells
from causalhyper.results import HypothesisTest

LEAST_P = 0.001
"""A smaller p-value is shown as less than this."""
_TESTS: Mapping[type, Callable[[Any], Sequence[HypothesisTest | None]]] = MappingProxyType(
    {
        Analysis: lambda r: (r.curve.test,),
        EffectCurve: lambda r: (r.test,),
        Policy: lambda r: (r.test,),
        Robustness: lambda r: (r.curve.test,),
        IndependenceChecks: lambda r: r.tests,
        Falsification: lambda r: r.tests,
        RandomisationTests: lambda r: (r.omnibus, *r.tests),
        WildContrasts: lambda r: r.tests,
    }
)
"""Where results keep their tests."""


def tests_of(results: Iterable[object]) -> tuple[HypothesisTest, ...]:
    """The tests of some results in order, each once.

    Parameters
    ----------
    results : iterable of results

    Returns
    -------
    tuple of HypothesisTest
    """
    found = [t for r in results if type(r) in _TESTS for t in _TESTS[type(r)](r)]
    return tuple(dict.fromkeys(t for t in found if t is not None))


def tests_section(results: Sequence[object]) -> PageSection | None:
    """Every test of some results as test, H0, reading and verdict; None without any.

    Parameters
    ----------
    results : sequence of results

    Returns
    -------
    PageSection or None
    """
    tests = tests_of(results)
    if not tests:
        return None
    blocks: list[Block] = [Prose(_count(tests)), tests_table(tests)]
    if any(isinstance(r, Robustness) for r in results):
        blocks.append(Prose("What the effect withstands stands under Sensitivity."))
    return PageSection("Tests", tuple(blocks))


def tests_table(tests: Iterable[HypothesisTest]) -> ReportTable:
    """One row a test.

    Parameters
    ----------
    tests : iterable of HypothesisTest

    Returns
    -------
    ReportTable
        Columns test, H0, reading, verdict; the verdict has the p-value.
    """
    rows = tuple(text_cells(t.name, t.null, _reading(t), _verdict(t)) for t in tests)
    return ReportTable("Tests", ("test", "H0", "reading", "verdict"), rows)


def p_words(p: float) -> str:
    """A p-value in words, such as "p = 0.22"."""
    return f"p < {LEAST_P:g}" if p < LEAST_P else f"p = {p:.2g}"


def _count(tests: Sequence[HypothesisTest]) -> str:
    rejected = sum(t.rejected for t in tests)
    idle = sum(t.p_value is None for t in tests)
    beside = f"; {idle} do not apply" if idle else ""
    return (
        f"{rejected} of {len(tests) - idle} null hypotheses are rejected{beside}. A null "
        "hypothesis that is kept is not shown to be true."
    )


def _reading(t: HypothesisTest) -> str:
    if t.p_value is None:
        return t.reading
    statistic = "" if t.statistic is None else f" Statistic {t.statistic:.3g}."
    return f"{t.reading}{statistic}{f' Reference: {t.reference}.' if t.reference else ''}"


def _verdict(t: HypothesisTest) -> str:
    if t.p_value is None:
        return "does not apply"
    return f"H0 {'rejected' if t.rejected else 'kept'} ({p_words(t.p_value)})"
