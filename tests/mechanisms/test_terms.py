"""Terms and additive projections, by brute force over full grids."""

from itertools import product

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms import evaluate, make_basis, make_term_space, project_additive


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=14)
    return [x, 0.7 * x + rng.normal(size=14), rng.exponential(size=14)]


TERMS = ((0,), (2,), (0, 1), (0, 1, 2))


def _space(inputs, df=3, joint_df=2):
    return make_term_space(TERMS, inputs, df, joint_df, ("x", "y", "z"))


def _grid(inputs, where):
    return [np.array(v) for v in zip(*product(*(inputs[i] for i in where)), strict=True)]


def test_every_term_integrates_to_zero_over_each_input_under_the_product_of_margins(inputs):
    space = _space(inputs)
    for term in TERMS:
        grid = dict(zip(term, _grid(inputs, term), strict=True))
        tables = [b(grid[i]) for i, b in zip(term, space.bases(term), strict=True)]
        block = tables[0]
        for table in tables[1:]:
            block = np.einsum("na,nb->nab", block, table).reshape(len(table), -1)
        cube = block.reshape(*(14,) * len(term), -1)
        for axis in range(len(term)):
            assert cube.mean(axis=axis) == pytest.approx(0, abs=1e-10)


def test_columns_hold_each_term_as_an_explicit_product_of_basis_functions(inputs):
    space = _space(inputs)
    expected = []
    for term in TERMS:
        tables = [b(inputs[i]) for i, b in zip(term, space.bases(term), strict=True)]
        for choice in product(*(range(t.shape[1]) for t in tables)):
            picked = [t[:, j] for t, j in zip(tables, choice, strict=True)]
            expected.append(np.prod(picked, axis=0))
    assert space.columns(inputs) == pytest.approx(np.column_stack(expected), abs=1e-12)
    assert space.size == len(expected) == 3 + 3 + 4 + 8


def test_evaluating_terms_equals_their_columns_times_the_coefficients(inputs):
    space = _space(inputs)
    coefs = np.random.default_rng(1).normal(size=(5, space.size))
    total = np.zeros((5, 1, 14))
    for term, where in zip(space.terms, space.slices, strict=True):
        tensor = coefs[:, where].reshape(-1, *space.shape(term))
        total = total + evaluate(tensor, space.bases(term), [inputs[i] for i in term])
    assert total[:, 0] == pytest.approx(coefs @ space.columns(inputs).T, abs=1e-9)


def test_evaluating_broadcasts_replicates_doses_and_draws():
    x = np.linspace(0, 3, 9)
    basis = make_basis(x, 1)
    coefs = np.array([[[1.0]], [[2.0]]])
    dose, draw = np.array([0.0, 1.0, 2.0])[None, :, None], x[None, None, :]
    found = evaluate(coefs, (basis, basis), (dose, draw))
    z = lambda v: (v - x.mean()) / x.std()  # noqa: E731
    expected = np.array([1.0, 2.0])[:, None, None] * z(dose) * z(draw)
    assert found.shape == (2, 3, 9)
    assert found == pytest.approx(expected, abs=1e-12)


def _apply(constant, slopes, onto, xs):
    tables = np.concatenate([b(x) for b, x in zip(onto, xs, strict=True)], axis=-1)
    return constant[:, None] + slopes @ tables.T


def _even(sample, coefs):
    return np.ones((len(coefs), len(sample[0])))


def test_a_weighted_product_of_margins_is_the_sample_with_its_values_repeated():
    rng = np.random.default_rng(8)
    x = rng.normal(size=15)
    sample = [x, x**2 + rng.normal(size=15)]
    bases = [make_basis(v, 2) for v in sample]
    coefs = rng.normal(size=(3, 2, 2))
    weights = rng.integers(0, 4, size=(3, 15)).astype(float)
    constant, slopes, _ = project_additive(coefs, bases, sample, weights, joint=False)
    for r, counts in enumerate(weights.astype(int)):
        repeated = [np.repeat(v, counts) for v in sample]
        even = np.ones((1, counts.sum()))
        alone = project_additive(coefs[r : r + 1], bases, repeated, even, joint=False)
        assert constant[r] == pytest.approx(alone[0][0], abs=1e-9)
        assert slopes[r] == pytest.approx(alone[1][0], abs=1e-9)


def test_a_weighted_joint_projection_is_weighted_least_squares():
    rng = np.random.default_rng(8)
    x = rng.normal(size=80)
    sample = [x, x**2 + rng.normal(size=80)]
    bases = [make_basis(v, 2) for v in sample]
    coefs = rng.normal(size=(3, 2, 2))
    weights = rng.integers(0, 4, size=(3, 80)).astype(float)
    projected = project_additive(coefs, bases, sample, weights, joint=True)
    X = np.column_stack([np.ones(80), *(make_basis(v, 6)(v) for v in sample)])
    target = evaluate(coefs, bases, sample)[:, 0]
    for r, w in enumerate(np.sqrt(weights)):
        beta = np.linalg.lstsq(w[:, None] * X, w * target[r], rcond=None)[0]
        assert _apply(*projected, sample)[r] == pytest.approx(X @ beta, abs=1e-8)


