"""Claims about criteria from loss series: a quadratic loss whose saliencies are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion, Lamp, Magnitude
from causalhyper.granger.criteria.adaptive import Adaptive
from causalhyper.granger.criteria.attributed import FreshGain, SecantSaliency
from causalhyper.granger.criteria.loss_series import past_values
from causalhyper.granger.criteria.partial_fit import partial_fit
from causalhyper.granger.criteria.series_criteria import SeriesSlope, SharedSlope, SketchedSlope
from causalhyper.granger.masks import Masks
from tests.granger.criteria.excited import (
    SHAPES,
    excited_training,
    loss_series,
    series_evidence,
)
from tests.granger.criteria.planted import flat

CRITERIA = [
    SeriesSlope(), SeriesSlope(ranked="slope"), SeriesSlope(ranked="f", past=2),
    SeriesSlope(shrunk=True), SeriesSlope(response="fresh", within_layer=False),
    SharedSlope(), SharedSlope(by="layer"), SharedSlope(calibrated=True), SketchedSlope(),
    SecantSaliency(), FreshGain(), FreshGain(squared=False), Adaptive(SecantSaliency()),
]  # fmt: skip


@pytest.fixture(scope="module")
def training():
    return excited_training()


@pytest.fixture(scope="module")
def evidence(training):
    return series_evidence(training)


def order(found, wanted):
    return spearmanr(found, wanted).statistic


def saliency(training):
    return 0.5 * training.h * training.weights**2


# what the slopes estimate


def test_the_slope_of_the_residual_is_half_the_curvature_with_errors_that_are_right(training):
    fit = partial_fit(*joint_sums(training), ("one",))
    away = (fit.coefficients[0] - training.h / 2) / fit.errors
    assert (np.abs(away) < 4.5).all()
    # the mean of 24 squared normals
    assert 0.3 < (away**2).mean() < 2.0


def joint_sums(training, response="residual"):
    """All parameters as one layer."""
    held = loss_series(training)
    layers = list(held.layers.values())
    return replace(
        layers[0].sums,
        crossed=np.concatenate([s.sums.crossed for s in layers], axis=-1)[:, :1],
        squares=np.concatenate([s.sums.squares for s in layers], axis=-1)[:1, :1],
    ), response


def test_the_slope_of_the_loss_change_as_it_is_is_swamped_by_the_step_size(training):
    fit = partial_fit(*joint_sums(training, "same"), ("one",))
    away = (fit.coefficients[0] - (training.h / 2 - 1e3)) / fit.errors
    assert (np.abs(away) < 4.5).all()
    assert np.abs(training.h / 2).max() < 0.02 * 1e3


def test_on_a_fresh_minibatch_near_the_minimum_the_slope_is_half_the_curvature_too(training):
    fit = partial_fit(*joint_sums(training, "fresh"), ("one",))
    assert (np.abs(fit.coefficients[0] - training.h / 2) < 4.5 * fit.errors).all()
    # but the fresh minibatch's own gradient makes its errors larger than the signal
    assert np.median(fit.errors / training.h) > 3


def test_a_rate_that_all_share_biases_slopes_unless_the_movement_of_the_layer_is_taken_out():
    training = excited_training(spread=5.0, steps=8000)
    evidence = series_evidence(training)
    raw = SeriesSlope(within_layer=False, ranked="slope").scores(evidence)
    held = SeriesSlope(ranked="slope").scores(evidence)
    half = training.h / 2
    biased, error = (np.median(np.abs(flat(f) - half) / half) for f in (raw, held))
    assert biased > 5 * error


# what they are for


def test_slopes_of_the_residual_find_the_order_of_the_saliencies_where_movement_does_not(
    training, evidence
):
    wanted = saliency(training)
    moved = training.squares.sum(axis=0)
    assert order(moved, wanted) < -0.5
    assert order(moved * training.weights**2, wanted) < 0
    for criterion in (SeriesSlope(), SecantSaliency()):
        assert order(flat(criterion.scores(evidence)), wanted) > 0.9
    assert order(flat(SecantSaliency().scores(evidence)), wanted) == pytest.approx(1)
    same = SeriesSlope(response="same", within_layer=False)
    assert order(flat(same.scores(evidence)), wanted) < 0.8


def test_noise_and_varied_rates_leave_the_order_to_be_found():
    for options in ({"noise": 3.0}, {"spread": 3.0}, {"noise": 3.0, "spread": 3.0}):
        training = excited_training(seed=1, steps=2500, **options)
        evidence = series_evidence(training)
        found = flat(SeriesSlope().scores(evidence))
        assert order(found, saliency(training)) > 0.85


def test_a_shifted_loss_leaves_nothing_to_be_found(training):
    sums, _ = joint_sums(training)
    fit = partial_fit(sums, "residual@300", ("one",))
    assert (np.abs(fit.coefficients[0] / fit.errors) < 4.5).all()
    real = partial_fit(sums, "residual", ("one",))
    assert real.f_statistics.max() > 20 * fit.f_statistics.max()


@pytest.mark.slow
def test_over_many_trainings_a_shifted_loss_finds_no_order():
    found = []
    for seed in range(20):
        training = excited_training(seed=seed, steps=1500)
        scores = SeriesSlope(response="residual@300", ranked="slope", within_layer=False).scores(
            series_evidence(training)
        )
        # the size of an error goes with the movement, so slopes are held against it
        moved = training.squares.std(axis=0)
        found.append(order(flat(scores) * moved, training.h))
    assert abs(np.mean(found)) < 3.5 * np.std(found) / np.sqrt(20)


def test_granger_f_of_a_past_movement_is_found_given_the_losses_own_past():
    training = excited_training(steps=1500)
    rng = np.random.default_rng(0)
    echo = 0.9 * np.roll(training.squares[:, 7], 1)
    own = training.losses["same"] - training.first_order
    noise = own.std() * rng.normal(size=len(own))
    training.losses["same"][:] = training.first_order + noise + echo / echo.std() * own.std()
    scores = SeriesSlope(ranked="f", past=2, within_layer=False).scores(series_evidence(training))
    assert flat(scores).argmax() == 7
    now = SeriesSlope(ranked="slope", past=2, within_layer=False).scores(series_evidence(training))
    moved = training.squares.std(axis=0)
    assert (flat(now) * moved)[7] < 0.5 * (flat(scores)[7] ** 0.5) * own.std()


# shared slopes


def units_training(**options):
    """Curvatures that the parameters of a unit share."""
    h = np.concatenate([np.repeat([16.0, 0.25, 4.0, 1.0], 5), [0.5, 8.0, 2.0, 20.0]])
    return excited_training(h=h, **options)


def test_units_that_share_a_curvature_are_found_from_few_steps():
    training = units_training(steps=60)
    evidence = series_evidence(training)
    shared = flat(SharedSlope().scores(evidence))
    own = flat(SeriesSlope().scores(evidence))
    wanted = saliency(training)
    assert order(shared, wanted) > 0.9
    assert order(shared, wanted) > order(own, wanted) + 0.05
    # eight slopes of exact sums from sixty steps: next to no error
    np.testing.assert_allclose(shared, wanted, rtol=0.3, atol=0.1 * wanted.max())


def test_a_layers_slope_is_that_of_least_squares(training, evidence):
    found = SharedSlope(by="layer").scores(evidence)
    x = training.squares
    columns = np.column_stack([np.ones(len(x)), x[:, :20].sum(axis=1), x[:, 20:].sum(axis=1)])
    y = training.losses["same"] - training.first_order
    slopes = np.linalg.lstsq(columns / np.abs(columns).max(0), y, rcond=None)[0]
    slopes = slopes / np.abs(columns).max(0)
    for i, layer in enumerate(SHAPES):
        weights = evidence.weights[layer]
        np.testing.assert_allclose(found[layer], np.abs(slopes[1 + i]) * weights**2, rtol=1e-6)


def test_calibrated_slopes_correct_fisher_information_that_is_off_by_a_factor_a_unit():
    """Here the squared gradient of a unit is its curvature over a factor of the unit's own."""
    training = units_training(steps=3000)
    evidence = series_evidence(training)
    fisher = training.squares.sum(axis=0) * training.weights**2
    found = flat(SharedSlope(calibrated=True).scores(evidence))
    assert order(fisher, saliency(training)) < 0
    assert order(found, saliency(training)) > 0.9


