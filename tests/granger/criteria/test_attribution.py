"""Claims about the loss change that is shared out among parameters."""

import numpy as np
import torch

from causalhyper.granger.criteria.attribution import Attribution
from causalhyper.granger.criteria.loss_series import first_order_residual
from tests.granger.criteria.excited import SIZE, excited_training


def attributed(training):
    found = Attribution(*(np.zeros(SIZE) for _ in range(3)))
    for t in range(len(training.changes)):
        found.add(training.changes[t], training.before[t], training.after[t], training.fresh[t])
    return found


def test_curvature_of_a_diagonal_quadratic_is_exact_after_one_step():
    training = excited_training(steps=1)
    np.testing.assert_allclose(attributed(training).curvature, training.h, rtol=1e-9)


def test_half_the_shares_sum_to_the_residual_loss_changes():
    training = excited_training(steps=30, noise=2.0)
    residual = first_order_residual(training.losses["same"], training.first_order)
    np.testing.assert_allclose(0.5 * attributed(training).turned.sum(), residual.sum(), rtol=1e-9)
    exact = 0.5 * training.squares @ training.h
    np.testing.assert_allclose(residual, exact, rtol=1e-6, atol=1e-12 * exact.max())


def test_injected_noise_makes_the_curvature_that_of_the_diagonal_of_any_hessian():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(SIZE, SIZE))
    hessian = root @ root.T
    found = Attribution(*(np.zeros(SIZE) for _ in range(3)))
    alike = Attribution(*(np.zeros(SIZE) for _ in range(3)))
    nothing = np.zeros(SIZE)
    for _ in range(4000):
        noise = rng.normal(size=SIZE)
        found.add(noise, nothing, hessian @ noise, nothing)
        same = np.full(SIZE, rng.normal())
        alike.add(same, nothing, hessian @ same, nothing)
    diagonal = hessian.diagonal()
    errors = np.sqrt(((hessian**2).sum(axis=1) + diagonal**2) / 4000)
    assert (np.abs(found.curvature - diagonal) < 4.5 * errors).all()
    # changes that go together see whole rows instead
    np.testing.assert_allclose(alike.curvature, hessian.sum(axis=1))


def test_the_gain_of_plain_descent_is_the_mean_gradient_squared_without_noise():
    rng = np.random.default_rng(1)
    mean, rate, steps = rng.normal(size=SIZE), 0.1, 4000
    found = Attribution(*(np.zeros(SIZE) for _ in range(3)))
    for _ in range(steps):
        own, other = (mean + 3 * rng.normal(size=SIZE) for _ in range(2))
        found.add(-rate * own, own, own, other)
    # the variance of a product of two independent normals with this mean
    errors = rate * np.sqrt(steps * (2 * 9 * mean**2 + 81))
    assert (np.abs(found.gain - rate * steps * mean**2) < 4.5 * errors).all()
    assert (found.moved > 5 * rate**2 * steps * mean**2 / 10).all()
    assert found.moved.min() > 0.8 * rate**2 * steps * 9


def test_what_never_moved_has_no_curvature_and_tensors_are_summed_alike():
    training = excited_training(steps=5)
    arrays = (training.changes, training.before, training.after, training.fresh)
    stacked = Attribution(*(torch.zeros(2, SIZE, dtype=torch.float64) for _ in range(3)))
    for t in range(5):
        rows = [torch.tensor(np.stack([a[t], a[t]])) for a in arrays]
        rows[0][1, 3] = 0
        stacked.add(*rows)
    np.testing.assert_allclose(stacked.curvature[0].numpy(), attributed(training).curvature)
    assert stacked.curvature[1, 3] == 0
    assert (stacked.curvature[1, :3] > 0).all()
