"""The control of causal criteria: the same with the loss of other steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import LayerSums, StepSums
from causalhyper.frames.trajectory import Trajectory
from causalhyper.granger.criteria.causal import Causal
from causalhyper.granger.criteria.criterion import Criterion, Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.design.array_trajectory import ArrayTrajectory
from causalhyper.granger.design.records import Recorded, open_records
from causalhyper.granger.design.rotated import RotatedTrajectory


@dataclass(frozen=True, slots=True)
class Shifted:
    """Rank by a causal criterion that is given the loss change of another step.

    What such a response selects is what the criterion selects where there is nothing to be found
    but the course of training (how far parameters move, and how movement and loss decline): a
    claim for the criterion is a claim of being better than this.

    The loss of a trajectory is rotated by `shift` steps, its end coming to the beginning: it keeps
    its autocorrelation. Sums know a response that comes `shift` steps before the change, and the
    first changes have none. Independent permutation is no control here, as steps are serially
    dependent.

    Attributes
    ----------
    criterion : Criterion
        One that uses the loss changes of steps; `Causal` unless given.
    shift : int
        Steps; well above those over which loss changes are correlated, and well below the number
        of steps. For sums it is a lag that has to be summed (`Needs.lags`).
    name : str
        That of the criterion and "-shifted" unless given.

    Raises
    ------
    ConfigurationError
        If the criterion looks at no steps.
    """

    criterion: Criterion = field(default_factory=Causal)
    shift: int = 100
    name: str = ""

    def __post_init__(self) -> None:
        needs = self.criterion.needs
        if self.shift < 1 or not (needs.sums or needs.trajectory):
            raise ConfigurationError(
                "expected a criterion that looks at loss changes of steps, and a shift of 1 step "
                f"at least; got {self.criterion.name!r} and {self.shift}"
            )
        object.__setattr__(self, "name", self.name or f"{self.criterion.name}-shifted")

    @property
    def needs(self) -> Needs:
        """What the criterion needs, and the lag in its sums."""
        own = self.criterion.needs
        return replace(own, lags=(*own.lags, self.shift)) if own.sums else own

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return the criterion's scores for the shifted loss."""
        sums = evidence.sums if self.criterion.needs.sums else None
        steps = [] if sums is None else [len(y) for y in sums.responses]
        if sums is not None and sum(max(n - self.shift, 0) for n in steps) < 2:
            raise DataError(
                f"a loss that is shifted by {self.shift} steps leaves fewer than two of "
                f"{sum(steps)}: record more steps, or shift by fewer"
            )
        trajectory = evidence.trajectory
        moved = replace(
            evidence,
            sums=None if sums is None else lagged(sums, self.shift),
            trajectory=None if trajectory is None else _rotated(trajectory, self.shift),
        )
        return self.criterion.scores(moved)


def lagged(sums: StepSums, lag: int) -> StepSums:
    """Return sums whose pairs are those of a lag.

    Parameters
    ----------
    sums : StepSums
    lag : int
        One of the lags summed, above 0.

    Returns
    -------
    StepSums
        With lag 0 only; each change there has the response of so many steps before.

    Raises
    ------
    ConfigurationError
        If the lag was not summed.

    Examples
    --------
    >>> x, y = np.array([4.0, 1.0, 2.0]), np.array([1.0, 2.0, 4.0])
    >>> both = [x[:, None], (x**2)[:, None]]
    >>> pairs = ((x, y), (x[1:], y[:2]))
    >>> x1, xx, xy = (
    ...     np.array([f(a, b) for a, b in pairs]).reshape(2, 1, 1)
    ...     for f in (lambda a, b: a.sum(), lambda a, b: a @ a, lambda a, b: a @ b)
    ... )
    >>> layer = LayerSums("fc", (1,), x1, xx, xy, np.zeros(1), np.array([7.0]))
    >>> found = lagged(StepSums((layer,), (0, 1), False, (y,), {}), 1)
    >>> found.paired_responses().tolist(), found["fc"].xy.ravel().tolist()
    ([1.0, 2.0], [5.0])
    """
    if lag not in sums.lags or lag == 0:
        raise ConfigurationError(
            f"a loss that is shifted by {lag} steps needs sums of that lag; there are "
            f"{sums.lags}: record them with lags=[{lag}]"
        )
    at, first = sums.lags.index(lag), int(sums.momentum)
    layers = tuple(
        LayerSums(
            layer.name,
            layer.shape,
            layer.x[[at]],
            layer.xx[[at]],
            layer.xy[[at]],
            layer.displacement,
            layer.movement,
        )
        for layer in sums.layers
    )
    # with momentum the first step has no pair; what stands there is not read
    responses = tuple(
        np.concatenate([y[:first], y[: max(len(y) - lag, 0)]]) for y in sums.responses
    )
    return StepSums(layers, (0,), sums.momentum, responses, sums.settings)


def _rotated(trajectory: Recorded, shift: int) -> RotatedTrajectory:
    (record,) = open_records([trajectory])
    if not isinstance(record, Trajectory | ArrayTrajectory):
        raise ConfigurationError("the losses of this trajectory are shifted already: shift once")
    return RotatedTrajectory(record, shift)
