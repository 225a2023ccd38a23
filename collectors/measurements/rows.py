"""A row of the runs frame from a trained network: chosen measurements under known columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data
from collectors.calls import Loss
from collectors.measurements.known import MEASUREMENTS
from collectors.measurements.measurement import Measurement, Row
from collectors.measurements.trained import Trained
from collectors.model_state import Mode

DEFAULT = ("generalization", "noise", "norms", "margin", "counts")
"""Measurements that every classifier without batch normalisation in train mode admits."""


def measure_run(
    model: nn.Module,
    loss: Loss,
    train: Data,
    test: Data,
    *,
    what: str | Measurement | Sequence[str | Measurement] = DEFAULT,
    generator: torch.Generator,
    mode: Mode = "eval",
    batch_size: int | None = None,
    start: Mapping[str, Tensor] | None = None,
) -> Row:
    """Measure a network, and return a row of the runs frame.

    Parameters
    ----------
    model : Module
        A classifier whose output is logits of shape (n, classes).
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    train, test : tuple (inputs, labels), or iterable of such
        Both sets, each one batch, or batches that can be iterated again.
    what : str, Measurement, or sequence of them
        Names of `MEASUREMENTS`, or measurements of your own.
    generator : Generator
        One number is drawn from it. Every measurement has a generator of its own from that
        number, so that its result does not depend on what else is measured.
    mode : {"eval", "train", "as_found"}
        Mode in which gradient noise is measured; all else is measured in eval mode.
    batch_size : int, optional
        B of training; with it the noise measurements give ``grad_noise``, the trace of the
        covariance of the gradient of B examples drawn without replacement.
    start : mapping of str to Tensor, optional
        Parameters before training, from ``copy_parameters``: for "distance", and as reference of
        "normalized_margin".

    Returns
    -------
    dict
        Numbers and labels by known column, in the order of `what`; NaN for what is not finite.
        Add ``run_id``, treatment and context yourself.

    Raises
    ------
    ConfigurationError
        If a measurement is unknown, comes twice or fills a column that another fills, the data
        can be iterated only once, or a measurement cannot be taken of this network.

    Notes
    -----
    ``margin``, ``input_margin`` and ``normalized_margin`` are (lower) medians over the training
    set. What is measured is the network as it is given: a mediator of an effect on the test
    accuracy must be measured before the accuracy comes about, as after a quarter, a half and
    three quarters of the updates, by calls of their own.

    "curvature" fills ``sharpness``, the largest eigenvalue of the mean training loss's Hessian
    (a Lanczos value, with the residual that certifies it), ``hessian_trace`` (99 products, with
    its standard error over probes) and ``sam_sharpness`` (one step of radius 0.05). For other
    options make a `Measurement` of your own.

    Cost: the sum of the measurements'; scores and margins are taken once.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> data = [(torch.eye(2), torch.tensor([0, 1]))]
    >>> loss = nn.CrossEntropyLoss(reduction="none")
    >>> row = measure_run(model, loss, data, data, what="counts", generator=torch.Generator())
    >>> row
    {'n_parameters': 6, 'n_trainable': 6, 'n_nonzero': 6}
    """
    several = [what] if isinstance(what, str | Measurement) else what
    chosen = [_named(one) for one in several]
    _check(chosen)
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    run = Trained(model, loss, train, test, seed, mode, batch_size, start)
    row: Row = {}
    for one in chosen:
        found = one.take(run)
        if not found.keys() <= set(one.columns):
            raise ConfigurationError(
                f"measurement {one.name!r} gave {sorted(found)}; it declares {sorted(one.columns)}"
            )
        row |= {column: _finite(value) for column, value in found.items()}
    return row


def _named(one: str | Measurement) -> Measurement:
    if isinstance(one, Measurement):
        return one
    if one not in MEASUREMENTS:
        raise ConfigurationError(
            f"unknown measurement {one!r}; expected one of {', '.join(MEASUREMENTS)}"
        )
    return MEASUREMENTS[one]


def _check(chosen: Sequence[Measurement]) -> None:
    owner: dict[str, str] = {}
    for one in chosen:
        for column in one.columns:
            if column in owner:
                raise ConfigurationError(
                    f"measurements {owner[column]!r} and {one.name!r} both fill {column!r}: "
                    "choose one of them"
                )
            owner[column] = one.name


def _finite(value: object) -> object:
    """Return the value, NaN for infinity: a measurement that could not be taken."""
    return math.nan if isinstance(value, float) and not math.isfinite(value) else value
