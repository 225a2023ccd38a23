"""Graph falsification: the hypergraph against the same hypergraph with its nodes permuted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph import Independence, local_conditions
from causalhyper.hypergraph.local_markov import (
    all_permutations,
    count_permutations,
    random_permutations,
)
from causalhyper.inference.independence import check_options, check_size
from causalhyper.notebook import Shown
from causalhyper.progress import Progress, track
from causalhyper.queries.experiments.questions import check_model
from causalhyper.queries.graph_checks.independence_tests import IndependenceFinding, make_tester
from causalhyper.queries.graph_checks.permuted_graphs import Permuted, judge_permutations
from causalhyper.results import HypothesisTest
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Falsification(Shown):
    """The given hypergraph among those with permuted nodes.

    Attributes
    ----------
    graph, protocol : str
    method : str
        Test of independence: "partial correlation" or "kernel".
    alpha : float
        Size of each test of independence.
    permutation_alpha : float
        Size of the two tests below.
    given : Permuted
        The hypergraph as given.
    conditions : tuple of (Independence, IndependenceFinding)
        Its local Markov conditions and what the runs say of them.
    permuted : tuple of Permuted
        The permutations; all of them, the given one included, where `exact`.
    exact : bool
        Whether every permutation is there, rather than a random sample.
    keep : tuple of str
        Nodes that kept their place.
    seed : int
    """

    graph: str
    protocol: str
    method: str
    alpha: float
    permutation_alpha: float
    given: Permuted
    conditions: tuple[tuple[Independence, IndependenceFinding], ...]
    permuted: tuple[Permuted, ...]
    exact: bool
    keep: tuple[str, ...]
    seed: int

    @property
    def as_good(self) -> int:
        """Permutations with no larger share of violated conditions than the given hypergraph."""
        return sum(p.fraction <= self.given.fraction for p in self.permuted)

    @property
    def equivalents(self) -> int:
        """Permutations that imply the same independencies."""
        return sum(p.equivalent for p in self.permuted)

    @property
    def informative(self) -> HypothesisTest:
        """That the hypergraph implies no more than its permutations do."""
        return self._test(
            "informative",
            "permuting the nodes leaves the implied independencies as they are",
            self.equivalents,
            "share of Markov equivalent permutations",
            "The hypergraph is informative: its independencies are shared by {} (p = {}).",
            "The hypergraph is not informative: its independencies are shared by {} (p = {}), so "
            "that this test cannot falsify it.",
        )

    @property
    def better(self) -> HypothesisTest:
        """That the hypergraph fits the runs no better than its permutations do."""
        return self._test(
            "better than permuted",
            "the hypergraph's local Markov conditions fit no better than with permuted nodes",
            self.as_good,
            "share of permutations with no more violations",
            "It fits better than by chance: it is matched or beaten by {} (p = {}).",
            "It fits no better than by chance: it is matched or beaten by {} (p = {}).",
        )

    @property
    def tests(self) -> tuple[HypothesisTest, HypothesisTest]:
        """Whether the hypergraph is informative, and whether it is better than permuted."""
        return self.informative, self.better

    @property
    def falsified(self) -> bool | None:
        """Whether an informative hypergraph fits no better than by chance; None untested."""
        if self.informative.p_value is None or self.better.p_value is None:
            return None
        return self.informative.rejected and not self.better.rejected

    @property
    def verdict(self) -> str:
        """What the permutations say, in words."""
        if self.falsified is None:
            return self.informative.reading
        said = "falsified" if self.falsified else "not falsified"
        if not self.informative.rejected:
            return f"{self.informative.reading} It is not falsified."
        proof = "" if self.falsified else ", which is no proof that it is right"
        return (
            f"{self.informative.reading} The runs contradict {self.given.violated} of its "
            f"{self.given.tested} local Markov conditions. {self.better.reading} "
            f"It is {said}{proof}."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a permutation.

        Columns nodes, tested, violated, fraction, conditions, foreign, equivalent.
        """
        rows = [
            {
                "nodes": " ".join(p.nodes),
                "tested": p.tested,
                "violated": p.violated,
                "fraction": p.fraction,
                "conditions": p.conditions,
                "foreign": p.foreign,
                "equivalent": p.equivalent,
            }
            for p in self.permuted
        ]
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how many permutations violate how much, and where the given hypergraph stands."""
        from causalhyper.figures import plot_permutations

        return plot_permutations(self.to_frame(), given=self.given.fraction, ax=ax)

    def summary(self) -> str:
        """The falsification as text; the verdict is the last line."""
        kept = f", {', '.join(self.keep)} kept in place" if self.keep else ""
        which = "all" if self.exact else "random"
        lines = [
            f"falsification of {self.graph}",
            f"protocol: {self.protocol}",
            f"{len(self.permuted)} permutations of the nodes ({which}{kept}); each independence "
            f"tested by {self.method} at {self.alpha:g}",
        ]
        for one, found in self.conditions:
            if found.p_value is None:
                lines.append(f"  {one!s:<22} {found.inapplicable}")
            else:
                mark = "violated" if found.p_value <= self.alpha else "kept"
                lines.append(f"  {one!s:<22} p {found.p_value:.2g}  {mark}")
        return "\n".join([*lines, self.verdict])

    def _test(
        self, name: str, null: str, count: int, reference: str, rejected: str, kept: str
    ) -> HypothesisTest:
        """A permutation test; both readings take the count in words and the p-value."""
        total = len(self.permuted)
        # a sample leaves the given order out, which counts as one permutation more
        p = count / total if self.exact else (1 + count) / (1 + total)
        words = f"{count} of {total} permutations", f"{p:.2g}"
        tested = self.given.tested > 0
        return HypothesisTest(
            name=name,
            null=null,
            statistic=float(count) if tested else None,
            p_value=p if tested else None,
            reference=f"{reference} ({'all' if self.exact else 'random'} permutations)",
            alpha=self.permutation_alpha,
            if_rejected=rejected.format(*words),
            if_kept=kept.format(*words),
            inapplicable="" if tested else _untested(self.given),
        )


def _untested(given: Permuted) -> str:
    """Why there is nothing to falsify."""
    if given.conditions:
        return "None of the hypergraph's local Markov conditions can be tested in these runs."
    return (
        "The hypergraph implies no independence: every two nodes are joined, so that this test "
        "cannot falsify it."
    )


def falsify(
    model: FittedModel,
    *,
    method: str = "partial correlation",
    permutations: int = 1000,
    keep: str | Collection[str] = (),
    alpha: float = 0.05,
    permutation_alpha: float = 0.05,
    df: int = 3,
    flips: int = 1999,
    seed: int = 1,
    progress: Progress | None = None,
) -> Falsification:
    """Hold a hypergraph against the same hypergraph with its nodes permuted.

    Parameters
    ----------
    model : FittedModel
    method : str
        Test of independence. "partial correlation" sees linear dependence, "kernel" curved
        dependence too.
    permutations : int
        At most so many: all where there are no more (six nodes have 720), otherwise so many
        random ones.
    keep : str or collection of str
        Nodes that keep their place. By default none, as published. With ``model.graph.roots()``
        rivals that give an assigned treatment causes are left out: the comparison is fairer, but
        a hypergraph of five nodes then has 24 permutations, and p-values are multiples of 1/24.
    alpha : float
        Size of the tests of independence, in (0, 1).
    permutation_alpha : float
        Size of the two tests against permutations, in (0, 1): at which the hypergraph counts as
        informative and as better than permuted.
    df : int
        Natural-spline functions of each node conditioned on.
    flips : int
        Sign flips of whole clusters behind each p-value, at least 19.
    seed : int
        Of everything random, not negative.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Falsification

    Raises
    ------
    ConfigurationError
        If an option is wrong.

    Notes
    -----
    The conditions are the local Markov ones: each node and each non-descendant, given the node's
    causes. Each is tested by itself, not adjusted for how many there are, as published. A
    hypergraph is informative where few permutations imply the same independencies, and falsified
    where it is informative and many permutations violate no larger share of their conditions. Not
    falsified means better than chance, not right: a hypergraph with violated conditions can pass.
    Source: Eulig et al. 2023, "Toward falsifying causal graphs using a permutation-based test",
    section 3.

    Examples
    --------
    >>> from causalhyper.scm import fit
    >>> rng = np.random.default_rng(0)
    >>> b = np.tile([1.0, 2.0, 4.0], 40)
    >>> n = b + rng.normal(size=120)
    >>> runs = pd.DataFrame({"run_id": range(120), "seed": np.arange(120) // 3, "b": b, "n": n})
    >>> runs["g"] = n + rng.normal(size=120)
    >>> model = fit(
    ...     "B -> N -> G", runs.astype({"run_id": str}), {"B": "b", "N": "n", "G": "g"},
    ...     protocol="equal epochs", cluster="seed",
    ... )
    >>> print(falsify(model).verdict)
    The hypergraph is not informative: its independencies are shared by 2 of 6 permutations \
(p = 0.33), so that this test cannot falsify it. It is not falsified.
    """
    _check(alpha, permutation_alpha, df, flips, permutations, seed)
    check_model(model)
    h = model.graph
    keep = (keep,) if isinstance(keep, str) else tuple(keep)
    test = make_tester(model, method, alpha=alpha, df=df, flips=flips, seed=seed)

    def contradicted(one: Independence) -> bool | None:
        p_value = test(one).p_value
        return None if p_value is None else p_value <= alpha

    total = count_permutations(h.nodes, keep)
    exact = total <= permutations
    rng = np.random.default_rng(seed)
    renamings: Iterable[Mapping[str, str]] = (
        all_permutations(h.order(), keep)
        if exact
        else random_permutations(h.order(), keep, permutations, rng)
    )
    tracked = track(renamings, total if exact else permutations, progress)
    found = judge_permutations(h, tracked, contradicted)
    (given,) = judge_permutations(h, [{v: v for v in h.order()}], contradicted)
    return Falsification(
        graph=str(h),
        protocol=model.protocol,
        method=method,
        alpha=alpha,
        permutation_alpha=permutation_alpha,
        given=given,
        conditions=tuple((one, test(one)) for one in local_conditions(h)),
        permuted=found,
        exact=exact,
        keep=tuple(v for v in h.order() if v in keep),
        seed=seed,
    )


def _check(
    alpha: float, permutation_alpha: float, df: int, flips: int, permutations: int, seed: int
) -> None:
    """Refuse options that make no test."""
    for name, size in (("alpha", alpha), ("permutation_alpha", permutation_alpha)):
        check_size(size, name)
    check_options(df, flips)
    if permutations < 1:
        raise ConfigurationError(f"permutations must be at least 1, got {permutations}: use 1000")
    if seed < 0:
        raise ConfigurationError(f"the seed must not be negative, got {seed}")
