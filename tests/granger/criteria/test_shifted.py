"""Claims about the shifted control: the same criterion, the loss of other steps."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames import merge_sums
from causalhyper.frames.trajectory import Layer, TrajectoryWriter
from causalhyper.granger.criteria import Causal, CausalRidge, Magnitude, Shifted, named
from causalhyper.granger.design import ArrayTrajectory, granger_design
from causalhyper.granger.design.rotated import RotatedTrajectory
from causalhyper.granger.screening import screen_sums
from tests.granger.criteria.planted import (
    SHAPES,
    evidence_of,
    flat,
    linear_training,
    response,
    summed,
    trajectory_of,
)

LAYERS = [Layer(name, shape) for name, shape in SHAPES.items()]


def rolled(training, shift):
    """The same training with the losses of other steps, from its definition."""
    frame = training.frame.copy()
    for name in frame.columns:
        values = frame[name].to_numpy()
        frame[name] = np.concatenate([values[-shift:], values[:-shift]])
    return ArrayTrajectory(training.changes, frame)


@pytest.mark.parametrize("name", ["causal", "causal-lasso", "causal-ridge", "causal-published"])
def test_from_a_trajectory_it_is_the_criterion_on_rotated_losses(name):
    training = linear_training(steps=60)
    options = {"l1": 1e-9} if name == "causal-published" else {}
    criterion = named(name, **options)
    shifted = Shifted(criterion, shift=17).scores(evidence_of(training, sums=None))
    expected = criterion.scores(evidence_of(training, sums=None, trajectory=rolled(training, 17)))
    plain = criterion.scores(evidence_of(training, sums=None))
    for layer in SHAPES:
        np.testing.assert_allclose(shifted[layer], expected[layer])
    assert not np.allclose(flat(shifted), flat(plain), rtol=1e-2)


@pytest.mark.parametrize("momentum", [False, True])
def test_from_sums_it_is_the_criterion_at_a_lag(momentum):
    training = linear_training(steps=60)
    sums = summed(training, momentum=momentum, lags=(0, 5, 17))
    criterion = Causal(statistic="correlation", momentum=momentum)
    found = Shifted(criterion, shift=17).scores(evidence_of(training, sums=sums))
    expected = screen_sums(sums, lag=17)
    for layer in expected.layers:
        values = np.abs(layer.statistics["correlation"]).reshape(layer.shape)
        np.testing.assert_allclose(found[layer.name], values, rtol=1e-12)


def test_sums_of_several_trainings_are_shifted_within_each():
    trainings = [linear_training(steps=60, seed=s) for s in (0, 1)]
    sums = merge_sums([summed(t, lags=(0, 9)) for t in trainings])
    criterion = Causal(statistic="correlation")
    found = Shifted(criterion, shift=9).scores(evidence_of(trainings[0], sums=sums))
    x = np.concatenate([t.changes["fc"][9:].reshape(51, -1) ** 2 for t in trainings])
    y = np.concatenate([response(t)[:-9] for t in trainings])
    expected = [abs(np.corrcoef(k, y)[0, 1]) for k in x.T]
    np.testing.assert_allclose(found["fc"].ravel(), expected, rtol=1e-8)


def test_a_rotated_store_is_read_as_it_lies(tmp_path):
    training = linear_training(steps=40)
    with TrajectoryWriter.create(tmp_path / "store", layers=LAYERS) as writer:
        for t in range(40):
            losses = training.frame.iloc[t].to_dict()
            changes = {n: c[t].astype(np.float32) for n, c in training.changes.items()}
            writer.append(changes, step=t, **losses)
    found = CausalRidge(penalty=0.1)
    stored = Shifted(found, shift=11).scores(
        evidence_of(training, sums=None, trajectory=tmp_path / "store")
    )
    arrays = Shifted(found, shift=11).scores(evidence_of(training, sums=None))
    for layer in SHAPES:
        np.testing.assert_allclose(stored[layer], arrays[layer], rtol=1e-3)


def test_the_shifted_loss_says_less_than_the_loss_of_the_step():
    """With the loss of its own step every parameter is correlated; shifted, as chance has it."""
    training = linear_training(steps=400, rate=1e-4)
    given = evidence_of(training, sums=None)
    criterion = Causal(statistic="correlation")
    plain, shifted = (flat(c.scores(given)) for c in (criterion, Shifted(criterion, shift=100)))
    assert np.median(plain) > 2 * np.median(shifted)
    # correlations of 400 independent steps have a standard error of 0.05
    assert np.quantile(shifted, 0.9) < 3 / np.sqrt(400)


def test_only_losses_are_rotated():
    training = linear_training(steps=20)
    rotated = RotatedTrajectory(trajectory_of(training), 3)
    own = granger_design(trajectory_of(training))["fc"]
    moved = granger_design(rotated)["fc"]
    blocks = [np.hstack([b for _, b in d.columns.blocks()]) for d in (own, moved)]
    assert (blocks[0] == blocks[1]).all()
    assert (moved.y == np.roll(own.y, 3)).all()
    assert rotated.steps["step"].tolist() == list(range(20))


def test_it_asks_for_the_lag_and_names_itself():
    control = named("causal-shifted", shift=50)
    assert control.name == "causal-shifted"
    assert control.needs.lags == (50,)
    assert control.needs.sums
    ridge = named("causal-shifted", criterion="causal-ridge")
    assert ridge.name == "causal-ridge-shifted"
    assert ridge.needs == CausalRidge().needs
    assert named("causal-shifted", criterion=Causal(), name="null").name == "null"


def test_what_has_no_shift_is_refused():
    training = linear_training(steps=20)
    with pytest.raises(ConfigurationError, match=r"looks at loss changes.*'magnitude' and 100"):
        Shifted(Magnitude())
    with pytest.raises(ConfigurationError, match="1 step at least"):
        Shifted(shift=0)
    with pytest.raises(ConfigurationError, match=r"needs sums of that lag.*lags=\[5\]"):
        Shifted(shift=5).scores(evidence_of(training))
    with pytest.raises(ConfigurationError, match="fewer than there are; got 20"):
        Shifted(shift=20).scores(evidence_of(training, sums=None))
    with pytest.raises(ConfigurationError, match="shift once"):
        Shifted(Shifted(shift=3), shift=3).scores(evidence_of(training, sums=None))