@pytest.mark.parametrize("arity", [2, 3])
def test_product_projection_is_the_sum_of_conditional_means_over_the_full_grid(arity):
    rng = np.random.default_rng(arity)
    # bases from other data than the reference sample, so that nothing is centred by luck
    bases = [make_basis(rng.normal(size=30), 2) for _ in range(arity)]
    sample = [rng.normal(1.0, 2.0, size=9) for _ in range(arity)]
    coefs = rng.normal(size=(4, *(2,) * arity))
    grid = _grid(sample, range(arity))
    cube = evaluate(coefs, bases, grid)[:, 0].reshape(4, *(9,) * arity)
    grand = cube.reshape(4, -1).mean(axis=1)
    expected = (1 - arity) * grand.reshape(4, *(1,) * arity) * np.ones((1, *(9,) * arity))
    for i in range(arity):
        others = tuple(j + 1 for j in range(arity) if j != i)
        expected = expected + cube.mean(axis=others, keepdims=True)
    constant, slopes, onto = project_additive(
        coefs, bases, sample, _even(sample, coefs), joint=False
    )
    found = _apply(constant, slopes, onto, grid)
    assert found == pytest.approx(expected.reshape(4, -1), abs=1e-9)


def test_joint_projection_is_least_squares_on_the_sample():
    rng = np.random.default_rng(5)
    x = rng.normal(size=60)
    sample = [x, x**2 + rng.normal(size=60)]
    bases = [make_basis(v, 2) for v in sample]
    coefs = rng.normal(size=(3, 2, 2))
    target = evaluate(coefs, bases, sample)[:, 0]
    curves = [make_basis(v, 6)(v) for v in sample]
    X = np.column_stack([np.ones(60), *curves])
    expected = X @ np.linalg.lstsq(X, target.T, rcond=None)[0]
    constant, slopes, onto = project_additive(
        coefs, bases, sample, _even(sample, coefs), joint=True
    )
    assert _apply(constant, slopes, onto, sample) == pytest.approx(expected.T, abs=1e-9)


def test_the_product_x1_x2_projects_to_m2_x1_plus_m1_x2_minus_m1_m2():
    rng = np.random.default_rng(6)
    raw = [rng.normal(size=20), rng.normal(size=20)]
    bases = [make_basis(v, 1) for v in raw]
    means, sds = [v.mean() for v in raw], [v.std() for v in raw]
    sample = [rng.normal(2.0, 1.0, size=50), rng.normal(-1.0, 3.0, size=50)]
    # f = (x1 - mean1)(x2 - mean2) = x1 x2 + additive, whose projection moves by the same
    # (the sign of a basis function is free)
    signs = [np.sign(b.rotation[0, 0]) for b in bases]
    coefs = np.full((1, 1, 1), np.prod(sds) * np.prod(signs))
    parts = project_additive(coefs, bases, sample, _even(sample, coefs), joint=False)
    x1, x2 = (rng.normal(size=7) for _ in range(2))
    m1, m2 = (s.mean() for s in sample)
    projected = m2 * x1 + m1 * x2 - m1 * m2
    shifted = projected - means[1] * x1 - means[0] * x2 + means[0] * means[1]
    assert _apply(*parts, [x1, x2])[0] == pytest.approx(shifted, abs=1e-10)


def test_a_pure_interaction_projects_to_nothing_under_the_product_of_its_own_margins(inputs):
    bases = [make_basis(v, 2) for v in inputs]
    coefs = np.random.default_rng(7).normal(size=(2, 2, 2, 2))
    even = _even(inputs, coefs)
    constant, slopes, _ = project_additive(coefs, bases, inputs, even, joint=False)
    assert constant == pytest.approx(np.zeros(2), abs=1e-12)
    assert slopes == pytest.approx(np.zeros((2, 6)), abs=1e-12)


def test_inputs_that_the_sample_cannot_tell_apart_have_no_joint_projection():
    x = np.linspace(-1, 1, 20)
    bases = [make_basis(x, 1), make_basis(x, 1)]
    with pytest.raises(ConfigurationError, match="tell the inputs"):
        project_additive(np.ones((1, 1, 1)), bases, [x, 2 * x], np.ones((1, 20)), joint=True)


def test_under_a_joint_normal_distribution_a_product_projects_to_parabolas():
    # for standard normals with correlation c, E[xy | x] = c x^2: the additive projection of
    # x y is a (x^2 + y^2) + b with a = c / (1 + c^2), b = c - 2 a
    c, n = 0.8, 40_000
    rng = np.random.default_rng(9)
    x = rng.normal(size=n)
    y = c * x + np.sqrt(1 - c * c) * rng.normal(size=n)
    bases = [make_basis(v, 1) for v in (x, y)]
    scale = [v.std() * np.sign(b.rotation[0, 0]) for v, b in zip((x, y), bases, strict=True)]
    coefs = np.full((1, 1, 1), np.prod(scale))
    projected = project_additive(coefs, bases, [x, y], np.ones((1, n)), joint=True)
    at = [np.array([-1.0, 0.5, 1.5]), np.array([0.0, 1.0, -0.5])]
    a = c / (1 + c * c)
    expected = a * (at[0] ** 2 + at[1] ** 2) + c - 2 * a
    assert _apply(*projected, at)[0] == pytest.approx(expected, abs=0.06)
