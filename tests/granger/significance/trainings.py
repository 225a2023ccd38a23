"""Trainings in several shapes, with a loss that has nothing to do with the columns or with some.

None of them was used to choose a default: `simulated.py` and `shifts/test_calibration.py` were.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

ACTIVE = 10
"""Columns that act, where some do."""


@dataclass(frozen=True)
class Training:
    """Squared changes, a change of the loss, which columns act, and where regimes begin."""

    x: np.ndarray
    y: np.ndarray
    active: np.ndarray
    edges: np.ndarray


def autoregressive(rng, rows, width, decay=0.84, tails=0):
    """Columns in time of variance one; innovations of Student's distribution where tails > 0."""
    shape = (rows + 100, width)
    noise = rng.normal(size=shape)
    if tails:
        noise = rng.standard_t(tails, size=shape) / np.sqrt(tails / (tails - 2))
    found = lfilter([np.sqrt(1 - decay**2)], [1, -decay], noise, axis=0)
    return found[100:]


def movement(rng, speed, width, decay=0.84, shared=0.3):
    """Squared changes: volatile, with a common factor, of unlike size, with exact zeros."""
    rows = len(speed)
    own = autoregressive(rng, rows, width, decay)
    common = autoregressive(rng, rows, 1, decay)
    volatility = np.exp(0.5 * (np.sqrt(1 - shared) * own + np.sqrt(shared) * common))
    sizes = 10 ** rng.uniform(-5.5, -3.5, size=width)
    change = sizes * np.sqrt(speed)[:, None] * volatility * rng.normal(size=(rows, width))
    change[rng.random(change.shape) < rng.uniform(0.02, 0.09, size=width)] = 0
    return change**2


def falling(rng, steps, width):
    """Speed falls by 10 to 30 times as a power of time; errors of 0.84, half as fast."""
    time = np.arange(steps) / steps
    fall = rng.uniform(10, 30)
    speed = (1 + 20 * time) ** (-np.log(fall) / np.log(21))
    x = movement(rng, speed, width)
    return x, -speed, speed * autoregressive(rng, steps, 1).ravel()


def noisy(rng, steps, width):
    """Errors are an autoregression of 0.9 with noise of the minibatch, of heavy tails."""
    speed = np.exp(-np.log(15) * np.arange(steps) / steps)
    x = movement(rng, speed, width, decay=0.6, shared=0.5)
    slow = autoregressive(rng, steps, 1, 0.9, tails=5).ravel()
    noise = rng.standard_t(5, size=steps) / np.sqrt(5 / 3)
    return x, -2 * speed, np.sqrt(speed) * (np.sqrt(0.6) * slow + np.sqrt(0.4) * noise)


def multiplicative(rng, steps, width):
    """The loss change is its trend times noise that clusters; the spread breathes."""
    cycle = 1 + 0.4 * np.sin(2 * np.pi * (2.5 * np.arange(steps) / steps + rng.random()))
    speed = np.exp(-np.log(20) * np.arange(steps) / steps) * cycle
    x = movement(rng, speed, width)
    errors = autoregressive(rng, steps, 1, 0.7).ravel()
    volatility = np.exp(0.3 * autoregressive(rng, steps, 1, 0.9).ravel())
    return x, -speed, 0.7 * speed * volatility * errors


def drop(rng, steps, width):
    """The learning rate falls tenfold at six tenths of the steps; the loss change with it."""
    speed = np.where(np.arange(steps) < 0.6 * steps, 1.0, 0.1)
    speed = speed * np.exp(-np.arange(steps) / steps)
    x = movement(rng, speed, width)
    return x, -speed, 0.5 * speed * autoregressive(rng, steps, 1).ravel()


def stationary(rng, steps, width):
    """Nothing falls; columns and errors are autoregressions of 0.84."""
    x = movement(rng, np.ones(steps), width)
    return x, np.zeros(steps), autoregressive(rng, steps, 1).ravel()


SHAPES: dict[str, Callable] = {
    each.__name__: each for each in (stationary, falling, noisy, multiplicative, drop)
}


def columns_of(changes, rng, steps, width):
    """Real columns, at random; their steps are thinned or begin anywhere."""
    rows, count = changes.shape
    start = int(rng.integers(rows - steps + 1))
    chosen = np.sort(rng.choice(count, width, replace=False))
    return (1e3 * changes[start : start + steps, chosen].astype(float)) ** 2


def training(shape, rng, steps, width, strength=0.0, known_drop=False, changes=None):
    """Draw a training.

    The columns that act have effects of either sign, each of `strength` standard deviations of
    the errors, both around a smooth trend. With `changes` columns are real and the loss is
    simulated in the shape of their mean.
    """
    if changes is None:
        x, trend, errors = SHAPES[shape](rng, steps, width)
    else:
        x = columns_of(changes, rng, steps, width)
        x = x[:, x.std(axis=0) > 0]
        basis = np.vander(np.linspace(-1, 1, steps), 6)
        speed = np.maximum(basis @ np.linalg.lstsq(basis, x.mean(axis=1), rcond=None)[0], 0)
        speed = np.maximum(speed, 0.02 * speed.max()) / speed.max()
        trend, errors = -speed, speed * autoregressive(rng, steps, 1).ravel()
    y, active = trend + errors, np.zeros(x.shape[1], dtype=bool)
    if strength:
        active[rng.choice(x.shape[1], ACTIVE, replace=False)] = True
        scaled = x[:, active] / x[:, active].std(axis=0)
        y = y + strength * errors.std() * scaled @ rng.choice([-1.0, 1.0], ACTIVE)
    middle = [int(0.6 * steps)] if shape == "drop" and known_drop else []
    return Training(x, 1e-3 * y, active, np.array([0, *middle, steps]))
