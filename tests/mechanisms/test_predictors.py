"""Linear predictors against their design columns, whatever each term receives."""

import numpy as np
import pytest

from causalhyper.mechanisms import LinearParameters, make_term_space
from causalhyper.mechanisms.predictors import predict

TERMS = ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2))


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
@pytest.mark.parametrize(("df", "joint_df"), [(1, 1), (3, 1), (1, 2), (4, 2)])
def test_a_predictor_is_the_intercept_plus_columns_times_coefficients(df, joint_df, offset):
    rng = np.random.default_rng(0)
    data = [rng.normal(size=30) + offset, rng.exponential(size=30), rng.normal(size=30)]
    space = make_term_space(TERMS, data, df, joint_df, ("x", "y", "z"))
    learnt = LinearParameters(rng.normal(size=(4, space.size)), rng.normal(size=(4, 2)))
    r, d, m = 4, 3, 5
    shapes = [(1, d, 1), (r, 1, m), (r, d, m)]
    x = [rng.normal(size=s) * 2 + (offset if i == 0 else 0) for i, s in enumerate(shapes)]
    contexts = rng.integers(0, 2, size=(r, m))
    inputs = [[x[i] for i in term] for term in TERMS]
    found = predict(space, learnt, inputs, learnt.starts(contexts), {})
    full = [np.broadcast_to(a, (r, d, m)) for a in x]
    for i in range(r):
        columns = space.columns([a[i].ravel() for a in full])
        expected = (columns @ learnt.coefs[i]).reshape(d, m) + learnt.effects[i][contexts[i]]
        assert found[i] == pytest.approx(
            expected, rel=1e-8, abs=1e-8 * max(1, abs(expected).max())
        )


def test_terms_may_receive_different_arrays_for_the_same_cause():
    rng = np.random.default_rng(1)
    data = [rng.normal(size=20), rng.normal(size=20)]
    space = make_term_space(((0,), (1,), (0, 1)), data, 1, 1, ("x", "y"))
    learnt = LinearParameters(rng.normal(size=(1, 3)), np.zeros((1, 1)))
    x, y, other = rng.normal(size=(3, 1, 1, 6))
    found = predict(space, learnt, [[x], [y], [other, y]], np.zeros((1, 1, 6)), {})
    a, b = space.main
    parts = [a(x)[..., 0], b(y)[..., 0], a(other)[..., 0] * b(y)[..., 0]]
    expected = sum(c * p for c, p in zip(learnt.coefs[0], parts, strict=True))
    assert found == pytest.approx(expected, abs=1e-12)


def test_inputs_are_left_as_they_were():
    rng = np.random.default_rng(2)
    data = [rng.normal(size=20), rng.normal(size=20)]
    space = make_term_space(((0,), (1,), (0, 1)), data, 2, 1, ("x", "y"))
    learnt = LinearParameters(rng.normal(size=(2, space.size)), np.ones((2, 1)))
    x, y, start = rng.normal(size=(3, 2, 4, 6))
    copies = [a.copy() for a in (x, y, start)]
    predict(space, learnt, [[x], [y], [x, y]], start, {})
    for a, b in zip((x, y, start), copies, strict=True):
        assert np.array_equal(a, b)