def test_sketched_slopes_find_the_order(training, evidence):
    series = loss_series(training, repeats=40)
    found = flat(SketchedSlope().scores(replace(evidence, series=series)))
    assert order(found, saliency(training)) > 0.8


# all of them


@pytest.mark.parametrize("share", [None, "output"])
@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda c: f"{c.name}-{id(c) % 97}")
def test_scores_are_finite_not_negative_in_shape_and_zero_where_pruned(
    criterion, share, training, evidence
):
    masks = Masks({n: np.random.default_rng(4).random(s) < 0.6 for n, s in SHAPES.items()})
    masks.kept["fc"][2] = False
    given = replace(evidence, masks=masks, share=share)
    assert isinstance(criterion, Criterion)
    assert criterion.needs.series or criterion.needs.attribution
    scores = criterion.scores(given)
    assert list(scores) == list(SHAPES)
    for layer, kept in given.entries.kept.items():
        assert scores[layer].shape == kept.shape
        assert np.isfinite(scores[layer]).all()
        assert (scores[layer] >= 0).all()
        assert not scores[layer][~kept].any()
        assert scores[layer][kept].any()


def test_criteria_say_what_they_lack(evidence):
    bare = replace(evidence, series=None)
    for criterion in CRITERIA:
        with pytest.raises(ConfigurationError, match=r"needs (series of the loss|gradients)"):
            criterion.scores(bare)
    series = evidence.series
    thin = {
        name: replace(layer, attribution=None, units=None, sketched=None)
        for name, layer in series.layers.items()
    }
    poor = replace(evidence, series=replace(series, layers=thin))
    for criterion, what in (
        (SecantSaliency(), "gradients before and after"),
        (FreshGain(), "gradients on a fresh minibatch"),
        (SharedSlope(), "movements of units"),
        (SketchedSlope(), "needs sketches"),
    ):
        with pytest.raises(ConfigurationError, match=what):
            criterion.scores(poor)
    with pytest.raises(ConfigurationError, match="series 'loss' was not summed"):
        SeriesSlope(response="loss").scores(evidence)
    with pytest.raises(ConfigurationError, match="series 'loss' was not recorded"):
        SharedSlope(response="loss").scores(evidence)
    other = Masks.all_kept({"fc": (4, 5), "head": (5, 1)})
    weights = {n: np.ones(s) for n, s in other.shapes.items()}
    with pytest.raises(ConfigurationError, match="sums of the 5 parameters of layer 'head'"):
        SeriesSlope().scores(replace(evidence, masks=other, weights=weights, collected=weights))
    with pytest.raises(ConfigurationError, match="must be of the series"):
        replace(series, names=series.names[1:])


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ConfigurationError, match="ranked as one of saliency"):
        SeriesSlope(ranked="p")
    with pytest.raises(ConfigurationError, match="give within_layer=True"):
        SeriesSlope(shrunk=True, within_layer=False)
    with pytest.raises(ConfigurationError, match="by layer or by unit"):
        SharedSlope(by="filter")
    with pytest.raises(ConfigurationError, match="at='rewound'"):
        FreshGain(at="now")
    with pytest.raises(ConfigurationError, match="a lag from 1"):
        past_values(np.ones(3), 0)


