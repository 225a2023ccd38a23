"""What is called the largest is the largest, also from starts that hide it."""

import math
import warnings

import numpy as np
import pytest
import torch

from collectors.curvature.extremes import MISSED_INSIDE, extremes
from collectors.curvature.hidden import hidden_share, least_share, none_above
from collectors.curvature.krylov import krylov_spaces
from collectors.curvature.sharpness import top_eigenvalue
from collectors.ensembles.measures.lanczos import stacked_lanczos
from tests.collectors.curvature.samples import draw, matrix, seeded

OUTER = [1.07, 1.0, 0.8, 0.6, 0.45]


def graph_like(p=3_000):
    """A spectrum like that of a graph network's Hessian, some eigenvalues before a bulk."""
    positive, negative = np.logspace(-0.7, -4, 200), -np.logspace(-0.2, -4, 200)
    bulk = np.full(p - 400 - len(OUTER), 1e-5)
    return torch.tensor(np.concatenate([OUTER, positive, bulk, negative]))


def starting_low(p, share):
    """A start of length 1 that holds a share of the first axis."""
    start = draw(p, seed=1)
    start[0] = 0
    start *= math.sqrt(1 - share**2) / start.norm()
    start[0] = share
    return start


def within(values, wanted, tolerance):
    return np.abs(np.array(values) / wanted - 1).max() <= tolerance


@pytest.mark.parametrize("tolerance", [1e-3, 1e-2, 5e-2])
def test_the_largest_is_found_where_the_start_holds_little_of_it(tolerance):
    diagonal = graph_like()
    start = starting_low(len(diagonal), 2 * least_share(len(diagonal)))
    found = top_eigenvalue(lambda v: diagonal * v, start, tolerance=tolerance)
    _, (extreme,) = extremes(
        lambda rows: rows * diagonal, lambda: start[None], k=1, tolerance=tolerance
    )
    for each in (found, extreme):
        assert each.converged
        assert within([each.value], OUTER[0], tolerance)


@pytest.mark.parametrize(
    ("which", "sign"), [("largest", 1), ("smallest", -1), ("size", 1), ("size", -1)]
)
def test_the_second_is_found_where_the_start_holds_little_of_it(which, sign):
    diagonal = graph_like() * (-1 if which == "smallest" else 1)
    second = sign * OUTER[1]
    diagonal[:2] = torch.tensor([second, diagonal[0]])
    start = starting_low(len(diagonal), 0.5 * least_share(len(diagonal), missed=MISSED_INSIDE))
    _, found = extremes(
        lambda rows: rows * diagonal, lambda: start[None], k=2, which=which, tolerance=1e-2
    )
    assert all(each.converged for each in found)
    assert found[1].value == pytest.approx(second, rel=1e-2)


def test_no_start_takes_the_second_for_the_largest():
    diagonal = graph_like()
    for seed in range(25):
        start = draw(len(diagonal), seed=seed)
        for tolerance in (1e-3, 1e-2, 5e-2):
            one = top_eigenvalue(lambda v: diagonal * v, start, tolerance=tolerance)
            _, (two,) = extremes(
                lambda rows: rows * diagonal, lambda s=start: s[None], k=1, tolerance=tolerance
            )
            assert one.converged
            assert two.converged
            assert within([one.value, two.value], OUTER[0], tolerance)


def test_a_start_without_an_eigenvector_does_not_find_it():
    # the limit: this start has probability zero
    diagonal = graph_like()
    found = top_eigenvalue(lambda v: diagonal * v, starting_low(len(diagonal), 0.0))
    assert found.converged
    assert found.value == pytest.approx(OUTER[1], rel=1e-3)


def test_a_value_that_may_not_be_the_largest_is_not_called_converged():
    diagonal = graph_like()
    start = starting_low(len(diagonal), 2 * least_share(len(diagonal)))
    with pytest.warns(RuntimeWarning, match="a larger one may be hidden, after 7 products"):
        found = top_eigenvalue(lambda v: diagonal * v, start, tolerance=0.05, max_products=7)
    assert found.residual <= 0.05 * found.value
    assert found.value < 0.95 * OUTER[0]
    assert not found.converged


