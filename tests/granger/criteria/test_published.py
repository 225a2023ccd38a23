"""Claims about the published form: the descent step by step, and what sums give of it."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import Layer, TrajectoryWriter
from causalhyper.granger.criteria import Published, named
from causalhyper.granger.criteria.banded import BandedColumns
from causalhyper.granger.design import granger_design
from causalhyper.granger.masks import allocate
from tests.granger.criteria.planted import (
    SHAPES,
    evidence_of,
    features,
    flat,
    linear_training,
    response,
    summed,
    trajectory_of,
)

DEAD = (3, 11)
LAYERS = [Layer(name, shape) for name, shape in SHAPES.items()]


def published_by_loops(x, y, l1):
    """Figure 2 of Tsuruoka et al. with three epochs at .01 / t^.25, written as it stands there."""
    g, q, u, t = np.zeros(x.shape[1]), np.zeros(x.shape[1]), 0.0, 0
    for _ in range(3):
        for row, target in zip(x, y, strict=True):
            t += 1
            rate = 0.01 / t**0.25
            u += rate * l1
            g = g + rate * (target - row @ g) * row
            for k in range(len(g)):
                z = g[k]
                if z > 0:
                    g[k] = max(0.0, z - (u + q[k]))
                elif z < 0:
                    g[k] = min(0.0, z + (u - q[k]))
                q[k] += g[k] - z
    return np.abs(g)


def next_losses(training):
    return response(training, "next")


def columns(training):
    """Squared changes of the steps that have a next minibatch."""
    return np.concatenate([features(c, False)[0][:-1] for c in training.changes.values()], axis=1)


def half(training):
    """A penalty that leaves out about half of the parameters."""
    x, y = columns(training), next_losses(training)
    return float(np.median(np.abs((x * y[:, None]).mean(axis=0))))


def test_the_joint_form_is_the_published_descent():
    training = linear_training(steps=40, rate=1e-6, dead=DEAD)
    l1 = half(training)
    found = Published(l1=l1).scores(evidence_of(training))
    for name, c in training.changes.items():
        x = features(c, False)[0][:-1]
        expected = published_by_loops(x, next_losses(training), l1)
        np.testing.assert_allclose(found[name].ravel(), expected, rtol=1e-9)
        assert ((found[name].ravel() > 0) == (expected > 0)).all()


def test_joint_decoupled_and_sums_keep_the_same_parameters_on_the_published_scale():
    training = linear_training(steps=300, rate=1e-6, dead=DEAD)
    x, y = columns(training), next_losses(training)
    l1 = half(training)
    scale = np.abs((x * y[:, None]).mean(axis=0)) / l1
    sums = summed(training, kind="next")
    masks = {
        form: flat(
            allocate(
                Published(l1=l1, form=form).scores(evidence_of(training, sums=sums)),
                threshold=0.0,
                minimum=0,
            ).masks.kept
        )
        for form in ("joint", "decoupled", "sums")
    }
    assert (masks["joint"] == masks["decoupled"]).all()
    assert 5 < masks["joint"].sum() < 20
    # sums weigh all steps alike: they may differ where a parameter is near the penalty
    clear = (scale < 0.8) | (scale > 1.25)
    assert (masks["sums"] == masks["joint"])[clear].all()
    assert (masks["sums"] == (scale > 1)).all()


def test_a_larger_penalty_prunes_more_and_an_enormous_one_all():
    training = linear_training(steps=60, rate=1e-6)
    given, l1 = evidence_of(training), half(training)
    kept = [(flat(Published(l1=f * l1).scores(given)) > 0).sum() for f in (0.1, 1, 3, 1e6)]
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] == 0
    assert kept[0] > kept[2]


def test_a_band_of_rows_reads_the_rows_of_the_design(tmp_path):
    training = linear_training(steps=50, rate=1e-6)
    single = {n: c.astype(np.float32) for n, c in training.changes.items()}
    with TrajectoryWriter.create(tmp_path / "store", layers=LAYERS) as writer:
        for t in range(50):
            losses = training.frame.iloc[t].to_dict()
            writer.append({n: c[t] for n, c in single.items()}, step=t, **losses)
    design = granger_design(
        tmp_path / "store", scope="network", response="next_minibatch", steps=slice(3, None, 2)
    )
    whole = np.hstack([block for _, block in design.columns.blocks()])
    banded = BandedColumns(design.columns, band=7)
    assert banded.shape == whole.shape
    for t in [*range(len(whole)), 20, 1]:
        assert (banded.row(t) == whole[t]).all()
    by_store = Published(l1=half(training)).scores(
        evidence_of(training, trajectory=tmp_path / "store")
    )
    by_arrays = Published(l1=half(training)).scores(evidence_of(training))
    for name in SHAPES:
        np.testing.assert_allclose(by_store[name], by_arrays[name], rtol=1e-3)


def test_with_momentum_and_for_units_the_penalty_decides_too():
    training = linear_training(steps=60, rate=1e-6)
    l1 = half(training)
    for form in ("joint", "decoupled", "sums"):
        sums = summed(training, momentum=True, kind="next")
        three = Published(l1=l1, form=form, momentum=True)
        assert three.needs.momentum
        count = (flat(three.scores(evidence_of(training, sums=sums))) > 0).sum()
        assert 5 < count < 27
    sums = summed(training, kind="next")
    for form in ("joint", "sums"):
        units = Published(l1=4 * l1, form=form).scores(
            evidence_of(training, sums=sums, share="output")
        )
        assert units["fc"].shape == (4,)
    x = (training.changes["fc"][:-1] ** 2).sum(axis=2)
    marginal = np.abs((x * next_losses(training)[:, None]).mean(axis=0))
    np.testing.assert_allclose(units["fc"], np.maximum(marginal - 4 * l1, 0), rtol=1e-9)


def test_the_scope_matters_where_the_prediction_does():
    training = linear_training(steps=40, rate=0.3, noise=2.0)
    given, l1 = evidence_of(training), half(training)
    apart = Published(l1=l1).scores(given)
    together = Published(l1=l1, scope="network").scores(given)
    assert not np.allclose(apart["fc"], together["fc"], rtol=1e-3)
    x, y = columns(training), next_losses(training)
    np.testing.assert_allclose(flat(together), published_by_loops(x, y, l1), rtol=1e-9)


def test_it_asks_for_the_next_minibatch_and_refuses_sums_of_the_same():
    assert Published().needs.response == "next"
    assert Published(form="sums").needs.sums
    assert not Published(form="sums").needs.trajectory
    training = linear_training(steps=20)
    with pytest.raises(ConfigurationError, match="these have 'same'"):
        Published(form="sums").scores(evidence_of(training))
    for options in ({"l1": 0.0}, {"form": "exact"}, {"l1": np.inf}):
        with pytest.raises(ConfigurationError, match="l1 above zero"):
            named("causal-published", **options)
    assert trajectory_of(training).n_steps == 20
