"""Trajectories with known columns of influence, and what tests after screening say of them."""

import numpy as np

from causalhyper.granger.lasso import DenseColumns
from causalhyper.granger.significance.screened import screen_then_test
from tests.granger.choice.samples import autoregressive

STEPS, WIDTH, ACTIVE = 500, 300, 15


def trajectory(rng, dependence, strength, shared=0.3):
    """Squared autoregressions that decay and share a factor; errors decay too.

    Without dependence columns are independent normal ones, and so are the errors.
    """
    signs = rng.choice([-1.0, 1.0], ACTIVE)
    if dependence == 0:
        x, e = rng.normal(size=(STEPS, WIDTH)), rng.normal(size=STEPS)
    else:
        decay = np.exp(-np.arange(STEPS) / STEPS)[:, None]
        own = autoregressive(rng, STEPS, WIDTH, dependence)
        common = autoregressive(rng, STEPS, 1, dependence)
        x = decay * (np.sqrt(1 - shared) * own + np.sqrt(shared) * common) ** 2
        e = (decay * autoregressive(rng, STEPS, 1, dependence)).ravel()
    y = strength * x[:, :ACTIVE] @ signs / x[:, :ACTIVE].std(axis=0).mean() + e / e.std()
    return 1e-12 * x, 1e-3 * y


def discoveries(rng, dependence, strength, **settings):
    """False share of what is selected, share of the influences that is, and their number."""
    x, y = trajectory(rng, dependence, strength)
    found = screen_then_test(DenseColumns(x), y, rng=rng, **settings)
    false = int((found.columns >= ACTIVE).sum())
    return false / max(len(found.columns), 1), (len(found.columns) - false) / ACTIVE