def test_a_larger_eigenvalue_is_hidden_with_the_stated_probability_at_the_most():
    members, p, largest, tolerance = 20_000, 12, 1.21, 0.2
    diagonal = torch.linspace(-1, 1, p, dtype=torch.float64)
    diagonal[0] = largest
    start = draw(members, p, seed=5)
    found = stacked_lanczos(lambda v: v * diagonal, start, tolerance=tolerance, max_products=p)
    assert found.converged.all()
    hidden = int((found.values * (1 + tolerance) < largest).sum())
    assert hidden <= 38  # 20 expected at the most, and four standard errors
    assert hidden > 2  # else the bound would cost more products than it needs


@pytest.mark.parametrize("starts", [1, 2, 4])
def test_no_eigenvector_has_more_of_the_starts_than_the_bound_says(starts):
    H = matrix([9.0, 8.0, 4.0, *np.linspace(-3, 2, 40)])
    values, vectors = np.linalg.eigh(H.numpy())
    start = draw(starts, len(H), seed=3)
    first = np.linalg.qr(start.numpy().T)[0].T
    shares = np.linalg.norm(first @ vectors, axis=0)
    tightest = []
    for space in krylov_spaces(lambda rows: rows @ H, start, lambda: start):
        if len(space.basis) >= 30:
            break
        T, R = space.projected, space.remainder
        bounds = np.array([hidden_share(T, R, starts, x) for x in values])
        told = np.abs(values[:, None] - space.ritz().values).min(axis=1) > 1e-8  # else rounding
        assert (shares <= bounds * (1 + 1e-6))[told].all()
        tightest.append((bounds / shares)[told].min())
    assert min(tightest) < 1.5


@pytest.mark.parametrize("starts", [1, 2, 3])
def test_the_bound_is_that_of_the_dense_resolvent(starts):
    H, start = matrix([5.0, 3.0, *np.linspace(-1, 1, 30)]), draw(starts, 32, seed=6)
    for space in krylov_spaces(lambda rows: rows @ H, start, lambda: start):
        m = len(space.basis)
        if m > 12:
            break
        for x in (5.5, 4.0, -2.0):
            resolvent = np.linalg.inv(x * np.eye(m) - space.projected)
            corner = resolvent[:starts, m - starts :] @ space.remainder.T
            wanted = np.linalg.norm(corner, 2)
            got = hidden_share(space.projected, space.remainder, starts, x)
            assert got == pytest.approx(wanted, rel=1e-6)


def test_pivots_and_resolvent_agree_on_what_is_seen():
    H, start = matrix([5.0, 3.0, *np.linspace(-1, 1, 50)]), draw(1, 52, seed=6)
    agreed = set()
    for space in krylov_spaces(lambda rows: rows @ H, start, lambda: start):
        T, R = space.projected, space.remainder
        if len(T) > 15:
            break
        alphas, betas = np.diag(T)[None], np.append(np.diag(T, 1), R[0, 0])[None]
        for height in space.ritz().values[0] + np.array([0.01, 0.1, 0.5, 2.0]):
            one = bool(none_above(alphas, np.abs(betas), np.array([height]), 52)[0])
            assert one == (hidden_share(T, R, 1, height) <= least_share(52))
            agreed.add(one)
    assert agreed == {True, False}


def test_a_unit_vector_has_less_of_random_starts_as_seldom_as_stated():
    rng = np.random.default_rng(0)
    for starts in (1, 3):
        rows = rng.normal(size=(20_000, starts, 40))
        frames = np.linalg.qr(rows.swapaxes(1, 2))[0]
        shares = np.linalg.norm(frames[:, 0], axis=1)
        less = (shares < least_share(40, starts, 0.02)).mean()
        assert less == pytest.approx(0.02, abs=4 * math.sqrt(0.02 / 20_000))
    # two starts: the squared length is beta distributed with parameters 1 and (p - 2) / 2
    assert least_share(40, 2, 0.02) ** 2 == pytest.approx(1 - 0.98 ** (1 / 19), rel=1e-9)
    assert least_share(10**6) == pytest.approx(1e-3 / math.sqrt(2e6 / math.pi), rel=1e-5)
    assert least_share(3, 3) == 1


def test_blocks_find_the_outermost_as_single_starts_do():
    diagonal = graph_like()
    for seed in range(10):
        generator = seeded(seed)

        def start(generator=generator):
            return torch.randn(3, len(diagonal), generator=generator, dtype=diagonal.dtype)

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _, found = extremes(lambda rows: rows * diagonal, start, k=3, tolerance=1e-2)
        assert all(each.converged for each in found)
        assert within([each.value for each in found], np.array(OUTER[:3]), 1e-2)
