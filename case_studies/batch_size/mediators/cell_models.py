"""Hypergraphs fitted to the runs of one cell under one protocol, and worlds asked of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from case_studies.batch_size.mediators.quantities import Entry, Quantity, from_replicates
from case_studies.batch_size.runs import CELL, LARGE, SHORT, SMALL, protocol_of
from causalhyper import SPLINE, FittedModel, Roles, fit
from causalhyper.arrays import Array
from causalhyper.errors import CausalHyperError
from causalhyper.queries.ablations.operations import Operation
from causalhyper.queries.experiments.experiment import Builder, Experiment, natural_world
from causalhyper.queries.experiments.preparation import make_experiment
from causalhyper.queries.shares.games import removal_game
from causalhyper.queries.shares.query import share_out
from causalhyper.scm.options import Options
from causalhyper.scm.refitting import replicate
from causalhyper.scm.replicates import Replicates

Builders = Callable[[Experiment], Mapping[str, Builder]]
UNFITTED = ("domain", "dataset", "model", "design", "graph", "reason")
"""Columns of the table of what could not be fitted."""
DRAWS = 100
"""Bootstrap replicates that are drawn, as few as may be: standard errors are the jackknife's."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The plain runs of one data set and model under one protocol.

    Attributes
    ----------
    labels : mapping of str to str
        domain, dataset, model, design.
    rows : DataFrame
    """

    labels: Mapping[str, str]
    rows: pd.DataFrame

    @property
    def protocol(self) -> str:
        """What was held equal, in words."""
        return protocol_of(self.rows)

    def by_seed(self, column: str, batch_size: int) -> pd.Series:
        """A column of the runs of one batch size, by seed."""
        return self.rows[self.rows["batch_size"] == batch_size].set_index("seed")[column]


def cut_cells(runs: pd.DataFrame, arm: str = "plain") -> Iterator[Cell]:
    """Every cell and protocol of one arm, in the order of the runs and of the protocols."""
    chosen = runs[runs["arm"] == arm]
    for (dataset, model), rows in chosen.groupby(CELL, sort=False):
        for design in SHORT:
            part = rows[rows["design"] == design]
            if len(part):
                domain = str(part["domain"].iloc[0])
                labels = {"domain": domain, "dataset": str(dataset), "model": str(model)}
                yield Cell(labels | {"design": design}, part)


def measured(rows: pd.DataFrame, roles: Mapping[str, str]) -> pd.DataFrame:
    """The runs in which every node has a finite value on its scale."""
    read = Roles.from_mapping(roles)
    kept = np.ones(len(rows), dtype=bool)
    for node in read:
        with np.errstate(all="ignore"):
            values = rows[read[node].column].to_numpy(dtype=float)
            logs = read[node].transform.startswith("log")
            kept &= np.isfinite(np.log(values) if logs else values)
    return rows[kept]


def fit_cell(
    cell: Cell,
    graph: str,
    roles: Mapping[str, str],
    mechanisms: Options | Mapping[str, Options] = SPLINE,
    context: str | tuple[str, ...] = "seed",
) -> FittedModel:
    """Fit a hypergraph to a cell; seeds are clusters and, by default, have intercepts.

    Raises
    ------
    ConfigurationError
        If the runs cannot tell the causes of a node apart.
    """
    return fit(
        graph,
        measured(cell.rows, roles),
        roles,
        protocol=cell.protocol,
        cluster="seed",
        context=context,
        mechanisms=mechanisms,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """Mean outcomes of a fitted model in several worlds, at B = 16 and at B = 512.

    Attributes
    ----------
    experiment : Experiment
        Its replicates are the model as fitted and with each seed left out.
    means : mapping of str to ndarray, shape (replicates, 2)
        The mean at 512, then at 16, in each world.
    builders : mapping of str to callable
        What made each world but the natural one.
    """

    experiment: Experiment
    means: Mapping[str, Array]
    builders: Mapping[str, Builder]

    def effect(self, world: str = "natural") -> Array:
        """Mean at 16 less mean at 512 in one world, shape (replicates,)."""
        return self.means[world][:, 1] - self.means[world][:, 0]

    def level(self, world: str) -> Array:
        """Mean of one world less the natural one's, averaged over 16 and 512."""
        return (self.means[world] - self.means["natural"]).mean(axis=1)

    def beyond(self, worlds: Iterable[str]) -> dict[str, float]:
        """Share of the simulated runs of some worlds that lie beyond the observed ones."""
        return self.experiment.extrapolated({name: self.builders[name] for name in worlds})

    def quantity(self, values: Array) -> Quantity:
        """A number with its jackknife."""
        return from_replicates(self.experiment, values)


def ask(model: FittedModel, build: Builders, seed: int = 1) -> Answer:
    """Simulate worlds of a model of one cell.

    Parameters
    ----------
    model : FittedModel
    build : callable
        Makes worlds by name, beside the natural one or, under that name, in its place.
    seed : int

    Returns
    -------
    Answer
    """
    whole = make_experiment(model, "B", "G", at=[SMALL], baseline=LARGE, draws=DRAWS, seed=seed)
    return _answer(replace(whole, replicates=jackknifed(whole.replicates)), build)


def ask_again(first: Answer, model: FittedModel, build: Builders) -> Answer:
    """Simulate worlds of another model of the same runs, with the same draws and resamples."""
    replicates = replicate(model, first.experiment.replicates)
    return _answer(replace(first.experiment, model=model, replicates=replicates), build)


def _answer(experiment: Experiment, build: Builders) -> Answer:
    builders = build(experiment)
    worlds = {"natural": natural_world, **builders}
    return Answer(experiment, experiment.means(worlds, alone=not builders), builders)


def jackknifed(found: Replicates) -> Replicates:
    """The model as fitted and with each cluster left out, without the bootstrap's resamples."""
    assert found.left is not None, "the replicates were drawn without a jackknife"
    own = np.flatnonzero(found.left.parents == 0)
    rows = np.concatenate([[0], len(found) - len(found.left) + own])
    return Replicates(
        found.weights[rows],
        {v: p.part(rows) for v, p in found.parameters.items()},
        found.redrawn,
        found.left.part(own),
        found.lost,
    )


Players = Sequence[Operation] | Literal["mediators"]


def share_worlds(experiment: Experiment, players: Players = "mediators") -> dict[str, Builder]:
    """The worlds in which a coalition of players is kept and all others are removed."""
    game = removal_game(experiment, players)
    return {_keep(kept): build for kept, build in game.worlds.items()}


def _keep(kept: Iterable[str]) -> str:
    return f"keep {', '.join(sorted(kept))}"


def shapley_shares(answer: Answer, players: Players = "mediators") -> dict[str, Array]:
    """Shapley shares of the mediators in the effect.

    Parameters
    ----------
    answer : Answer
        To `share_worlds` of the same players among others.
    players : "mediators" or sequence of RandomiseNode

    Returns
    -------
    dict of str to ndarray, shape (replicates,)
        By mediator.
    """
    game = removal_game(answer.experiment, players)
    found = share_out(game.players, {kept: answer.effect(_keep(kept)) for kept in game.worlds})
    return {player.removeprefix("randomise "): shares for player, shares in found.items()}


def attempt(
    make: Callable[[], list[Entry]], cell: Cell, graph: str, unfitted: list[dict[str, str]]
) -> list[Entry]:
    """The entries that a model gives; none, and a line in `unfitted`, if it cannot be fitted."""
    try:
        return make()
    except CausalHyperError as error:
        unfitted.append({**cell.labels, "graph": graph, "reason": str(error)})
        return []
