"""Claims about all criteria: by name, of any shape, permuted, and one of a user's own."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import (
    CRITERIA,
    Criterion,
    Evidence,
    Fisher,
    Magnitude,
    Needs,
    Random,
    TotalMovement,
    match_counts,
    named,
)
from causalhyper.granger.masks import Masks, allocate
from tests.granger.criteria.planted import (
    SHAPES,
    LinearTraining,
    evidence_of,
    flat,
    gradients_of,
    linear_training,
    summed,
)

NAMES = (
    "causal", "causal-lasso", "causal-elastic-net", "causal-ridge", "causal-published",
    "causal-shifted", "movement", "fisher", "magnitude", "lamp", "random", "taylor", "woodfisher",
    "obd", "gain", "secant",
)  # fmt: skip
OPTIONS = {"causal-published": {"l1": 1e-30}, "causal-shifted": {"shift": 9}}


def with_lags(training):
    return summed(training, lags=(0, 9))


def test_the_names_are_those_of_the_documentation():
    assert set(CRITERIA) == set(NAMES)
    for name in NAMES:
        criterion = named(name)
        assert isinstance(criterion, Criterion)
        assert criterion.name == name


def test_a_wrong_name_or_option_is_answered_with_those_there_are():
    with pytest.raises(ConfigurationError, match=r"'magnitud' \(did you mean 'magnitude'\?\)"):
        named("magnitud")
    with pytest.raises(ConfigurationError, match=r"there are causal, causal-lasso.*obd"):
        named("xyz")
    with pytest.raises(ConfigurationError, match="'lamp' has no option 'l1'; there are at, name"):
        named("lamp", l1=1.0)


@pytest.mark.parametrize("share", [None, "output"])
@pytest.mark.parametrize("name", NAMES)
def test_scores_are_finite_not_negative_in_shape_and_zero_where_pruned(name, share):
    training = linear_training(steps=40)
    masks = Masks({n: np.random.default_rng(4).random(s) < 0.6 for n, s in SHAPES.items()})
    masks.kept["fc"][2] = False
    evidence = evidence_of(training, masks=masks, share=share, sums=with_lags(training))
    scores = named(name, **OPTIONS.get(name, {})).scores(evidence)
    assert list(scores) == list(SHAPES)
    for layer, kept in evidence.entries.kept.items():
        assert scores[layer].shape == kept.shape
        assert scores[layer].dtype == np.float64
        assert np.isfinite(scores[layer]).all()
        assert (scores[layer] >= 0).all()
        assert not scores[layer][~kept].any()
        assert scores[layer][kept].any()
    found = allocate(scores, sparsity=0.8, within=evidence.entries).masks
    assert not any((found.kept[n] & ~evidence.entries.kept[n]).any() for n in SHAPES)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_generator_gives_the_same_scores(name):
    training = linear_training(steps=40)
    one, other = (
        named(name, **OPTIONS.get(name, {})).scores(
            evidence_of(training, sums=with_lags(training), seed=3)
        )
        for _ in range(2)
    )
    assert all((one[layer] == other[layer]).all() for layer in SHAPES)


def permuted(training, order):
    """The same training with the parameters of its first layer in another order."""

    def moved(arrays, steps=False):
        layer = arrays["fc"]
        lead = layer.shape[:1] if steps else ()
        return arrays | {"fc": layer.reshape(*lead, -1)[..., order].reshape(layer.shape)}

    return LinearTraining(
        moved(training.changes, steps=True),
        training.frame,
        moved(training.start),
        moved(training.end),
        moved(training.curvature),
        training.rate,
        **{
            part: moved(getattr(training, part), steps=True)
            for part in ("before", "after", "fresh")
        },
    )


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"random"}))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=2, deadline=None)
def test_permuting_the_parameters_of_a_layer_permutes_their_scores(name, seed):
    training = linear_training(steps=30, seed=seed % 7)
    order = np.random.default_rng(seed).permutation(20)
    other = permuted(training, order)
    gradients = gradients_of(training)

    def also(count):
        for found in gradients(count):
            yield found | {"fc": found["fc"].ravel()[order].reshape(4, 5)}

    options = OPTIONS.get(name, {}) | ({"block": 20} if name == "woodfisher" else {})
    criterion = named(name, **options)
    one = criterion.scores(evidence_of(training, sums=with_lags(training)))
    two = criterion.scores(evidence_of(other, sums=with_lags(other), gradients=also))
    expected = one["fc"].ravel()[order]
    np.testing.assert_allclose(two["fc"].ravel(), expected, rtol=1e-5, atol=1e-7 * expected.max())


@pytest.mark.parametrize("source", ["sums", "trajectory"])
def test_movement_and_fisher_are_their_definitions(source):
    training = linear_training(steps=40)
    lacking = {"sums": {"trajectory": None}, "trajectory": {"sums": None}}[source]
    evidence = evidence_of(training, **lacking)
    moved = TotalMovement().scores(evidence)
    for at, weights in (("collected", training.end), ("rewound", training.start)):
        fisher = Fisher(at=at).scores(evidence)
        for name, c in training.changes.items():
            np.testing.assert_allclose(moved[name], (c**2).sum(axis=0))
            np.testing.assert_allclose(fisher[name], weights[name] ** 2 * (c**2).sum(axis=0))


def test_fisher_is_the_squared_gradient_along_gradient_descent():
    """Changes are the rate times gradients: the score is optimal brain damage up to a factor."""
    training = linear_training(steps=50)
    rows = [{n: -c[t] / training.rate for n, c in training.changes.items()} for t in range(50)]
    evidence = evidence_of(training, gradients=lambda count: iter(rows))
    obd = named("obd", minibatches=50).scores(evidence)
    fisher = Fisher().scores(evidence)
    for name in SHAPES:
        np.testing.assert_allclose(fisher[name], 2 * 50 * training.rate**2 * obd[name])


def test_sums_or_trajectories_of_another_network_are_refused():
    training = linear_training(steps=20)
    other = linear_training(steps=20, shapes={"fc": (5, 4), "head": (8,)})
    evidence = evidence_of(training, sums=summed(other))
    with pytest.raises(ConfigurationError, match=r"'fc' are of shape \(5, 4\)"):
        named("movement").scores(evidence)
    evidence = evidence_of(training, trajectory=evidence_of(other).trajectory)
    with pytest.raises(ConfigurationError, match="'head' has 8 entries in the trajectory and 7"):
        named("causal-ridge").scores(evidence)
    evidence = evidence_of(
        training, sums=None, trajectory=evidence_of(linear_training(shapes={"a": (3,)})).trajectory
    )
    with pytest.raises(ConfigurationError, match="'fc' was not recorded; there are a"):
        named("movement").scores(evidence)


def test_controls_have_the_layer_counts_of_the_method_and_their_own_entries():
    training = linear_training(steps=60)
    before = Masks({n: np.random.default_rng(4).random(s) < 0.8 for n, s in SHAPES.items()})
    evidence = evidence_of(training, masks=before)
    method = allocate(named("causal").scores(evidence), sparsity=0.7, within=before).masks
    magnitude = np.abs(training.end["fc"]) * before.kept["fc"]
    for control in (Random(), Magnitude()):
        found = match_counts(control, evidence, method).masks
        assert found.layer_counts() == method.layer_counts()
        assert not any((found.kept[n] & ~before.kept[n]).any() for n in SHAPES)
        assert any((found.kept[n] != method.kept[n]).any() for n in SHAPES)
    kept = found.kept["fc"]
    assert magnitude[kept].min() > magnitude[~kept].max()


def test_controls_of_units_have_the_unit_counts():
    training = linear_training(steps=60)
    evidence = evidence_of(training, share="output")
    method = allocate(named("movement").scores(evidence), sparsity=0.5).masks
    found = match_counts(Random(), evidence, method).masks
    assert found.shapes == {"fc": (4,), "head": (7,)}
    assert found.layer_counts() == method.layer_counts()


def test_a_criterion_of_ones_own_takes_ten_lines():
    needed = Needs(sums=True)

    @dataclass(frozen=True)
    class Displacement:
        name: str = "displacement"
        needs: Needs = needed

        def scores(self, evidence):
            layers = evidence.require_sums(self.name).layers
            far = {s.name: np.abs(s.displacement).reshape(s.shape) for s in layers}
            return evidence.of_entries(far)

    own = Displacement()
    assert isinstance(own, Criterion)
    training = linear_training(steps=60)
    scores = own.scores(evidence_of(training))
    found = allocate(scores, sparsity=0.75, minimum=2)
    distance = {n: np.abs(training.end[n] - training.start[n]) for n in SHAPES}
    np.testing.assert_allclose(flat(scores), flat(distance), rtol=1e-9)
    assert sum(found.masks.layer_counts().values()) == round(0.25 * 27)
    units = own.scores(evidence_of(training, share="output"))
    np.testing.assert_allclose(units["fc"], distance["fc"].sum(axis=1))
    some = evidence_of(training)
    only = {"fc": some.collected["fc"]}
    first = Evidence(only, only, Masks.all_kept({"fc": (4, 5)}), some.rng, sums=some.sums)
    assert list(own.scores(first)) == ["fc"]


def test_a_control_is_given_by_name_too_and_a_seed_is_no_generator():
    evidence = evidence_of(linear_training(steps=20))
    method = allocate(named("magnitude").scores(evidence), sparsity=0.5).masks
    assert match_counts("magnitude", evidence, method).masks.kept.keys() == method.kept.keys()
    with pytest.raises(ConfigurationError, match="there is no criterion 'magnitud'"):
        match_counts("magnitud", evidence, method)
    with pytest.raises(ConfigurationError, match="rng must be a Generator"):
        Evidence(evidence.weights, evidence.collected, evidence.masks, 3)


def test_evidence_of_units_has_masks_of_units_and_another_share_is_refused():
    training = linear_training(steps=20)
    masks = Masks.all_kept(SHAPES)
    masks.kept["fc"][1, :] = False
    masks.kept["fc"][2, 1:] = False
    entries = evidence_of(training, masks=masks, share="output").entries
    assert entries.kept["fc"].tolist() == [True, False, True, True]
    with pytest.raises(ConfigurationError, match="'head' has none, there are fc"):
        evidence_of(training).of_entries({"fc": training.end["fc"]})
    with pytest.raises(ConfigurationError, match="got 'input'"):
        evidence_of(training, share="input")
    with pytest.raises(ConfigurationError, match="same layers"):
        Evidence(training.start, {"fc": training.end["fc"]}, masks, np.random.default_rng(0))
