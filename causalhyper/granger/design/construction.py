"""Designs from trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args, overload

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.design.columns import change_columns
from causalhyper.granger.design.design import GrangerDesign, Scaling
from causalhyper.granger.design.features import Features, take_means
from causalhyper.granger.design.layer_sets import LayerChoice, LayerSets, choose_sets
from causalhyper.granger.design.records import (
    Recorded,
    StepRecord,
    common_layers,
    name_of,
    open_records,
)
from causalhyper.granger.design.response import (
    Response,
    check_response,
    learning_rates,
    response_of,
)
from causalhyper.granger.design.rows import RunRows, choose_rows
from causalhyper.granger.design.units import Share, joint_units, unit_sums
from causalhyper.granger.lasso.arguments import check_flags
from causalhyper.granger.lasso.columns import ColumnBlocks, DenseColumns


@overload
def granger_design(
    trajectory: Recorded | Sequence[Recorded],
    *,
    scope: Literal["layer"] = ...,
    layers: LayerChoice | None = ...,
    features: Features = ...,
    share: Share | None = ...,
    scaling: Scaling = ...,
    response: Response = ...,
    steps: slice = ...,
    centre: bool = ...,
) -> dict[str, GrangerDesign]: ...


@overload
def granger_design(
    trajectory: Recorded | Sequence[Recorded],
    *,
    scope: Literal["network"],
    layers: LayerChoice | None = ...,
    features: Features = ...,
    share: Share | None = ...,
    scaling: Scaling = ...,
    response: Response = ...,
    steps: slice = ...,
    centre: bool = ...,
) -> GrangerDesign: ...


def granger_design(
    trajectory: Recorded | Sequence[Recorded],
    *,
    scope: Literal["layer", "network"] = "layer",
    layers: LayerChoice | None = None,
    features: Features = "squares",
    share: Share | None = None,
    scaling: Scaling = "none",
    response: Response = "same_minibatch",
    steps: slice = slice(None),
    centre: bool = False,
) -> dict[str, GrangerDesign] | GrangerDesign:
    r"""Make the regression of loss changes on parameter changes from what a training recorded.

    Row t is a step, with :math:`y_t` the change of the loss and :math:`x_{tk} = \Delta_{tk}^2`
    the squared change of parameter k.

    Parameters
    ----------
    trajectory : Trajectory, path, ArrayTrajectory, or sequence of these
        A training; or several of the same layers, whose rows stand one after another.
    scope : {"layer", "network"}
        A design a layer, or one of all layers side by side.
    layers : str, sequence of str, or mapping of str to sequence of str, optional
        Names, or patterns such as ``*.weight``; all that were recorded unless given. With `share`
        a mapping names sets of layers that share their units, such as ``{"fc": ["fc.weight",
        "fc.bias"]}``.
    features : {"squares", "momentum"}
        One column a parameter; or three, :math:`\Delta_t^2, \Delta_{t-1}^2,
        \Delta_t \Delta_{t-1}`, side by side, for training with momentum. The first recorded step
        then has no row.
    share : {"output", "input"} or mapping of str to array_like of int, optional
        Sum columns over structural units: those of the first axis (output channels, filters,
        neurons), the second (input channels), or given labels of the parameters, by layer, counted
        from 0. A unit has one coefficient.
    scaling : {"none", "learning_rate"}
        Features as they are, or row t divided by its learning rate: plain SGD then has
        coefficients near -1 whatever the schedule. (Norms of columns are a matter of the solver:
        ``standardise``.)
    response : {"same_minibatch", "next_minibatch", "full", "residual"}
        The loss change, see `loss_changes`. With "next_minibatch" the last recorded step has no
        row.
    steps : slice
        Which of the recorded steps are rows, such as ``slice(100, None, 5)``.
    centre : bool
        Take from X and y their means in each training: an intercept a training, where one for all
        would take differences between trainings for effects.

    Returns
    -------
    dict of str to GrangerDesign, or GrangerDesign
        By layer (or set of layers) for scope "layer"; one for "network".

    Raises
    ------
    ConfigurationError
        If a name is unknown, trajectories have different layers, another loss or no learning
        rate was recorded, or a step that is needed lies between those that were recorded.
    DataError
        If a store is damaged, there are fewer than two rows, or a loss or change is not finite;
        the message names the step.

    Notes
    -----
    Columns are computed in the precision of the record (float32 or float64), in blocks that a
    processor's cache holds, from one reading of the store in the order in which it lies. Its files
    are memory-mapped: nothing is held but a block, and a store must not be cut (by resuming it
    with ``keep=``) while it is read. Checksums are compared once. The first columns of each layer
    are read at once, for the unit of their squares. Sums over units are made at once, in float64,
    and held.

    Source: the model is that of causal pruning, with the loss of the same minibatch unless asked
    for otherwise.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from causalhyper.granger.design import ArrayTrajectory
    >>> changes = np.array([[[0.1, 0.2]], [[0.0, 0.3]], [[0.4, 0.1]]])
    >>> frame = pd.DataFrame({"loss": [2.0, 1.5, 1.0], "loss_after": [1.5, 1.0, 0.75]})
    >>> design = granger_design(ArrayTrajectory({"fc": changes}, frame))["fc"]
    >>> design.shape, design.y.tolist(), design.labels([1]).to_dict("records")
    ((3, 2), [-0.5, -0.5, -0.25], [{'column': 1, 'layer': 'fc', 'index': 1, 'feature': 'square'}])
    """
    _check_options(scope, features, scaling, response)
    check_flags(centre=centre)
    records = open_records(trajectory)
    sets = choose_sets(common_layers(records), layers, shared=share is not None)
    rows = [
        choose_rows(
            record,
            steps,
            momentum=features == "momentum",
            following=response == "next_minibatch",
        )
        for record in records
    ]
    sides = _sides(records, rows, features, scaling, response, centre)
    if scope == "network":
        return _design(sides, sets, share)
    return {name: _design(sides, {name: found}, share) for name, found in sets.items()}


def _check_options(scope: str, features: str, scaling: str, response: str) -> None:
    allowed = (
        ("scope", scope, ("layer", "network")),
        ("features", features, get_args(Features)),
        ("scaling", scaling, get_args(Scaling)),
    )
    for name, value, known in allowed:
        if not isinstance(value, str) or value not in known:
            raise ConfigurationError(
                f"{name} must be {' or '.join(map(repr, known))}; got {value!r}"
            )
    check_response(response)


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """What all designs of a call have in common."""

    runs: tuple[RunRows, ...]
    names: tuple[str, ...]
    y: Array
    rates: Array | None
    features: Features
    scaling: Scaling
    response: Response
    centred: bool


def _sides(
    records: Sequence[StepRecord],
    runs: Sequence[RunRows],
    features: Features,
    scaling: Scaling,
    response: Response,
    centre: bool,
) -> _Sides:
    pieces = [response_of(run.record, run.rows, response) for run in runs]
    if centre:
        for piece in pieces:
            take_means(piece[:, None])
    rates = None
    if scaling == "learning_rate":
        rates = np.concatenate([learning_rates(run.record, run.rows) for run in runs])
    names = tuple(name_of(record) for record in records)
    y = np.concatenate(pieces)
    return _Sides(tuple(runs), names, y, rates, features, scaling, response, centre)


def _design(sides: _Sides, sets: LayerSets, share: Share | None) -> GrangerDesign:
    columns, sizes = _plain(sides, sets) if share is None else _shared(sides, sets, share)
    kind = share if isinstance(share, str | None) else "labels"
    return GrangerDesign(
        columns=columns,
        y=sides.y,
        layers=tuple(sets),
        sizes=sizes,
        features=sides.features,
        share=kind,
        scaling=sides.scaling,
        response=sides.response,
        centred=sides.centred,
        runs=sides.names,
        edges=np.cumsum([0, *map(len, sides.runs)]),
        steps=np.concatenate([run.numbers for run in sides.runs]),
    )


def _plain(sides: _Sides, sets: LayerSets) -> tuple[ColumnBlocks, tuple[int, ...]]:
    """A column a parameter and feature."""
    layers = [layer for (layer,) in sets.values()]
    columns = change_columns(
        sides.runs, layers, features=sides.features, rates=sides.rates, centred=sides.centred
    )
    return columns, tuple(layer.size for layer in layers)


def _shared(sides: _Sides, sets: LayerSets, share: Share) -> tuple[ColumnBlocks, tuple[int, ...]]:
    """A column a unit and feature."""
    units = {name: joint_units(name, layers, share) for name, layers in sets.items()}
    runs = [len(run) for run in sides.runs] if sides.centred else None
    sums = []
    for name, layers in sets.items():
        parts = [
            change_columns(sides.runs, [layer], features=sides.features, rates=sides.rates)
            for layer in layers
        ]
        sums.append(unit_sums(parts, units[name], runs=runs))
    return DenseColumns(np.hstack(sums)), tuple(units[name][0].count for name in sets)
