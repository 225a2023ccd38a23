"""The layers of a network, each fitted apart: here, in processes beside it, or on a cluster."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import CausalHyperError, ConfigurationError
from causalhyper.granger.choice.counts import NothingVariesError
from causalhyper.granger.choice.cross_validation import choose_by_cross_validation
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso.arguments import check_progress, check_whole
from causalhyper.granger.lasso.columns import ColumnBlocks
from causalhyper.notebook import Shown
from causalhyper.parallel import Engine, Place, Reply, replies
from causalhyper.parallel.packing import TooLargeError, pack
from causalhyper.progress import Progress, track

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Problem = GrangerDesign | tuple[ColumnBlocks, Array]
"""Both sides of a regression, with or without labels of the columns."""
LayerDesign = Problem | Callable[[], Problem]
"""The same, or what opens it where it is fitted."""
Choose = Callable[[ColumnBlocks, Array], PenaltyChoice]
Answer = tuple[PenaltyChoice, pd.DataFrame, list[tuple[type[Warning], str]]]
"""A choice, what it keeps, and its warnings, to be given in the process that asked for it."""
LARGEST = 64 * 2**20
"""Bytes of a design that travels to a worker."""


class LayerFailedError(CausalHyperError):
    """The fit of a layer raised an error, or its worker died; the message names the layer."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerChoices(Shown):
    """The choice of every layer.

    Attributes
    ----------
    choices : mapping of str to PenaltyChoice
        By layer, in the order of the designs.
    kept : mapping of str to pandas.DataFrame
        What each keeps: column, index (of the parameter or unit in its layer), feature,
        coefficient and entry; a design without labels has its columns' numbers as index.
    """

    choices: Mapping[str, PenaltyChoice]
    kept: Mapping[str, pd.DataFrame]

    def __getitem__(self, layer: str) -> PenaltyChoice:
        return self.choices[layer]

    def to_frame(self) -> pd.DataFrame:
        """One row a kept column: layer, index, feature, column, coefficient, entry.

        ``entry`` is the largest penalty of the grid at which the column is in.
        """
        frames = [
            frame if "layer" in frame else frame.assign(layer=name)
            for name, frame in self.kept.items()
        ]
        order = ["layer", "index", "feature", "column", "coefficient", "entry"]
        return pd.concat(frames, ignore_index=True)[order]

    def _overview(self) -> pd.DataFrame:
        return self.penalties()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of the columns of each layer that is kept."""
        from causalhyper.figures.kept_shares import plot_kept_shares

        frame = self.penalties()
        shares = frame["kept"] / frame["width"]
        drawn = frame.assign(share_kept=shares, collapsed=frame["kept"] == 0)
        return plot_kept_shares(drawn, of="columns", ax=ax)

    def penalties(self) -> pd.DataFrame:
        """One row a layer, with what was chosen and why.

        Columns layer, rows, width, lambda, kept, gap, r2_in, r2_out, se, converged, reason.
        """
        return pd.DataFrame(
            [
                {"layer": layer, "rows": c.path.rows, "width": c.path.width}
                | c.table.iloc[c.at].drop(["ebic"]).to_dict()
                | {"kept": len(c.columns), "converged": bool(c.path.converged[c.at])}
                | {"reason": c.reason}
                for layer, c in self.choices.items()
            ]
        )

    def summary(self) -> str:
        """Say what each layer keeps; the last line is the whole."""
        lines = []
        for layer, choice in self.choices.items():
            *_, outcome = choice.summary().splitlines()
            still = " No column varies with y." if choice.lambda_ == 0 else ""
            lines.append(f"{layer}: {outcome}{still}")
        kept = sum(len(choice.columns) for choice in self.choices.values())
        width = sum(choice.path.width for choice in self.choices.values())
        lines.append(f"{kept} of {width} columns are kept in {len(self.choices)} layers.")
        return "\n".join(lines)


def fit_layers(
    designs: Mapping[str, LayerDesign],
    choose: Choose = choose_by_cross_validation,
    *,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> LayerChoices:
    """Fit each layer apart, on the engines that sweeps run on.

    Every fit has one thread, so that results are the same bytes on every engine with any number
    of workers.

    Parameters
    ----------
    designs : mapping of str to GrangerDesign or (ColumnBlocks, ndarray), or to a callable
        By layer, a design (`granger_design` makes such a mapping), columns and response, or what
        opens either without arguments in the worker. Designs travel by their path: a trajectory
        store does, and a whole array mapped from a file (`numpy.load` with ``mmap_mode="r"``).
        Every worker must see the file. A design of more than 64 MB that has none is refused.
    choose : callable
        Called with design and response: any of the ways to choose, with their settings by
        `functools.partial`.
    workers : int, optional
        Layers at once, each in a process with one thread; None for one, or for all that a cluster
        has. With 1 and no engine, the fits are made in this process.
    engine : {"processes", "loky", "joblib", "dask", "ray"}, optional
        "processes" beside this one; "loky"; what ``joblib.parallel_config`` says; or the cluster
        of the current ``distributed.Client``, or the one that ``ray.init`` has joined.
    progress : callable, optional
        Called with the share of the layers that are fitted.

    Returns
    -------
    LayerChoices

    Raises
    ------
    ConfigurationError
        If there is no layer, a large design would have to travel, or the engine is not there.
    LayerFailedError
        If a fit fails; the others are ended.

    Warns
    -----
    RuntimeWarning
        If no column of a layer varies with the response: `choose_by_count` then keeps nothing
        of it, and the others are fitted.
    EngineError
        If the engine itself breaks three times in a row.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> from causalhyper.granger.choice import choose_by_count
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> designs = {}
    >>> for name in ("conv", "fc"):
    ...     x = rng.normal(size=(40, 100))
    ...     designs[name] = DenseColumns(x), x[:, 7] - x[:, 9]
    >>> found = fit_layers(designs, partial(choose_by_count, kept=2))
    >>> found.to_frame()[["layer", "column"]].to_numpy().tolist()
    [['conv', 7], ['conv', 9], ['fc', 7], ['fc', 9]]
    """
    if not isinstance(designs, Mapping):
        raise ConfigurationError(
            "expected designs by layer, such as {'net': design} for one of a whole network; got "
            f"{type(designs).__name__}"
        )
    if not designs:
        raise ConfigurationError("there is no layer to fit; expected one design at least")
    if not callable(choose):
        raise ConfigurationError(
            f"choose must be a way to choose, such as choose_by_ebic; got {choose!r:.60}"
        )
    check_progress(progress)
    if workers is not None:
        check_whole(workers=workers)
    place = Place(engine, workers)
    layers = list(designs)
    packs = [designs[name] if place.is_here else _packed(name, designs[name]) for name in layers]
    tasks = [(design, choose) for design in packs]
    found: dict[str, PenaltyChoice] = {}
    kept: dict[str, pd.DataFrame] = {}
    with closing(replies(_fit_layer, tasks, place)) as outcomes:
        for number, reply in track(outcomes, len(layers), progress):
            name = layers[number]
            found[name], kept[name] = _settle(name, reply)
    return LayerChoices({n: found[n] for n in layers}, {n: kept[n] for n in layers})


def _packed(layer: str, design: LayerDesign) -> bytes:
    try:
        return pack(design, at_most=LARGEST)
    except TooLargeError as error:
        raise ConfigurationError(
            f"the design of layer {layer!r} holds more than {LARGEST >> 20} MB, too much to send "
            "to another process: map it from a file (numpy.load with mmap_mode='r'), or give a "
            "function that opens it"
        ) from error


def _fit_layer(design: LayerDesign | bytes, choose: Choose) -> Answer:
    """Open a design and fit it, with the warnings that were given."""
    given = pickle.loads(design) if isinstance(design, bytes) else design
    opened = given() if callable(given) else given
    columns, y = _sides(opened)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        choice = _chosen(choose, columns, y)
    if not isinstance(choice, PenaltyChoice):
        raise ConfigurationError(f"choose must return a PenaltyChoice; got {choice!r}")
    kept = choice.selected()
    if isinstance(opened, GrangerDesign):
        kept = opened.labels(choice.columns).merge(kept, on="column")
    else:
        kept = kept.assign(index=kept["column"], feature="")
    return choice, kept, [(warning.category, str(warning.message)) for warning in caught]


def _chosen(choose: Choose, columns: ColumnBlocks, y: Array) -> object:
    """Choose; of a layer that did not move, nothing."""
    try:
        return choose(columns, y)
    except NothingVariesError as error:
        if error.choice is None:
            raise
        warnings.warn(error.choice.reason, RuntimeWarning, stacklevel=2)
        return error.choice


def _sides(opened: Problem) -> tuple[ColumnBlocks, Array]:
    if isinstance(opened, GrangerDesign):
        return opened.columns, opened.y
    if not isinstance(opened, tuple | list) or len(opened) != 2:
        raise ConfigurationError(
            f"expected a GrangerDesign, or columns and response; got {type(opened).__name__}"
        )
    columns, y = opened
    return columns, y


def _settle(layer: str, reply: Reply) -> tuple[PenaltyChoice, pd.DataFrame]:
    if reply.error is not None:
        advice = ": was memory short?" if reply.died else ""
        cause = reply.cause
        if cause is None and reply.trace:
            cause = LayerFailedError(f"in the worker process:\n{reply.trace}")
        raise LayerFailedError(
            f"the fit of layer {layer!r} failed: {reply.error}{advice}"
        ) from cause
    choice, kept, told = cast(Answer, reply.value)
    for category, message in told:
        warnings.warn(f"layer {layer!r}: {message}", category, stacklevel=3)
    return choice, kept
