"""The methods that are pruned side by side, and the way down to their sparsities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion
from causalhyper.granger.pruning.schedules import ScheduleKind, sparsity_schedule
from collectors.ensembles.pruning.recording import asked_of

Collecting = Literal["sgd", "adam", "none"]


@dataclass(frozen=True, slots=True)
class Method:
    """A rule of pruning.

    Attributes
    ----------
    name : str
        In the frames.
    criterion : Criterion
        What ranks.
    scope : {"network", "layer"}
        Whether parameters of all layers are ranked together.
    collecting : {"sgd", "adam", "none"}
        How networks train between rankings: as the paper has it; by the optimiser of pre-training,
        ten more epochs of which are a strong baseline of magnitude; or not at all, where the
        ranking looks at nothing but the weights to which training goes back.
    counts_of : str, optional
        A method before it, whose number of parameters of each layer is taken.
    free : bool
        The criterion says how many are kept: those with a score, without a minimum, as published.
    more : int
        Epochs by the optimiser of pre-training before each collecting stage, so that later weights
        are ranked: `collectors.pruning.PruningSettings` has them as ``n_more``.

    Raises
    ------
    ConfigurationError
        If the criterion needs what is not collected.
    """

    name: str
    criterion: Criterion
    scope: Literal["network", "layer"] = "network"
    collecting: Collecting = "sgd"
    counts_of: str | None = None
    free: bool = False
    more: int = 0

    def __post_init__(self) -> None:
        asked, needs = asked_of(self.criterion), self.criterion.needs
        at = getattr(self.criterion, "at", "rewound")
        if self.collecting == "none" and (
            asked.kind != "none" or needs.gradients or at != "rewound"
        ):
            raise ConfigurationError(
                f"{self.name!r} ranks by what is known after collecting: collect by 'sgd', or "
                "rank at='rewound'"
            )
        if self.collecting == "adam" and asked.kind != "none":
            raise ConfigurationError(
                f"{self.name!r} ranks by recorded steps, which are those of gradient descent: "
                "collect by 'sgd'"
            )
        if self.more < 0 or (self.more and self.collecting != "sgd"):
            raise ConfigurationError(
                f"{self.name!r} collects by {self.collecting!r} after {self.more} epochs: those "
                "before are 0 or more, and 0 unless it collects by 'sgd'"
            )
        if self.free and self.counts_of is not None:
            raise ConfigurationError(f"{self.name!r} cannot both choose and take its counts")


@dataclass(frozen=True, slots=True)
class Ladder:
    """Shares pruned after each iteration, on the way through several sparsities.

    Attributes
    ----------
    levels : tuple of float
        After each iteration.
    stops : dict of float to int
        By sparsity, the iteration after which it is reached.
    """

    levels: tuple[float, ...]
    stops: dict[float, int]


def ladder(sparsities: Sequence[float], iterations: int, kind: ScheduleKind = "cubic") -> Ladder:
    """Lead one pruning through several sparsities, so that iterations are shared.

    The schedule to the largest is moved where it passes the others: each is reached exactly, after
    the iterations that make the sum of the moves smallest.

    Parameters
    ----------
    sparsities : sequence of float
        In (0, 1).
    iterations : int
        As many as sparsities at least.
    kind : {"cubic", "geometric", "linear"}
        See `causalhyper.granger.pruning.sparsity_schedule`.

    Returns
    -------
    Ladder
        ``levels[: stops[s]]`` are the sparsities to give `collectors.pruning.prune` for the same
        pruning to s alone.

    Raises
    ------
    ConfigurationError
        If there is none, or one is out of range, or there are more of them than iterations.

    Examples
    --------
    >>> found = ladder([0.95, 0.98, 0.99], 10)
    >>> [round(level, 3) for level in found.levels]
    [0.268, 0.483, 0.65, 0.776, 0.866, 0.927, 0.95, 0.98, 0.989, 0.99]
    >>> found.stops
    {0.95: 7, 0.98: 8, 0.99: 10}
    """
    wanted = sorted(set(sparsities))
    if not wanted or len(wanted) > iterations or not 0 < wanted[0] <= wanted[-1] < 1:
        raise ConfigurationError(
            "expected sparsities in (0, 1), and as many iterations at least; got "
            f"{list(sparsities)} and {iterations} iterations"
        )
    levels = list(sparsity_schedule(wanted[-1], iterations, kind=kind))

    def moved(places: tuple[int, ...]) -> float:
        return sum(abs(levels[at] - s) for at, s in zip(places, wanted[:-1], strict=True))

    best = min(combinations(range(iterations - 1), len(wanted) - 1), key=moved)
    places = (*best, iterations - 1)
    for at, sparsity in zip(places, wanted, strict=True):
        levels[at] = float(sparsity)
    for at in range(1, iterations):
        levels[at] = max(levels[at], levels[at - 1]) if at not in places else levels[at]
    for at in range(iterations - 2, -1, -1):
        levels[at] = min(levels[at], levels[at + 1])
    return Ladder(tuple(levels), {s: at + 1 for at, s in zip(places, wanted, strict=True)})
