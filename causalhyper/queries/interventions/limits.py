"""Limits of intervals of what cannot take every value: spreads, densities, probabilities."""

from __future__ import annotations

from typing import Literal

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.inference import Bands, proportion_interval
from causalhyper.queries.experiments.uncertainty import Uncertainty

LimitScale = Literal["plain", "positive", "log", "logit"]


def find_limits(
    estimate: Array, found: Bands, spread: Uncertainty, scale: LimitScale
) -> tuple[Array, Array, Array, Array]:
    """Pointwise and simultaneous limits within what the quantities can be.

    Parameters
    ----------
    estimate : ndarray, shape (q,)
    found : Bands
        Of the quantities as they are.
    spread : Uncertainty
    scale : {"plain", "positive", "log", "logit"}
        What t intervals are made on: the quantities, cut at 0 if positive, their logarithms, or,
        for probabilities, their logits. Limits of other kinds are taken as they are, cut at 0,
        or at 0 and 1; a probability that no replicate moves has the exact binomial interval
        under every kind.

    Returns
    -------
    lower, upper, joint_lower, joint_upper : ndarray, shape (q,)
    """
    single, joint = (found.lower, found.upper), (found.joint_lower, found.joint_upper)
    if scale == "log" and spread.symmetric:
        return *_multiply(estimate, found.upper), *_multiply(estimate, found.joint_upper)
    if scale != "plain":
        top = 1.0 if scale == "logit" else np.inf
        single, joint = (
            (np.clip(low, 0.0, top), np.clip(high, 0.0, top)) for low, high in (single, joint)
        )
    if scale == "logit":
        made = proportion_interval(
            estimate, found.se, df=found.df, level=spread.level, clusters=spread.clusters
        )
        asked = is_exact(estimate, found, spread, scale) | spread.symmetric
        single = (np.where(asked, made[0], single[0]), np.where(asked, made[1], single[1]))
    return *single, *joint


def is_exact(estimate: Array, found: Bands, spread: Uncertainty, scale: LimitScale) -> Flags:
    """Which estimates are probabilities whose interval is the exact binomial one.

    Shape (q,): those that no replicate moves, and, where t intervals are made, 0 and 1, which
    have no logit.
    """
    if scale != "logit":
        return np.zeros(len(estimate), dtype=np.bool_)
    certain = (estimate <= 0) | (estimate >= 1)
    exact: Flags = (found.se == 0) | (certain & spread.symmetric)
    return exact


def describe_scale(spread: Uncertainty, scale: LimitScale, *, exact: bool) -> str:
    """What the scale adds to the description of an interval."""
    if exact:
        return "; exact binomial interval, clusters as trials"
    names = {"logit": "logistic", "log": "logarithmic"}
    return f" on the {names[scale]} scale" if spread.symmetric and scale in names else ""


def _multiply(estimate: Array, upper: Array) -> tuple[Array, Array]:
    """Symmetric intervals made multiplicative."""
    live = estimate > 0
    factor = np.exp(np.where(live, (upper - estimate) / np.where(live, estimate, 1.0), 0.0))
    return estimate / factor, estimate * factor
