"""The way of one method down to its sparsities: link by link, so that it can be gone on with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.deep_pruning.collecting import Collected, collect, minibatch_gradients
from collectors.deep_pruning.pretraining import judged_pair
from collectors.deep_pruning.subjects import State, Subject
from collectors.ensembles.pruning.cuts import RowCut, Target, cut
from collectors.ensembles.pruning.methods import Ladder, Method
from collectors.ensembles.pruning.recording import Asked, asked_of
from collectors.ensembles.pruning.scores import RowEvidence, score
from collectors.ensembles.pruning.stacks import Pruning
from collectors.pruning.frames import measured
from collectors.pruning.passes import Performance
from collectors.pruning.seeding import derived_seed

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """How far a method has pruned.

    Attributes
    ----------
    method : str
        Its name.
    kept : Tensor of bool, shape (p,)
        Until now.
    iteration : int
        Iterations done.
    log, layers : tuple of dict
        Rows of the frames, without the run's name.
    passed : mapping of float to Tensor
        What was kept at each sparsity that was asked for, as far as it has come; under None what
        is left in the end where the criterion chose.
    free : bool
        Whether the criterion, or the one whose counts are taken, says how many are kept.
    """

    method: str
    kept: Tensor
    iteration: int = 0
    log: tuple[dict[str, Any], ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
    passed: Mapping[float | None, Tensor] = field(default_factory=dict)
    free: bool = False

    def counts(self, iteration: int) -> dict[str, int]:
        """Return how many are kept of each layer after an iteration."""
        return {row["layer"]: row["kept"] for row in self.layers if row["iteration"] == iteration}


def prunings_of(chain: Chain, ladder: Ladder) -> list[Pruning]:
    """Return what is trained after pruning: one a sparsity that the chain has passed, or its end.

    Parameters
    ----------
    chain : Chain
        Of a method.
    ladder : Ladder
        Its way.

    Returns
    -------
    list of Pruning
        Rows of the frames end with the iteration of each.
    """
    found = []
    for target, kept in chain.passed.items():
        stop = len(ladder.levels) if target is None else ladder.stops[target]
        log = tuple(row for row in chain.log if row["iteration"] <= stop)
        layers = tuple(row for row in chain.layers if row["iteration"] <= stop)
        found.append(Pruning(chain.method, target, kept, log, layers))
    return found


def first_links(
    subject: Subject,
    methods: Sequence[Method],
    ladder: Ladder,
    origin: State,
    *,
    later: int | None = None,
    told: Told = lambda _: None,
) -> Iterator[Chain]:
    """Do the first iteration of methods that collect: nothing is pruned yet, so they share it.

    Parameters
    ----------
    subject : Subject
        The network.
    methods : sequence of Method
        Those without layer counts of another.
    ladder : Ladder
        Shares pruned.
    origin : State
        The weights after pre-training.
    later : int, optional
        Epochs of methods that collect by Adam; the settings' unless given.
    told : callable
        Hears of every epoch.

    Yields
    ------
    Chain
        Of each method, after one iteration, in the order of how they collect.

    Raises
    ------
    ConfigurationError
        If a criterion needs the steps themselves, which are not held.
    """
    whole = subject.everything()
    for how, epochs in (("sgd", None), ("adam", later)):
        chosen = [m for m in methods if m.collecting == how]
        if not chosen:
            continue
        asked = together([asked_for(m) for m in chosen])
        found = collect(subject, origin, whole, 1, asked, how=how, epochs=epochs, told=told)  # type: ignore[arg-type]
        log = tuple(row | {"seconds": row["seconds"] / len(chosen)} for row in found.log)
        found = replace(found, log=log)
        for method in chosen:
            yield _linked(subject, method, Chain(method.name, whole), ladder, origin, found, None)


def next_link(
    subject: Subject,
    method: Method,
    chain: Chain | None,
    ladder: Ladder,
    origin: State,
    *,
    owner: Chain | None = None,
    later: int | None = None,
    told: Told = lambda _: None,
) -> Chain:
    """Do the next iteration of a method.

    Parameters
    ----------
    subject : Subject
        The network.
    method : Method
        What prunes.
    chain : Chain or None
        How far it is; None for the beginning.
    ladder : Ladder
        Shares pruned.
    origin : State
        The weights after pre-training, to which all go back.
    owner : Chain, optional
        Whose counts the method takes, at least as far.
    later : int, optional
        Epochs of methods that collect by Adam; the settings' unless given.
    told : callable
        Hears of every epoch.

    Returns
    -------
    Chain
        One iteration further.

    Raises
    ------
    ConfigurationError
        If a criterion needs the steps themselves, or the counts of another are not known.
    """
    chain = chain or Chain(method.name, subject.everything())
    asked, collected = asked_for(method), None
    if method.collecting != "none":
        collected = collect(
            subject,
            origin,
            chain.kept,
            chain.iteration + 1,
            [asked],
            how=method.collecting,
            epochs=later if method.collecting == "adam" else None,
            told=told,
        )
    return _linked(subject, method, chain, ladder, origin, collected, owner)


def asked_for(method: Method) -> Asked:
    """Say what is recorded for a method.

    Parameters
    ----------
    method : Method
        Any whose criterion goes by running sums.

    Returns
    -------
    Asked

    Raises
    ------
    ConfigurationError
        If the criterion needs every step, which of a large network fit into no memory, or if the
        method has epochs before collecting.
    """
    asked = asked_of(method.criterion)
    if asked.kind == "trajectory" or method.more:
        raise ConfigurationError(
            f"{method.name!r} needs every step of the collecting stage, or epochs before it; here "
            "are running sums: use prune_many"
        )
    return asked


def together(asked: Sequence[Asked]) -> list[Asked]:
    """Say what is recorded once for all.

    Parameters
    ----------
    asked : sequence of Asked
        For each.

    Returns
    -------
    list of Asked
        Without those that others serve: sums with the loss have the movement too.

    Examples
    --------
    >>> together([Asked("moves"), Asked("same"), Asked("none"), Asked("same")])
    [Asked(kind='same', lag=0)]
    """
    found = list(dict.fromkeys(each for each in asked if each.kind != "none"))
    others = [each for each in found if each.kind != "moves"]
    return others or found


def _linked(
    subject: Subject,
    method: Method,
    chain: Chain,
    ladder: Ladder,
    origin: State,
    collected: Collected | None,
    owner: Chain | None,
) -> Chain:
    """Rank, prune, and judge what is left before it is trained."""
    began, iteration = time.perf_counter(), chain.iteration + 1
    free = method.free or (owner is not None and owner.free)
    evidence = _evidence(subject, method, chain, origin, collected)
    level = ladder.levels[iteration - 1]
    found = _cut(subject, method, evidence, level, owner, iteration, free)
    subject.load(subject.masked(origin, found.kept))
    judged = judged_pair(subject, wanted=True)
    names = {"iteration": iteration, "stage": "pruned", "epoch": 0}
    row = names | {"sparsity": subject.sparsity(found.kept)} | measured(Performance(), *judged)
    stops: list[float | None] = [s for s, at in ladder.stops.items() if at == iteration]
    if free:
        stops = [None] if iteration == len(ladder.levels) else []
    log = (*chain.log, *(collected.log if collected else ()))
    return replace(
        chain,
        kept=found.kept,
        iteration=iteration,
        log=(*log, row | {"seconds": time.perf_counter() - began}),
        layers=(*chain.layers, *({"iteration": iteration, **each} for each in found.layers)),
        passed={**chain.passed, **dict.fromkeys(stops, found.kept)},
        free=free,
    )


def _evidence(
    subject: Subject, method: Method, chain: Chain, origin: State, collected: Collected | None
) -> RowEvidence:
    seed = derived_seed(subject.seed, "iteration", chain.iteration + 1)
    layout, kept = subject.layout, chain.kept
    state = origin if collected is None else collected.state

    def gradients(count: int) -> Iterator[Tensor]:
        order = derived_seed(seed, "gradients")
        return minibatch_gradients(subject, state, kept, order, count)

    asked = asked_for(method)
    return RowEvidence(
        layout,
        layout.row(origin) * kept,
        layout.row(state),
        kept,
        None if collected is None or asked.kind == "none" else collected.record_for(asked),
        gradients,
        np.random.default_rng(derived_seed(seed, "criterion")),
    )


def _cut(
    subject: Subject,
    method: Method,
    evidence: RowEvidence,
    level: float,
    owner: Chain | None,
    iteration: int,
    free: bool,
) -> RowCut:
    target: Target = None if method.free else level
    if method.counts_of is not None:
        target = owner.counts(iteration) if owner is not None else {}
        if not target:
            raise ConfigurationError(
                f"{method.name!r} takes the layer counts of {method.counts_of!r}, which has not "
                f"come to iteration {iteration}: prune that one first (owner=)"
            )
    return cut(
        subject.layout,
        score(method.criterion, evidence),
        evidence.kept,
        target,
        scope=method.scope,
        minimum=0 if free else subject.settings.minimum,
    )
