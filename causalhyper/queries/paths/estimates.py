"""From means in worlds of paths to the estimates of each path, the remainder and the total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from causalhyper.arrays import Array
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES, warn_beyond
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.queries.mediation.couplings import COUPLED, Coupling, alternative
from causalhyper.queries.paths.nested import Routes
from causalhyper.queries.paths.result import PathEffects
from causalhyper.results import Estimate


@dataclass(frozen=True, slots=True)
class Split:
    """How an effect was split, and what each world reached.

    Attributes
    ----------
    experiment : Experiment
    routes : mapping of str to Routes
        By group of paths, in the order asked.
    coupling : str
    sequential : bool
        Whether each group is switched on beside those before it.
    total : ndarray, shape (replicates, values)
    along, shifts : mapping of str to ndarray, shape (replicates, values)
        What each group carries, and what the other coupling would change of it.
    beyond : float
        Largest share of simulated runs beyond the observed ones.
    """

    experiment: Experiment
    routes: Mapping[str, Routes]
    coupling: Coupling
    sequential: bool
    total: Array
    along: Mapping[str, Array]
    shifts: Mapping[str, Array]
    beyond: float

    @property
    def witnesses(self) -> dict[str, tuple[str, ...]]:
        """Of each group; a sequential step rests on those of the world before it too."""
        out: dict[str, tuple[str, ...]] = {}
        before: tuple[str, ...] = ()
        for name, route in self.routes.items():
            out[name] = tuple(dict.fromkeys((*before, *route.witnesses)))
            before = route.witnesses if self.sequential else ()
        return out

    def estimates(
        self,
        name: str,
        quantities: Array,
        form: str,
        subject: str = "",
        witnesses: Sequence[str] = (),
    ) -> tuple[Estimate, ...]:
        """Estimates of one quantity, which rests on what these witnesses need."""
        e = self.experiment
        label, column = e.model.roles[e.outcome].label, e.model.roles[e.treatment].column
        assumes = [*GRAPH_ASSUMES, *_rests_on(witnesses, self.coupling)]
        if name != "total":
            assumes += warn_beyond(self.beyond)
        return e.estimates(
            f"path_effects.{name}",
            quantities,
            estimand=lambda value: f"{form}, Y={label}, {column} b={value:g}, b0={e.baseline:g}",
            method=f"edge g-formula through {e.model.graph}; {e.interval}",
            assumptions=assumes,
            subject=subject,
        )


def split_effect(
    experiment: Experiment,
    routes: Mapping[str, Routes],
    coupling: Coupling,
    sequential: bool,
    means: Mapping[str, Array],
    beyond: float,
) -> Split:
    """Split what the worlds reached.

    Parameters
    ----------
    experiment : Experiment
    routes : mapping of str to Routes
    coupling : str
    sequential : bool
    means : mapping of str to ndarray, shape (replicates, 1 + values)
        In the natural world, in that of each group, and with the other coupling where a group
        has a witness.
    beyond : float

    Returns
    -------
    Split
    """
    start = means["natural"][:, :1]
    total = means["natural"][:, 1:] - start
    along = {name: means[name][:, 1:] - start for name in routes}
    shifts = {
        name: means[other_world(name)][:, 1:] - means[name][:, 1:]
        if route.witnesses
        else 0 * total
        for name, route in routes.items()
    }
    if sequential:
        along, shifts = _steps(along), _steps(shifts)
    return Split(experiment, routes, coupling, sequential, total, along, shifts, beyond)


def other_world(name: str) -> str:
    """Name of a group's world under the other coupling."""
    return f"{name} | other coupling"


def collect_paths(split: Split) -> PathEffects:
    """The result of a split.

    Parameters
    ----------
    split : Split

    Returns
    -------
    PathEffects
    """
    return PathEffects(
        outcome=split.experiment.model.roles[split.experiment.outcome].label,
        protocol=split.experiment.model.protocol,
        paths=tuple(split.routes),
        sequential=split.sequential,
        coupling=split.coupling,
        total=split.estimates("total", split.total, "E[Y(b)] - E[Y(b0)]"),
        along=_along(split),
        remainder=() if split.sequential else _remainder(split),
        coupling_shift=_coupling_shift(split),
        witnesses=tuple(split.witnesses.values()),
        extrapolated=split.beyond,
    )


def _along(split: Split) -> tuple[tuple[Estimate, ...], ...]:
    before = "b along those before, " if split.sequential else ""
    return tuple(
        split.estimates(
            "along",
            split.along[name],
            f"E[Y(b along {name}, {before}b0 elsewhere)] - E[Y({before}b0 elsewhere)]",
            name,
            witnesses,
        )
        for name, witnesses in split.witnesses.items()
    )


def _remainder(split: Split) -> tuple[Estimate, ...]:
    rest = split.total - sum(split.along.values())
    every = tuple(dict.fromkeys(v for found in split.witnesses.values() for v in found))
    return split.estimates("remainder", rest, "total - effects along", witnesses=every)


def _coupling_shift(split: Split) -> tuple[tuple[Estimate, ...], ...]:
    other = alternative(split.coupling)
    return tuple(
        split.estimates(
            "coupling_shift",
            split.shifts[name],
            f"effect along {name} with {other} noise less that with {split.coupling} noise",
            name,
        )
        for name, witnesses in split.witnesses.items()
        if witnesses
    )


def _steps(reached: Mapping[str, Array]) -> dict[str, Array]:
    """From what is reached after each group to what each group adds."""
    out, last = {}, 0.0 * next(iter(reached.values()))
    for name, now in reached.items():
        out[name], last = now - last, now
    return out


def _rests_on(witnesses: Sequence[str], coupling: Coupling) -> tuple[str, ...]:
    if not witnesses:
        return ()
    return (
        f"cross-world: {COUPLED[coupling]}",
        f"not identified without the model: {', '.join(witnesses)} has two values in one run "
        "(recanting witness)",
    )
