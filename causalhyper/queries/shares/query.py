"""Shapley shares: an effect shared out among parts of the hypergraph, whatever their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import CausalHyperError
from causalhyper.progress import Progress
from causalhyper.queries.ablations.operations import Operation
from causalhyper.queries.effects.query import farthest
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES, warn_beyond
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.shares.games import Coalition, Game, path_game, removal_game
from causalhyper.results import Estimate, EstimateResult, decimals
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class Shares(EstimateResult):
    """Shapley shares of an effect.

    Attributes
    ----------
    protocol : str
    players : tuple of str
        What shares the effect: operations that remove a part, or paths.
    references : tuple of str
        What each part is replaced by.
    total : tuple of Estimate
        One for each treatment value.
    shares : tuple of tuple of Estimate
        For each player its share at each treatment value.
    rest : tuple of Estimate
        The effect that is left when every player is removed. With the shares it sums to the
        total.
    alone : tuple of str
        Players whose removal alone makes the effect vanish by construction.
    note : str
        Says what that means; "" otherwise.
    extrapolated : float
        Largest share of simulated runs beyond the observed ones, over the coalitions.
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
    """

    protocol: str
    players: tuple[str, ...]
    references: tuple[str, ...]
    total: tuple[Estimate, ...]
    shares: tuple[tuple[Estimate, ...], ...]
    rest: tuple[Estimate, ...]
    alone: tuple[str, ...]
    note: str
    extrapolated: float
    outcome: str = ""

    def __post_init__(self) -> None:
        for i, total in enumerate(self.total):
            parts = sum(share[i].estimate for share in self.shares) + self.rest[i].estimate
            if not np.isclose(total.estimate, parts, rtol=1e-9, atol=1e-12):
                raise CausalHyperError(f"shares and rest sum to {parts}, not to {total.estimate}")

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Total, shares player by player, rest."""
        return self.total + tuple(e for share in self.shares for e in share) + self.rest

    def summary(self) -> str:
        """The shares as text."""
        digits = decimals(e.se for e in self.estimates)
        names = [e.subject or e.query.partition(".")[2] for e in self.estimates]
        width = max(map(len, names))
        lines = [f"shares of the total ({self.protocol})"]
        lines += [
            f"{e.value:>10g}  {name:<{width}} {e.interval(digits)}"
            for name, e in zip(names, self.estimates, strict=True)
        ]
        value = farthest(self.total).value
        clear = [e for s in self.shares for e in s if e.value == value and e.excludes_zero]
        if len({e.estimate > 0 for e in clear}) > 1:
            lines.append("Shares oppose one another: none is a proportion of the total.")
        return "\n".join([*lines, self.note] if self.note else lines)


def shapley(
    model: FittedModel,
    treatment: str,
    outcome: str,
    players: Literal["mediators", "hyperedges", "paths"] | Sequence[Operation] = "mediators",
    *,
    at: Sequence[float],
    baseline: float,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "t",
    progress: Progress | None = None,
) -> Shares:
    """Share an effect out among mediators, hyperedges, paths, or any parts that can be removed.

    The value of a coalition is the effect that is left when every other player is removed, in
    worlds with common random numbers. A player's share is what it adds, averaged over all
    orders in which players can join; shares sum to the total less what no player carries.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str
        Nodes.
    players : {"mediators", "hyperedges", "paths"} or sequence of operations
        Nodes between treatment and outcome, each removed by randomising it; hyperedges on
        paths, each removed by cutting it; directed paths, each removed by holding it at the
        baseline; or operations that remove other parts. At most ten.
    at : sequence of float
        Values of the treatment's column, within the range of the runs.
    baseline : float
        The value that the others are compared with.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
        Of everything random, not negative.
    level : float
        Confidence of the intervals, in (0, 1).
    interval : str
        Kind of interval: "t" (cluster-robust, right with few clusters), "jackknife", "bootstrap",
        "percentile", "basic", "bca" or "studentized"; docs/intervals.md says which when.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    Shares

    Raises
    ------
    ConfigurationError
        If there are no players or more than ten, or two act on the same part.

    Notes
    -----
    Source: Shapley 1953, "A value for n-person games"; Janzing et al. 2013, "Quantifying causal
    influences" (removal by independent draws).

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from causalhyper import LINEAR, fit
    >>> rng = np.random.default_rng(0)
    >>> b = np.tile([1.0, 2.0, 4.0], 20)
    >>> n = 2 * b + rng.normal(size=60)
    >>> runs = pd.DataFrame({"run_id": range(60), "k": np.repeat(range(20), 3), "b": b, "n": n})
    >>> runs["g"] = 3 * b - n + 0.1 * rng.normal(size=60)
    >>> roles = {"B": "b", "N": "n", "G": "g"}
    >>> model = fit("B -> N; B -> G; N -> G", runs.astype({"run_id": str}), roles,
    ...             protocol="equal epochs", cluster="k", mechanisms=LINEAR)
    >>> found = shapley(model, "B", "G", at=[4], baseline=1, draws=100)
    >>> found.players, round(found.shares[0][0].estimate), round(found.rest[0].estimate)
    (('randomise N',), -6, 9)
    """
    experiment = make_experiment(
        model,
        treatment,
        outcome,
        at=at,
        baseline=baseline,
        draws=draws,
        seed=seed,
        level=level,
        interval=interval,
    )
    game = path_game(experiment) if players == "paths" else removal_game(experiment, players)
    builders = {_key(coalition): build for coalition, build in game.worlds.items()}
    means = experiment.means(builders, progress)
    beyond = max(experiment.extrapolated(builders).values())
    effects = {c: means[_key(c)][:, 1:] - means[_key(c)][:, :1] for c in game.worlds}
    return _collect(experiment, game, effects, beyond)


