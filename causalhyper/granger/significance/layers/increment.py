"""Does the regression on the loss say more than how far weights moved."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.choice.folds import Folds
from causalhyper.granger.ridge.spectrum import orthonormal, predicted
from causalhyper.granger.significance.layers.aggregates import LayerRows, read_layers
from causalhyper.granger.significance.layers.forward import (
    clark_west,
    diebold_mariano,
    forward_predictions,
    training_folds,
)
from causalhyper.granger.significance.layers.increment_result import (
    LayerIncrement,
    MovementIncrement,
)
from causalhyper.granger.significance.layers.inputs import Designs, sources_of
from causalhyper.granger.significance.layers.score_test import score_test
from causalhyper.granger.significance.layers.wald import dependent_weights
from causalhyper.inference import adjust_p_values

NUMBERS = (
    "r2_out", "increment", "lower", "upper", "statistic", "p", "p_clark_west", "p_in"
)  # fmt: skip


def movement_increment(
    designs: Designs,
    y: ArrayLike | None = None,
    *,
    edges: ArrayLike | None = None,
    shared: Literal["layer", "network"] = "layer",
    standardise: bool = False,
    folds: int = 5,
    inner: int = 4,
    draws: int = 199,
    block: int | None = None,
    alpha: float = 0.05,
    level: float = 0.95,
    seed: int = 0,
) -> MovementIncrement:
    r"""Test whether parameters have coefficients of their own, or share one.

    By Taylor's theorem the loss change of a step of plain gradient descent on its own minibatch is
    nearly :math:`-\sum_k \Delta_k^2 / \eta`: one coefficient for all, and the regression says
    how far weights moved. For each layer, the total movements with shared coefficients are held
    against the same with a ridge-penalised deviation for each column of the layer. Later steps are
    predicted from earlier ones, the penalty chosen within these, also "none of the deviations".

    Parameters
    ----------
    designs : GrangerDesign, ColumnBlocks, or a mapping of either by layer
        Of the same rows; each is read once.
    y : array_like, shape (T,), optional
        Loss changes, with columns that have none.
    edges : array_like of int, optional
        Rows where trainings begin, and T, with columns; a `GrangerDesign` knows them.
    shared : {"layer", "network"}
        Whether the hypothesis has one coefficient a layer, or one for all.
    standardise : bool
        Whether deviations are penalised alike for standardised columns, rather than for squares.
        Standard deviations are then those of all rows.
    folds, inner : int
        Blocks of each training that are predicted, each from what comes before it in every
        training; and blocks that choose the penalty of each.
    draws, block : int
        Of the bootstrap; the block is sqrt(T) steps unless given.
    alpha, level : float
        Size of the verdicts, and level of the intervals.
    seed : int
        Of the bootstrap; each layer has a stream of its own.

    Returns
    -------
    MovementIncrement
        A layer that never moved has no numbers, and is not among those adjusted for.

    Raises
    ------
    ConfigurationError
        If designs do not belong together, or a number means nothing.
    DataError
        If a value is not finite, no layer moved, or there are too few steps for so many layers.

    Notes
    -----
    The statistic is the share of the shared fit's squared prediction errors that the deviations
    remove. Its p-value holds it against responses of the shared fit plus its residuals times
    dependent weights (Shao 2010), each fitted and predicted anew, penalties too. Beside it stand
    Clark and West's statistic against Student's t, which rejects a true hypothesis too often here,
    and a score test in sample. A null that turns residuals in time rejects far too often, because
    residuals and columns fall together.

    Examples
    --------
    >>> from causalhyper.granger.lasso.columns import DenseColumns
    >>> rng = np.random.default_rng(0)
    >>> x = rng.chisquare(1, size=(120, 30))
    >>> noise = 0.1 * rng.normal(size=120)
    >>> movement_increment(DenseColumns(x), noise - x.sum(axis=1)).to_frame()["kept"].tolist()
    [0]
    >>> movement_increment(DenseColumns(x), noise - 2 * x[:, :15].sum(axis=1))["design"].q
    0.005
    """
    sources, response, ends = sources_of(designs, y, edges)
    rows = len(response)
    length = block or round(rows**0.5)
    _check(shared, draws, length, rows, alpha, level)
    cut = training_folds(ends, folds)
    layers = [
        layer
        for source in sources
        for layer in read_layers(source, gram=True, standardise=standardise)
    ]
    moved = [layer for layer in layers if layer.totals.any()]
    if not moved:
        raise DataError(
            f"no layer moved in {rows} steps ({', '.join(x.name for x in layers)}): there is "
            "nothing to hold a loss change against; record steps of training"
        )
    totals = np.column_stack([layer.totals for layer in moved])
    base = np.column_stack([np.ones(rows), totals if shared == "layer" else totals.sum(axis=1)])
    streams = np.random.default_rng(seed).spawn(len(layers))
    found = [
        _layer(layer, response, base, (cut, ends), inner, (draws, length, level), rng)
        if layer.totals.any()
        else dict.fromkeys(NUMBERS, float("nan"))
        for layer, rng in zip(layers, streams, strict=True)
    ]
    adjusted = adjust_p_values([float(x["p"]) for x in found], "holm")
    inside, outside = _explained(response, base, cut)
    return MovementIncrement(
        layers=tuple(
            LayerIncrement(layer=layer.name, n=layer.size, q=float(q), **x)
            for layer, x, q in zip(layers, found, adjusted, strict=True)
        ),
        shared=shared,
        coefficients=_by_layer(_coefficients(response, base), layers, shared),
        r2_shared_in=inside,
        r2_shared_out=outside,
        rows=rows,
        predicted=sum(len(ahead) for _, ahead in cut),
        alpha=alpha,
        level=level,
        draws=draws,
        block=length,
    )


def _layer(
    layer: LayerRows,
    y: Array,
    base: Array,
    parts: tuple[Folds, Codes],
    inner: int,
    numbers: tuple[int, int, float],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Numbers of one layer, but for its name and q."""
    assert layer.gram is not None
    draws, block, level = numbers
    cut, edges = parts
    basis = orthonormal(base)
    fit = basis @ (basis.T @ y)
    weights = dependent_weights(edges, block, draws, rng)
    responses = np.column_stack([y, fit[:, None] + (y - fit)[:, None] * weights])
    ahead = np.concatenate([block for _, block in cut])
    order = np.argsort(ahead)
    found = forward_predictions(layer.gram, responses, base, cut, inner, edges)
    (small, large), came = found[:, order], responses[ahead[order]]
    ends = np.searchsorted(ahead[order], edges)
    removed = 1 - ((came - large) ** 2).sum(axis=0) / ((came - small) ** 2).sum(axis=0)
    larger = int((removed[1:] >= removed[0]).sum())
    peer = clark_west(came[:, 0], small[:, 0], large[:, 0], ends)
    gain = diebold_mariano(came[:, 0], small[:, 0], large[:, 0], ends)
    whole = _about_the_past(y, cut)
    lower, upper = (x / whole for x in gain.interval(level))
    inside = score_test(
        layer.gram, y, base, null="wild", draws=draws, block=block, rng=rng, edges=edges
    )
    return {
        "r2_out": 1 - float(np.mean((came[:, 0] - large[:, 0]) ** 2)) / whole,
        "increment": gain.mean / whole,
        "lower": lower,
        "upper": upper,
        "statistic": float(removed[0]),
        "p": (1 + larger) / (1 + draws),
        "p_clark_west": peer.p_value,
        "p_in": inside.p_value,
    }