def test_past_values_begin_with_none():
    found = past_values(np.array([1.0, 2.0, 3.0]), 2)
    assert np.isnan(found[:2]).all()
    assert found[2] == 1.0
    assert np.isnan(past_values(np.ones(2), 5)).tolist() == [True, True]


# relative to the layer


def test_adaptive_squared_magnitudes_are_lamp(evidence):
    found = Adaptive(Magnitude()).scores(evidence)
    weights = {name: np.abs(w) ** 0.5 for name, w in evidence.weights.items()}
    wanted = Lamp().scores(replace(evidence, weights=weights, collected=weights))
    for layer in SHAPES:
        np.testing.assert_allclose(found[layer], wanted[layer], rtol=1e-12)


def test_adaptive_scores_keep_the_order_in_a_layer_and_know_no_unit_of_it(evidence):
    criterion = Adaptive(SecantSaliency())
    assert criterion.name == "secant-adaptive"
    assert criterion.needs.attribution == ("turned",)
    found, plain = criterion.scores(evidence), SecantSaliency().scores(evidence)
    for layer in SHAPES:
        assert (np.argsort(found[layer].ravel()) == np.argsort(plain[layer].ravel())).all()
        assert found[layer].max() == 1.0
    scaled = {name: w * 10.0**i for i, (name, w) in enumerate(evidence.weights.items())}
    other = criterion.scores(replace(evidence, weights=scaled, collected=scaled))
    for layer in SHAPES:
        np.testing.assert_allclose(other[layer], found[layer], rtol=1e-9)
