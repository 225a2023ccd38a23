"""What a step did to the loss: the response of the regression."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design.records import Recorded, StepRecord, name_of, open_records
from causalhyper.granger.design.rows import choose_rows

Response = Literal["same_minibatch", "next_minibatch", "full", "residual"]
NEEDED: dict[Response, tuple[str, ...]] = {
    "same_minibatch": ("loss", "loss_after"),
    "next_minibatch": ("loss",),
    "full": ("loss", "loss_after"),
    "residual": ("loss", "loss_after", "grad_norm", "learning_rate"),
}
"""Columns of the steps frame that each response is computed from."""


def loss_changes(record: Recorded, kind: Response = "same_minibatch") -> Array:
    r"""Return what each step did to the loss.

    Parameters
    ----------
    record : Trajectory, path or ArrayTrajectory
        A training of T recorded steps.
    kind : {"same_minibatch", "next_minibatch", "full", "residual"}
        * same_minibatch: loss after the step less before it, on the step's own minibatch.
        * next_minibatch: loss of the next minibatch less that of this one, each before its step,
          as in the paper of causal pruning. Two minibatches differ, so that most of it is not
          the step's doing.
        * full: loss after less before, of all data or a fixed part of them: what ``record(...,
          probe=)`` recorded.
        * residual: same_minibatch less its first-order prediction :math:`-\eta \|g\|^2`.

    Returns
    -------
    ndarray, shape (T,), or (T - 1,) for "next_minibatch"

    Raises
    ------
    ConfigurationError
        If the kind is unknown, or another loss was recorded than it needs.
    DataError
        If a loss is missing or not finite.

    Notes
    -----
    The prediction of "residual" holds for plain SGD (no momentum, weight decay, clipping or
    second group of parameters) with all trained parameters recorded; all but clipping is checked
    by the settings that ``record`` stores.

    Examples
    --------
    >>> from causalhyper.granger.design import ArrayTrajectory
    >>> frame = pd.DataFrame({"loss": [2.0, 1.0, 1.5], "loss_after": [1.25, 0.5, 1.0]})
    >>> run = ArrayTrajectory({"fc": np.ones((3, 1))}, frame)
    >>> loss_changes(run).tolist(), loss_changes(run, "next_minibatch").tolist()
    ([-0.75, -0.5, -0.5], [-1.0, 0.5])
    """
    check_response(kind)
    following = kind == "next_minibatch"
    (opened,) = open_records([record])
    chosen = choose_rows(opened, slice(None), momentum=False, following=following)
    return response_of(opened, chosen.rows, kind)


def check_response(kind: str) -> None:
    """Refuse an unknown kind."""
    if not isinstance(kind, str) or kind not in get_args(Response):
        raise ConfigurationError(
            f"response must be one of {', '.join(map(repr, get_args(Response)))}; got {kind!r}"
        )


def response_of(record: StepRecord, rows: range, kind: Response) -> Array:
    """Return the loss change of some rows of the steps frame.

    Parameters
    ----------
    record : StepRecord
        The training.
    rows : range
        Each followed by a further step where the kind is "next_minibatch".
    kind : str
        As `loss_changes` has it.

    Returns
    -------
    ndarray, shape (rows,)
        Loss changes.

    Raises
    ------
    ConfigurationError
        If another loss was recorded.
    DataError
        If a number is missing or not finite in these rows.
    """
    _check_loss(record, kind)
    frame = record.steps
    if kind == "next_minibatch":
        before, after = (
            numbers(record, "loss", range(rows.start + k, rows.stop + k, rows.step), kind)
            for k in (0, 1)
        )
        return after - before
    found = {name: numbers(record, name, rows, kind) for name in NEEDED[kind] if name in frame}
    for name in NEEDED[kind]:
        if name not in found:
            raise _missing(record, name, kind)
    change = found["loss_after"] - found["loss"]
    if kind == "residual":
        _check_first_order(record)
        change = change + found["learning_rate"] * found["grad_norm"] ** 2
    return change


def learning_rates(record: StepRecord, rows: range) -> Array:
    """Return the learning rate of some rows, from the steps frame or the settings.

    Parameters
    ----------
    record : StepRecord
        The training.
    rows : range
        Rows of its steps frame.

    Returns
    -------
    ndarray, shape (rows,)
        Each above zero.

    Raises
    ------
    ConfigurationError
        If none was recorded, or groups of parameters have different ones.
    DataError
        If one is not above zero.
    """
    groups = record.settings.get("groups")
    rates = {group.get("lr") for group in groups} if isinstance(groups, list) else set()
    if len(rates) > 1:
        raise ConfigurationError(
            f"run {name_of(record)!r} has groups of parameters with different learning rates: "
            "scale by one of them yourself, or use scaling='none'"
        )
    if "learning_rate" in record.steps:
        found = numbers(record, "learning_rate", rows, "scaling='learning_rate'")
    else:
        rate = record.settings.get("learning_rate")
        if not isinstance(rate, int | float) or isinstance(rate, bool):
            raise ConfigurationError(
                f"run {name_of(record)!r} has no learning rate, neither as a column of its steps "
                "frame nor as the setting 'learning_rate': record it, or use scaling='none'"
            )
        found = np.full(len(rows), float(rate))
    bad = np.flatnonzero(~(found > 0) | ~np.isfinite(found))
    if len(bad):
        step = record.steps["step"].iloc[rows[int(bad[0])]]
        raise DataError(
            f"a row is divided by its learning rate, which is {found[bad[0]]:g} in step {step} of "
            f"run {name_of(record)!r}: leave that step out, or use scaling='none'"
        )
    return found


def numbers(record: StepRecord, name: str, rows: range, use: str) -> Array:
    """Return a column of the steps frame in some rows, all finite.

    Parameters
    ----------
    record : StepRecord
        The training.
    name : str
        The column.
    rows : range
        Rows of its steps frame.
    use : str
        What it is for, to be said where it is not there.

    Returns
    -------
    ndarray, shape (rows,)
        The values.

    Raises
    ------
    DataError
        If it is not there, or a value is missing or not finite; the message names the step.
    """
    frame = record.steps
    if name not in frame:
        raise _missing(record, name, use)
    column = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    values = column[np.asarray(rows)]
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        row = rows[int(bad[0])]
        raise DataError(
            f"{use} needs a finite {name!r}; step {frame['step'].iloc[row]} of run "
            f"{name_of(record)!r} has {frame[name].iloc[row]} ({len(bad)} such steps): leave "
            "them out by steps=, or record them"
        )
    return values


def _missing(record: StepRecord, name: str, use: str) -> DataError:
    return DataError(
        f"{use} needs the column {name!r} of the steps frame; run {name_of(record)!r} lacks it: "
        "record it with every step"
    )


def _check_loss(record: StepRecord, kind: Response) -> None:
    """Refuse a recorded loss of another kind than the response is made of."""
    recorded = record.settings.get("loss")
    if not isinstance(recorded, str):
        return
    if recorded == "none":
        raise ConfigurationError(
            f"run {name_of(record)!r} recorded no loss (losses='none'): record one"
        )
    probed = recorded.startswith("probe")
    if probed and kind != "full":
        raise ConfigurationError(
            f"run {name_of(record)!r} recorded the loss of a {recorded}, not of minibatches: use "
            f"response='full'; got {kind!r}"
        )
    if not probed and kind == "full":
        raise ConfigurationError(
            f"run {name_of(record)!r} recorded the loss of its minibatches: record with probe= "
            "(the loss of all data, or of a fixed part) for response='full'"
        )


def _check_first_order(record: StepRecord) -> None:
    """Refuse a training whose steps are not minus the rate times the gradient of all it moves."""
    settings = record.settings
    groups: Any = settings.get("groups")
    recorded = sum(layer.size for layer in record.layers)
    plain = (
        settings.get("optimizer") == "SGD"
        and isinstance(groups, list)
        and len(groups) == 1
        and not any(groups[0].get(k) for k in ("momentum", "weight_decay", "maximize"))
        and groups[0].get("parameters") == recorded
    )
    if not plain:
        raise ConfigurationError(
            "response='residual' needs a training by plain SGD (no momentum or weight decay, one "
            "group) recorded by collectors.recording.record with all trained parameters; run "
            f"{name_of(record)!r} is none, or its settings do not say so"
        )
