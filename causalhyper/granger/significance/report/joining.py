"""From the tests of all layers to a row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.significance.layers import LayerTests, MovementIncrement
from causalhyper.granger.significance.report.ahead import Ahead
from causalhyper.granger.significance.report.result import LayerDiagnosis, LayerEntries
from causalhyper.granger.significance.shifts import LayerShifts, ShiftedSelection, ShiftTest
from causalhyper.granger.significance.stability import SelectionFrequencies


@dataclass(frozen=True, slots=True, eq=False)
class LayerSelection:
    """The selection of one layer, and what it is read against.

    Attributes
    ----------
    choice : PenaltyChoice
        Its columns are numbers of entries.
    ahead : Ahead
        Of later steps.
    halves : SelectionFrequencies
        In half samples.
    rotated : ShiftedSelection
        Of rotated losses.
    """

    choice: PenaltyChoice
    ahead: Ahead
    halves: SelectionFrequencies
    rotated: ShiftedSelection


def join_layers(
    selections: Mapping[str, LayerSelection],
    shifts: ShiftTest,
    others: LayerTests | None,
    increments: MovementIncrement,
) -> tuple[LayerDiagnosis, ...]:
    """Put what was found of each layer side by side.

    Parameters
    ----------
    selections : mapping of str to LayerSelection
        By layer.
    shifts : ShiftTest
        Of all layers.
    others : LayerTests or None
        None with one layer, which has no others.
    increments : MovementIncrement

    Returns
    -------
    tuple of LayerDiagnosis
        In the order of the selections.
    """
    p_values = loss_p_values(shifts)
    found = []
    for at, (name, selection) in enumerate(selections.items()):
        choice, halves, rotated = selection.choice, selection.halves, selection.rotated
        layer, increment = shifts[name], increments[name]
        entries = _entries(choice.columns, layer, halves, rotated, shifts.reading.alpha)
        outcomes = rotated.to_frame().set_index("outcome").loc["r2_in"].to_dict()
        largest, _ = layer.of_layer()
        found.append(
            LayerDiagnosis(
                layer=name,
                n=len(layer.p),
                kept=len(choice.columns),
                lambda_=choice.lambda_,
                r2_in=float(outcomes["observed"]),
                r2_out=selection.ahead.r2,
                r2_out_se=selection.ahead.se,
                null_r2_in=float(outcomes["expected"]),
                p_r2_in=float(outcomes["p"]),
                null_kept=float(rotated.nulls["kept"].mean()),
                statistic=float(largest[0]),
                expected=float(largest[1:].mean()),
                p=float(p_values[0][at]),
                q=float(p_values[1][at]),
                beyond=int((layer.p_stepdown <= shifts.reading.alpha).sum()),
                frequency=_mean(entries.frequency[entries.kept]),
                jaccard=halves.jaccard,
                stability=halves.stability,
                q_others=others[name].q if others is not None else float("nan"),
                increment=increment.increment,
                lower=increment.lower,
                upper=increment.upper,
                q_increment=increment.q,
                entries=entries,
            )
        )
    return tuple(found)


def loss_p_values(shifts: ShiftTest) -> tuple[Array, Array]:
    """Test layers by their largest statistic and their sum of squares, both by rotations.

    Parameters
    ----------
    shifts : ShiftTest

    Returns
    -------
    p, q : ndarray, shape (layers,)
        Twice the smaller of the two p-values: of the layer alone, and by the maximum over all
        layers, of statistics in units of their spread over the rotations.
    """
    kinds = zip(*(layer.of_layer() for layer in shifts.layers), strict=True)
    alone, family = [], []
    for values in kinds:
        scaled = np.array([_scaled(each) for each in values])
        alone.append(_shares(scaled, scaled))
        family.append(_shares(scaled, np.broadcast_to(scaled.max(axis=0), scaled.shape)))
    p, q = (np.minimum(1.0, 2 * np.min(each, axis=0)) for each in (alone, family))
    return p, q


def _scaled(values: Array) -> Array:
    spread = float(values[1:].std())
    return (values - values[1:].mean()) / (spread if spread > 0 else 1.0)


def _shares(values: Array, nulls: Array) -> Array:
    """Share of the rotations, with the loss itself, that reach the first value of each row."""
    room = 1e-5 * (1 + np.abs(values[:, :1]))
    reached = np.count_nonzero(nulls[:, 1:] >= values[:, :1] - room, axis=1)
    return np.asarray((1 + reached) / nulls.shape[1])


def _entries(
    kept: Codes,
    layer: LayerShifts,
    halves: SelectionFrequencies,
    rotated: ShiftedSelection,
    alpha: float,
) -> LayerEntries:
    """Entries that are kept, or beyond the cutoff."""
    index = np.union1d(kept, np.flatnonzero(layer.p_stepdown <= alpha)).astype(np.intp)
    frequency = np.zeros(len(layer.p))
    frequency[halves.labels["column"].to_numpy(dtype=np.intp)] = halves.frequency
    return LayerEntries(
        index=index,
        kept=np.isin(index, kept),
        statistic=layer.statistic[index],
        p=layer.p[index],
        q=layer.p_stepdown[index],
        frequency=frequency[index],
        null_frequency=rotated.counts[index] / len(rotated.moves),
    )


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else float("nan")
