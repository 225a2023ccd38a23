"""Schedules: how much is pruned after each iteration."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError

ScheduleKind = Literal["cubic", "geometric", "linear"]


def sparsity_schedule(
    final: float, iterations: int, *, kind: ScheduleKind = "cubic", initial: float = 0.0
) -> tuple[float, ...]:
    """Return the share of all parameters that is pruned after each iteration.

    Parameters
    ----------
    final : float
        Share pruned after the last iteration, from `initial` to below 1.
    iterations : int
        At least 1.
    kind : {"cubic", "geometric", "linear"}
        Of n iterations, the i-th leaves pruned: ``final + (initial - final) (1 - i / n)^3``,
        which prunes most at first; as much as makes each iteration prune the same share of what
        was left before it, as the paper's magnitude pruning does (``mag_prune_frac``); or the
        same number of parameters each.
    initial : float
        Share pruned before the first iteration, from 0.

    Returns
    -------
    tuple of float, length `iterations`
        Never falling; the last is `final`.

    Raises
    ------
    ConfigurationError
        For shares out of order or out of range, no iteration, or an unknown kind.

    Notes
    -----
    Source: cubic: Zhu and Gupta 2017, "To prune, or not to prune: exploring the efficacy of
    pruning for model compression", equation 1. Geometric: Shah et al., "A
    Granger-causal perspective on gradient descent with application to pruning", table 3, whose
    fraction 0.275 in ten iterations prunes ``1 - 0.725^10``, the 95.99% of its table 2.

    Examples
    --------
    >>> [round(s, 3) for s in sparsity_schedule(0.9, 3)]
    [0.633, 0.867, 0.9]
    >>> [round(s, 3) for s in sparsity_schedule(0.875, 3, kind="geometric")]
    [0.5, 0.75, 0.875]
    """
    _check(final, iterations, kind, initial)
    done = np.arange(1, iterations + 1) / iterations
    if kind == "geometric":
        levels = 1 - (1 - initial) * ((1 - final) / (1 - initial)) ** done
    else:
        levels = initial + (final - initial) * (1 - (1 - done) ** (3 if kind == "cubic" else 1))
    return _close(levels, initial, final)


def _close(levels: Array, initial: float, final: float) -> tuple[float, ...]:
    """The levels, with rounding kept from leaving the range or missing the end."""
    inner = np.clip(levels[:-1], initial, final)
    return (*np.maximum.accumulate(inner).tolist(), float(final))


def _check(final: float, iterations: int, kind: str, initial: float) -> None:
    if kind not in get_args(ScheduleKind):
        raise ConfigurationError(
            f"there is no schedule {kind!r}: use one of {', '.join(get_args(ScheduleKind))}"
        )
    if isinstance(iterations, bool) or not isinstance(iterations, (int, np.integer)):
        raise ConfigurationError(f"iterations must be a whole number, got {iterations!r}")
    if iterations < 1:
        raise ConfigurationError(f"a schedule needs one iteration at least, got {iterations}")
    if not 0 <= initial <= final < 1:
        raise ConfigurationError(
            "a schedule goes from an initial to a final share pruned, 0 <= initial <= final < 1; "
            f"got {initial:g} and {final:g}. Shares are fractions: 95% is 0.95"
        )
