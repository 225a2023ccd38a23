"""All tests of layers, joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.folds import Folds
from causalhyper.granger.design import GrangerDesign, granger_design
from causalhyper.granger.design.records import Recorded
from causalhyper.granger.design.units import Share
from causalhyper.granger.lasso.arguments import check_generator
from causalhyper.granger.lasso.columns import host_blocks
from causalhyper.granger.significance.layers import layer_tests, movement_increment
from causalhyper.granger.significance.layers.forward import training_folds
from causalhyper.granger.significance.report.ahead import predict_ahead
from causalhyper.granger.significance.report.entries import Choose, EntryChoice, default_choice
from causalhyper.granger.significance.report.joining import LayerSelection, join_layers
from causalhyper.granger.significance.report.result import Diagnosis
from causalhyper.granger.significance.report.verdict import Rule
from causalhyper.granger.significance.shifts import shift_test, shifted_selection
from causalhyper.granger.significance.stability import selection_frequency
from causalhyper.parallel import Engine
from causalhyper.progress import Progress, split_progress

ASSUMPTIONS = (
    "a loss change is a smooth trend plus a smooth spread times a stationary remainder, which may "
    "be rotated in its training",
    "its errors given the movements of all layers are an autoregression of smooth spread",
    "a layer that moves with one that acts goes with the loss too: nothing here says what would "
    "happen if it were held still",
)
STILL = "never moved: nothing is said of it"
Layers = Mapping[str, GrangerDesign]
HELD = 2**28
"""Bytes of a layer that is held in memory while it is selected from in this process."""


def diagnose(
    designs: Layers | GrangerDesign | Recorded | Sequence[Recorded],
    *,
    rng: np.random.Generator,
    share: Share | None = None,
    select: Choose | None = None,
    folds: int = 5,
    blocks: int = 20,
    pairs: int = 10,
    shifts: int | None = None,
    reruns: int = 19,
    degrees: int = 8,
    draws: int = 399,
    alpha: float = 0.05,
    level: float = 0.95,
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Diagnosis:
    """Join what can be known of each layer: is it selected for more than chance and movement.

    Each layer is selected from; later steps are predicted; the selection is made again on half
    samples and on rotated losses; every entry, and the layer, is held against rotated losses; its
    movement is tested given the other layers; and coefficients of its own are held against its
    total movement.

    Parameters
    ----------
    designs : mapping of str to GrangerDesign, GrangerDesign, or trajectories
        One layer a design, as `granger_design` makes them; or what it makes them from, with its
        defaults. Designs of units (``share``) are tested by unit, of momentum by triple.
    rng : numpy.random.Generator
        Each layer and test has a stream of its own.
    share : {"output", "input"} or mapping, optional
        With trajectories: see `granger_design`.
    select : callable, optional
        Given columns and response, a `PenaltyChoice`: any of the ways to choose, with its settings
        by `functools.partial`. Unless given a lasso keeps one column for ten steps, and a quarter
        of the columns at most (`default_choice`).
    folds : int
        Blocks of later steps that are predicted, in each training.
    blocks, pairs : int
        Of `selection_frequency`.
    shifts : int, optional
        Rotations of `shift_test`; all of one training, or 999, unless given.
    reruns : int
        Rotations for which the whole selection is made again.
    degrees : int
        Of the trend of a loss change, see `shift_test`.
    draws : int
        Of the bootstrap of `layer_tests`; half as many of that of `movement_increment`.
    alpha, level : float
        Size of each question for all layers together; level of the intervals.
    workers, engine
        Of the selections, see `selection_frequency`. The bytes of the result do not depend on
        them.
    progress : callable, optional
        Called with the share of the work done.

    Returns
    -------
    Diagnosis
        Of the layers that moved; a caution names the others.

    Raises
    ------
    ConfigurationError
        If designs do not belong together, have several layers, or a number means nothing.
    DataError
        If a value is not finite, no layer moved, or there are too few steps for so many layers.

    Notes
    -----
    The design is read once by each of `shift_test`, `layer_tests` and `movement_increment`; the
    selection is made 1 + folds + 2 pairs + 1 + reruns times, and reads it as often as its path
    does. A layer of at most 256 MB is held in memory meanwhile, one at a time; a larger one, or
    one that other processes select from, is read from where it lies.

    Examples
    --------
    >>> import pandas as pd
    >>> from causalhyper.granger.design import ArrayTrajectory
    >>> rng = np.random.default_rng(0)
    >>> moves = {"conv": rng.normal(size=(120, 8)), "fc": rng.normal(size=(120, 12))}
    >>> after = -(moves["fc"] ** 2).sum(axis=1) + rng.normal(size=120)
    >>> steps = pd.DataFrame({"loss": 0.0, "loss_after": after}, index=range(120))
    >>> found = diagnose(ArrayTrajectory(moves, steps), rng=rng, pairs=4, draws=99)
    >>> [found.reading(layer) for layer in ("conv", "fc")]
    ['no sign', 'movement']
    """
    check_generator(rng, needed=True)
    _check(alpha, level, reruns, draws)
    layers, still = _moved(_layers(designs, share))
    first = next(iter(layers.values()))
    stages = split_progress(progress, _stages(layers))
    shift_rng, seeds, *streams = rng.spawn(2 + len(layers))
    seed = int(seeds.integers(2**32))
    told = stages["shift"]
    tested = shift_test(
        layers, shifts=shifts, degrees=degrees, alpha=alpha, rng=shift_rng, progress=told
    )
    others = None
    if len(layers) > 1:
        others = layer_tests(layers, draws=draws, alpha=alpha, seed=seed)
    stages["others"](1.0)
    half = max(1, draws // 2)
    increments = movement_increment(
        layers, folds=folds, draws=half, alpha=alpha, level=level, seed=seed
    )
    stages["increment"](1.0)
    plan = _Plan(training_folds(first.edges, folds), blocks, pairs, reruns, degrees)
    selections = {
        name: _select(design, select, plan, (workers, engine), own, stages[f"layer {name}"])
        for (name, design), own in zip(layers.items(), streams, strict=True)
    }
    return Diagnosis(
        layers=join_layers(selections, tested, others, increments),
        rule=Rule(alpha),
        rows=len(first.y),
        trainings=len(first.edges) - 1,
        level=level,
        entries="parameters" if first.share is None else "units",
        cautions=(*(f"{name} {STILL}" for name in still), *tested.reading.warnings()),
        assumptions=ASSUMPTIONS,
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """How often each selection is made again."""

    folds: Folds
    blocks: int
    pairs: int
    reruns: int
    degrees: int


def _select(
    design: GrangerDesign,
    select: Choose | None,
    plan: _Plan,
    place: tuple[int | None, Engine | None],
    rng: np.random.Generator,
    progress: Progress,
) -> LayerSelection:
    """Select from a layer by all steps, earlier ones, halves, and rotated losses."""
    choose = EntryChoice(select or default_choice(design), design.groups)
    stages = split_progress(progress, {"one": 0.15, "halves": 0.4, "rotated": 0.45})
    halves_rng, rotated_rng = rng.spawn(2)
    workers, engine = place
    rows, count = design.shape
    if (
        engine is None
        and workers in (None, 1)
        and rows * count * design.columns.dtype.itemsize <= HELD
    ):
        design = design.held()
    choice, ahead = choose(design.columns, design.y), predict_ahead(design, choose, plan.folds)
    stages["one"](1.0)
    halves = selection_frequency(
        design,
        select=choose,
        rng=halves_rng,
        blocks=plan.blocks,
        gap=int(design.features == "momentum"),
        pairs=plan.pairs,
        workers=workers,
        engine=engine,
        progress=stages["halves"],
    )
    rotated = shifted_selection(
        design,
        choose,
        shifts=plan.reruns,
        degrees=plan.degrees,
        rng=rotated_rng,
        workers=workers,
        engine=engine,
        progress=stages["rotated"],
    )
    return LayerSelection(choice, ahead, halves, rotated)


def _layers(
    designs: Layers | GrangerDesign | Recorded | Sequence[Recorded], share: Share | None
) -> dict[str, GrangerDesign]:
    """One design a layer."""
    if isinstance(designs, GrangerDesign):
        found = {designs.layers[0]: designs}
    elif isinstance(designs, Mapping):
        found = dict(designs)
    else:
        return granger_design(designs, share=share)
    if share is not None:
        raise ConfigurationError(
            "designs know what they share: give share=... to granger_design, which makes them"
        )
    if not found:
        raise ConfigurationError("there is no design: pass one at least")
    for name, design in found.items():
        if not isinstance(design, GrangerDesign) or len(design.layers) != 1:
            raise ConfigurationError(
                f"expected a GrangerDesign of one layer for {name!r}: make them by "
                "granger_design(..., scope='layer')"
            )
    # tests name a layer as the design does, or as the mapping where these differ
    return {name: replace(design, layers=(name,)) for name, design in found.items()}


def _moved(layers: dict[str, GrangerDesign]) -> tuple[dict[str, GrangerDesign], list[str]]:
    """Set aside the layers that never moved, of which no test says anything."""
    found = {
        name: design
        for name, design in layers.items()
        if any(block.any() for _, block in host_blocks(design.columns))
    }
    if not found:
        raise DataError(
            f"no layer moved ({', '.join(layers)}): there is nothing to select from; record steps "
            "of training"
        )
    return found, [name for name in layers if name not in found]


def _check(alpha: float, level: float, reruns: int, draws: int) -> None:
    if not (0 < alpha < 1 and 0 < level < 1 and reruns >= 1 and draws >= 1):
        raise ConfigurationError(
            "expected alpha and level in (0, 1), and a rerun and a draw at least; got "
            f"{alpha:g}, {level:g}, {reruns} and {draws}"
        )


def _stages(layers: Layers) -> dict[str, float]:
    """Shares of the work: selections take most of it, by the width of their layers."""
    widths = {name: design.shape[1] for name, design in layers.items()}
    each = {f"layer {name}": 0.8 * p / sum(widths.values()) for name, p in widths.items()}
    return {"shift": 0.1, "others": 0.05, "increment": 0.05, **each}
