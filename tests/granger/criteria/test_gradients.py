"""Claims about criteria of first and second order: closed forms, dense inverses, recursion."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import (
    Evidence,
    Obd,
    Taylor,
    WoodFisher,
    compensated_weights,
    named,
)
from causalhyper.granger.masks import Masks

SHAPES = {"conv": (3, 2, 2), "fc": (4, 5)}


def drawn(count, *, unit=1.0, seed=0, dtype=float):
    """Weights, and correlated minibatch gradients."""
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    mix = {n: rng.normal(size=(np.prod(s), np.prod(s))) for n, s in SHAPES.items()}
    rows = [
        {
            n: (unit * (0.3 + mix[n] @ rng.normal(size=np.prod(s))).reshape(s)).astype(dtype)
            for n, s in SHAPES.items()
        }
        for _ in range(count)
    ]
    return weights, rows


def evidence(weights, rows, *, masks=None, share=None):
    return Evidence(
        weights={name: np.zeros_like(w) for name, w in weights.items()},
        collected=weights,
        masks=masks or Masks.all_kept(SHAPES),
        rng=np.random.default_rng(0),
        gradients=lambda count: iter(rows[:count]),
        share=share,
    )


def stacked(rows, name):
    return np.array([row[name].ravel() for row in rows])


def dense_fisher(rows, name, block, damping, masks=None):
    """Blocks of the damped empirical Fisher information, from its definition."""
    g = stacked(rows, name)
    if masks is not None:
        g = g * masks.kept[name].ravel()
    fisher = g.T @ g / len(g)
    where = np.arange(len(fisher)) // block
    fisher[where[:, None] != where[None]] = 0
    return fisher + damping * np.eye(len(fisher))


def mean_diagonal(rows, masks=None):
    kept = Masks.all_kept(SHAPES) if masks is None else masks
    squares = sum(
        ((stacked(rows, n) * kept.kept[n].ravel()) ** 2).mean(axis=0).sum() for n in SHAPES
    )
    return squares / sum(kept.layer_counts().values())


def recursion(rows, name, block, damping):
    """Woodbury's recursion, one gradient at a time: equation 9 of Singh and Alistarh."""
    g = stacked(rows, name)
    size, count = g.shape[1], len(g)
    inverse = np.eye(size) / damping
    where = np.arange(size) // block
    for own in range(where[-1] + 1):
        at = np.flatnonzero(where == own)
        part = inverse[np.ix_(at, at)]
        for gradient in g[:, at]:
            towards = part @ gradient
            part = part - np.outer(towards, towards) / (count + gradient @ towards)
        inverse[np.ix_(at, at)] = part
    return inverse


@pytest.mark.parametrize(("count", "block"), [(30, 4), (30, 7), (3, 8), (3, 50), (12, 12)])
@pytest.mark.parametrize("unit", [1.0, 1e-9])
def test_woodfisher_scores_are_those_of_dense_inverses_and_of_the_recursion(count, block, unit):
    weights, rows = drawn(count, unit=unit)
    found = WoodFisher(minibatches=count, block=block, damping=1e-2).scores(
        evidence(weights, rows)
    )
    damping = 1e-2 * mean_diagonal(rows)
    for name, w in weights.items():
        dense = np.linalg.inv(dense_fisher(rows, name, block, damping))
        np.testing.assert_allclose(found[name].ravel(), w.ravel() ** 2 / 2 / dense.diagonal())
        steps = recursion(rows, name, block, damping).diagonal()
        np.testing.assert_allclose(found[name].ravel(), w.ravel() ** 2 / 2 / steps)


def test_blocks_of_one_parameter_are_the_damped_diagonal():
    weights, rows = drawn(20)
    found = WoodFisher(minibatches=20, block=1, damping=1e-3).scores(evidence(weights, rows))
    damping = 1e-3 * mean_diagonal(rows)
    for name, w in weights.items():
        diagonal = np.mean([row[name] ** 2 for row in rows], axis=0)
        np.testing.assert_allclose(found[name], w**2 / 2 * (diagonal + damping))


def test_many_blocks_are_worked_through_in_parts(monkeypatch):
    weights, rows = drawn(6)
    whole = WoodFisher(minibatches=6, block=3).scores(evidence(weights, rows))
    monkeypatch.setattr("causalhyper.granger.criteria.block_fisher.WORK", 60)
    parts = WoodFisher(minibatches=6, block=3).scores(evidence(weights, rows))
    for name in SHAPES:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-12)


def test_a_damping_near_rounding_leaves_scores_below_the_diagonal_estimate():
    weights, rows = drawn(5)
    found = WoodFisher(minibatches=5, block=20, damping=1e-15).scores(evidence(weights, rows))
    for name, w in weights.items():
        diagonal = np.mean([row[name] ** 2 for row in rows], axis=0)
        assert (found[name] <= w**2 / 2 * diagonal * (1 + 1e-9)).all()
        assert (found[name] >= 0).all()


def test_what_is_pruned_takes_no_part_in_a_block():
    weights, rows = drawn(30)
    masks = Masks({n: np.random.default_rng(3).random(s) < 0.6 for n, s in SHAPES.items()})
    given = evidence(weights, rows, masks=masks)
    found = WoodFisher(minibatches=30, block=6, damping=1e-2).scores(given)
    damping = 1e-2 * mean_diagonal(rows, masks)
    for name, w in weights.items():
        kept = masks.kept[name].ravel()
        fisher = dense_fisher(rows, name, 6, damping, masks)[np.ix_(kept, kept)]
        expected = w.ravel()[kept] ** 2 / 2 / np.linalg.inv(fisher).diagonal()
        np.testing.assert_allclose(found[name].ravel()[kept], expected)
        assert not found[name].ravel()[~kept].any()