def share_out(players: Sequence[str], values: Mapping[Coalition, Array]) -> dict[str, Array]:
    """Shapley values of a game whose coalitions all have a value.

    Parameters
    ----------
    players : sequence of str
    values : mapping of frozenset to ndarray
        One array for each of the 2^n coalitions, all of one shape.

    Returns
    -------
    dict of str to ndarray
        For each player; they sum to the value of all less that of none.

    Examples
    --------
    >>> values = {frozenset(): np.zeros(1), frozenset("a"): np.ones(1)}
    >>> values |= {frozenset("b"): np.zeros(1), frozenset("ab"): np.full(1, 3.0)}
    >>> share_out("ab", values)
    {'a': array([2.]), 'b': array([1.])}
    """
    n = len(players)
    shares = {}
    for player in players:
        total = np.zeros_like(next(iter(values.values())))
        for coalition in values:
            if player not in coalition:
                weight = 1 / (n * comb(n - 1, len(coalition)))
                total = total + weight * (values[coalition | {player}] - values[coalition])
        shares[player] = total
    return shares


def _key(coalition: Coalition) -> str:
    return " & ".join(sorted(coalition))


def _collect(
    e: Experiment, game: Game, effects: Mapping[Coalition, Array], beyond: float
) -> Shares:
    label, column = e.model.roles[e.outcome].label, e.model.roles[e.treatment].column

    def made(name: str, quantities: Array, form: str, subject: str = "") -> tuple[Estimate, ...]:
        assumes = [*GRAPH_ASSUMES] if name == "total" else [*GRAPH_ASSUMES, *game.assumes]
        if name != "total":
            assumes += warn_beyond(beyond)
        return e.estimates(
            f"shapley.{name}",
            quantities,
            estimand=lambda value: f"{form}, Y={label}, {column} b={value:g}, b0={e.baseline:g}",
            method=f"g-formula through {e.model.graph}, every coalition; {e.interval}",
            assumptions=assumes,
            subject=subject,
        )

    found = share_out(game.players, effects)
    return Shares(
        outcome=label,
        protocol=e.model.protocol,
        players=game.players,
        references=game.references,
        total=made("total", effects[frozenset(game.players)], "E[Y(b)] - E[Y(b0)]"),
        shares=tuple(
            made("share", found[name], f"Shapley share of {name} in E[Y(b)] - E[Y(b0)]", name)
            for name in game.players
        ),
        rest=made("rest", effects[frozenset()], "effect with every player removed"),
        alone=game.alone,
        note=_note(game),
        extrapolated=beyond,
    )


def _note(game: Game) -> str:
    if not game.alone:
        return ""
    return (
        f"Each of {', '.join(game.alone)} makes the whole effect vanish by construction, whatever "
        "the data say: they share what cannot be told apart between them equally"
    )
