"""Tests of one conditional independence on the runs of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import Independence
from causalhyper.inference import (
    NOTHING_LEFT,
    KernelIndependence,
    PartialCorrelation,
    kernel_independence,
    partial_correlation,
    variation_left,
)
from causalhyper.queries.experiments.questions import check_model
from causalhyper.scm.model import FittedModel

INDEPENDENCE_TESTS = ("partial correlation", "kernel")


@dataclass(frozen=True, slots=True)
class IndependenceFinding:
    """What the runs say about one conditional independence.

    Attributes
    ----------
    estimate, lower, upper : float or None
        Partial correlation and its interval, whatever the method of the test.
    statistic, p_value : float or None
        Of the test.
    reference : str
        The distribution that the statistic is held against.
    inapplicable : str
        Why there is no test; "" where there is one, and then no number is None.
    """

    estimate: float | None
    lower: float | None
    upper: float | None
    statistic: float | None
    p_value: float | None
    reference: str
    inapplicable: str = ""


Tester = Callable[[Independence], IndependenceFinding]
"""Tests an independence of two nodes, given others."""


def make_tester(
    model: FittedModel, method: str, *, alpha: float, df: int, flips: int, seed: int
) -> Tester:
    """Prepare tests on a model's runs, on the model's scale; each is made once.

    Parameters
    ----------
    model : FittedModel
        Its clusters are the independent units, its contexts have intercepts of their own.
    method : str
        One of `INDEPENDENCE_TESTS`.
    alpha : float
        Size of the tests, in (0, 1); intervals have level ``1 - alpha``.
    df : int
        Natural-spline functions of each node conditioned on.
    flips : int
        Sign flips of whole clusters.
    seed : int
        Of the flips; a test's result does not depend on those made before it.

    Returns
    -------
    callable
        The same finding for ``x ⟂ y`` as for ``y ⟂ x``, and for any order of what is given.

    Raises
    ------
    ConfigurationError
        If an option is wrong.
    """
    if method not in INDEPENDENCE_TESTS:
        raise ConfigurationError(
            f"no test {method!r} of independence: use {' or '.join(INDEPENDENCE_TESTS)}"
        )
    if seed < 0:
        raise ConfigurationError(f"the seed must not be negative, got {seed}")

    def measure(pair: tuple[str, str], given: Sequence[str]) -> IndependenceFinding:
        x, y = (model.values[v] for v in pair)
        arrays = x, y, [model.values[v] for v in given], model.groups
        rng = np.random.default_rng(seed)
        found = partial_correlation(*arrays, rng=rng, df=df, flips=flips, level=1 - alpha)
        numbers = found.estimate, found.lower, found.upper
        tested: PartialCorrelation | KernelIndependence = found
        if method == "kernel":
            tested = kernel_independence(*arrays, rng=rng, df=df, flips=flips)
        reference = f"{tested.flips} sign flips of {model.clusters} clusters' sums"
        return IndependenceFinding(*numbers, tested.statistic, tested.p_value, reference)

    check_model(model)
    known: dict[tuple[frozenset[str], frozenset[str]], IndependenceFinding] = {}
    order = model.graph.order()

    def test(asked: Independence) -> IndependenceFinding:
        key = frozenset((asked.x, asked.y)), frozenset(asked.given)
        if key not in known:
            x, y = sorted(key[0], key=order.index)
            given = sorted(key[1], key=order.index)
            reason = _nothing_left(model, (x, y), given, df)
            known[key] = (
                IndependenceFinding(None, None, None, None, None, "", reason)
                if reason
                else measure((x, y), given)
            )
        return known[key]

    return test


def _nothing_left(model: FittedModel, pair: tuple[str, str], given: Sequence[str], df: int) -> str:
    """Why there is nothing to test, or ""."""
    both = np.column_stack([model.values[v] for v in pair])
    known = [model.values[v] for v in given]
    shares = zip(*variation_left(both, known, model.groups, df=df), strict=True)
    for node, (within, beside) in zip(pair, shares, strict=True):
        if within < NOTHING_LEFT:
            where = (
                f"within contexts of {' x '.join(model.context)}" if model.context else "at all"
            )
            return f"Does not apply: {node} does not vary {where}."
        if beside < NOTHING_LEFT:
            return (
                f"Does not apply: in these runs {node} is a function of {', '.join(given)}, so "
                "nothing of it is left to depend on anything."
            )
    return ""