def test_removing_one_weight_moves_the_others_as_optimal_brain_surgeon_does():
    weights, rows = drawn(40)
    masks = Masks.all_kept(SHAPES)
    masks.kept["fc"][1, 2] = False
    criterion = WoodFisher(minibatches=40, block=10, damping=1e-2)
    found = compensated_weights(evidence(weights, rows), masks, criterion)
    inverse = np.linalg.inv(dense_fisher(rows, "fc", 10, 1e-2 * mean_diagonal(rows)))
    step = -weights["fc"][1, 2] * inverse[:, 7] / inverse[7, 7]
    np.testing.assert_allclose(found["fc"].ravel(), weights["fc"].ravel() + step, atol=1e-12)
    np.testing.assert_allclose(found["conv"], weights["conv"])
    assert found["fc"][1, 2] == 0


def test_removing_several_weights_loses_as_little_as_any_weights_of_the_same_support_do():
    weights, rows = drawn(40)
    rng = np.random.default_rng(5)
    before = Masks({n: rng.random(s) < 0.9 for n, s in SHAPES.items()})
    after = Masks({n: before.kept[n] & (rng.random(s) < 0.5) for n, s in SHAPES.items()})
    criterion = WoodFisher(minibatches=40, block=8, damping=1e-2)
    given = evidence(weights, rows, masks=before)
    found = compensated_weights(given, after, criterion)
    damping = 1e-2 * mean_diagonal(rows, before)
    for name, w in weights.items():
        was, kept = before.kept[name].ravel(), after.kept[name].ravel()
        fisher = dense_fisher(rows, name, 8, damping, before)[np.ix_(was, was)]
        left, start = kept[was], w.ravel()[was]
        new = found[name].ravel()[was]
        assert not found[name].ravel()[~kept].any()
        gradient = fisher @ (new - start)
        np.testing.assert_allclose(gradient[left], 0, atol=1e-10 * np.abs(fisher).max())
        loss = (new - start) @ gradient
        plain = np.where(left, start, 0) - start
        assert loss < plain @ fisher @ plain


def test_taylor_is_exact_for_a_loss_that_is_linear():
    weights, _ = drawn(1)
    slope = {name: np.random.default_rng(1).normal(size=s) for name, s in SHAPES.items()}
    noise = np.random.default_rng(2).normal(size=8)
    rows = [{n: g + e for n, g in slope.items()} for e in noise - noise.mean()]
    found = Taylor(minibatches=8).scores(evidence(weights, rows))
    units = Taylor(minibatches=8).scores(evidence(weights, rows, share="output"))

    def loss(name, w):
        return (slope[name] * w).sum()

    for name, w in weights.items():
        for index in np.ndindex(w.shape):
            without = w.copy()
            without[index] = 0
            change = abs(loss(name, without) - loss(name, w))
            assert found[name][index] == pytest.approx(change, rel=1e-9)
        for unit in range(len(w)):
            without = w.copy()
            without[unit] = 0
            change = abs(loss(name, without) - loss(name, w))
            assert units[name][unit] == pytest.approx(change, rel=1e-9)


def test_obd_is_half_the_squared_weight_times_the_mean_squared_gradient():
    weights, rows = drawn(25, dtype=np.float32)
    found = Obd(minibatches=25).scores(evidence(weights, rows))
    units = Obd(minibatches=25).scores(evidence(weights, rows, share="output"))
    for name, w in weights.items():
        expected = (
            w**2 / 2 * (stacked(rows, name).astype(float) ** 2).mean(axis=0).reshape(w.shape)
        )
        np.testing.assert_allclose(found[name], expected)
        np.testing.assert_allclose(units[name], expected.reshape(len(w), -1).sum(axis=1))


def test_the_mean_is_over_the_minibatches_that_came():
    weights, rows = drawn(10)
    for kind in (Taylor, Obd):
        ten = kind(minibatches=10).scores(evidence(weights, rows))
        more = kind(minibatches=50).scores(evidence(weights, rows))
        assert all((ten[name] == more[name]).all() for name in SHAPES)


@pytest.mark.parametrize("name", ["taylor", "obd", "woodfisher"])
def test_gradients_that_say_nothing_are_refused(name):
    weights, rows = drawn(4)
    criterion = named(name, minibatches=4)
    assert criterion.needs.gradients == 4
    with pytest.raises(ConfigurationError, match="minibatches=0"):
        named(name, minibatches=0)
    with pytest.raises(ConfigurationError, match="got none"):
        criterion.scores(evidence(weights, []))
    with pytest.raises(ConfigurationError, match="every layer in its shape"):
        criterion.scores(evidence(weights, [{"fc": rows[0]["fc"]}]))
    rows[2]["fc"][0, 0] = np.nan
    with pytest.raises(DataError, match="minibatch 3 has others in layer 'fc'"):
        criterion.scores(evidence(weights, rows))


def test_woodfisher_refuses_what_has_no_inverse_and_masks_that_revive():
    weights, rows = drawn(4)
    for options in ({"block": 0}, {"damping": 0.0}, {"damping": np.inf}):
        with pytest.raises(ConfigurationError, match="damping is above zero"):
            WoodFisher(**options)
    still = [{name: np.zeros(shape) for name, shape in SHAPES.items()}]
    with pytest.raises(DataError, match="are zero: there is no Fisher"):
        WoodFisher().scores(evidence(weights, still))
    before = Masks.all_kept(SHAPES)
    before.kept["fc"][0] = False
    with pytest.raises(ConfigurationError, match="keep nothing that was pruned before"):
        compensated_weights(evidence(weights, rows, masks=before), Masks.all_kept(SHAPES))