def _by_layer(
    coefficients: tuple[float, ...], layers: list[LayerRows], shared: str
) -> tuple[float, ...]:
    """Put NaN where a layer never moved."""
    if shared == "network":
        return coefficients
    left = iter(coefficients)
    return tuple(next(left) if layer.totals.any() else float("nan") for layer in layers)


def _explained(y: Array, base: Array, cut: Folds) -> tuple[float, float]:
    """Share of the loss change that the base explains, in and out of sample."""
    basis = orthonormal(base)
    inside = 1 - float(np.sum((y - basis @ (basis.T @ y)) ** 2) / np.sum((y - y.mean()) ** 2))
    none = np.zeros((len(y), len(y)))
    left = [
        y[ahead] - predicted(none, y, base, learn, ahead, np.array([np.inf]))[0]
        for learn, ahead in cut
    ]
    return inside, 1 - float(np.mean(np.concatenate(left) ** 2)) / _about_the_past(y, cut)


def _about_the_past(y: Array, cut: Folds) -> float:
    """Mean squared error of predicting each block by the mean of the steps before it."""
    return float(
        np.concatenate([(y[ahead] - y[learn].mean()) ** 2 for learn, ahead in cut]).mean()
    )


def _coefficients(y: Array, base: Array) -> tuple[float, ...]:
    lengths = np.linalg.norm(base, axis=0)
    scale = np.where(lengths > 0, lengths, 1.0)
    found = np.linalg.lstsq(base / scale, y, rcond=None)[0] / scale
    return tuple(float(c) for c in found[1:])


def _check(shared: str, draws: int, block: int, rows: int, alpha: float, level: float) -> None:
    good = shared in ("layer", "network") and draws >= 1 and 1 <= block < rows
    if not (good and 0 < alpha < 1 and 0 < level < 1):
        raise ConfigurationError(
            "expected shared 'layer' or 'network', a draw at least, a block shorter than the "
            f"{rows} steps, alpha and level in (0, 1); got {shared!r}, {draws}, {block}, {alpha} "
            f"and {level}"
        )
