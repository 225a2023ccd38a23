"""Claims about gaps of lasso paths over designs that are hard on rounding and on working sets."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from causalhyper.granger.lasso import DenseColumns, elastic_net, group_lasso, lasso_path, rounds
from causalhyper.granger.lasso import path as paths
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path
from causalhyper.granger.lasso.homotopy import null_solution
from causalhyper.granger.lasso.rounds import Standing
from causalhyper.granger.lasso.scan import survey
from causalhyper.granger.lasso.spreads import spreads_of
from causalhyper.granger.lasso.working_set import WorkingSet

EXTENDED = np.longdouble


def gaps_by_definition(x, y, path, *, intercept):
    """Relative duality gaps; every column that differs from a constant counts.

    In the extended precision of the machine (64 bits of mantissa on x86).
    """
    x, y, rows = np.asarray(x, dtype=EXTENDED), y.astype(EXTENDED), len(y)
    centred = x - x.mean(axis=0) if intercept else x
    response = y - y.mean() if intercept else y
    varies = (x != x[0]).any(axis=0) if intercept else x.any(axis=0)
    spreads = np.sqrt((centred**2).mean(axis=0))
    weights = spreads if path.standardised else np.ones(x.shape[1])
    gaps = []
    for at, penalty in enumerate(path.lambdas):
        slopes = path.dense(at).astype(EXTENDED)
        residual = response - centred @ slopes
        ratios = np.abs(residual @ centred)[varies] / (rows * penalty * weights[varies])
        feasible = residual / max(1.0, ratios.max(initial=0.0))
        primal = residual @ residual + 2 * rows * penalty * (weights @ np.abs(slopes))
        gaps.append((primal - feasible @ (2 * response - feasible)) / (response @ response))
    return np.array(gaps)


def penalised_gaps_by_definition(x, y, path, *, intercept):
    """Those of an elastic net or a group lasso, for the best multiple of each residual."""
    x, y, rows = np.asarray(x, dtype=EXTENDED), y.astype(EXTENDED), len(y)
    centred = x - x.mean(axis=0) if intercept else x
    response = y - y.mean() if intercept else y
    varies = (x != x[0]).any(axis=0) if intercept else x.any(axis=0)
    weights = np.sqrt((centred**2).mean(axis=0)) if path.standardised else np.ones(x.shape[1])
    columns = centred * np.where(varies, 1 / np.where(varies, weights, 1), 0)
    edges = np.arange(x.shape[1] + 1) if path.edges is None else path.edges
    roots, starts = np.sqrt(np.diff(edges)), edges[:-1]
    unit = np.sqrt((response**2).mean()) if path.standardised else 1.0
    gaps = []
    for at, penalty in enumerate(path.lambdas):
        h = path.dense(at).astype(EXTENDED) * weights
        bound, ridge = penalty * path.l1_ratio * roots, penalty * (1 - path.l1_ratio) / unit
        residual = response - columns @ h
        lengths = np.sqrt(np.add.reduceat((columns.T @ residual / rows) ** 2, starts))
        norms = np.sqrt(np.add.reduceat(h**2, starts))

        def low(share, residual=residual, lengths=lengths, bound=bound, ridge=ridge):
            kept, over = share * residual, np.maximum(share * lengths - bound, 0)
            cost = over @ over / ridge if ridge else 0.0
            return kept @ (2 * response - kept) / rows - cost

        best = residual @ response / (residual @ residual)
        fits = 1 / (lengths / bound).max(initial=1e-9)
        shares = [fits, min(fits, best)]
        if ridge:
            shares.append(minimize_scalar(lambda a: -low(a), bounds=(0, 2), method="bounded").x)
            shares.append(1.0)
        primal = residual @ residual / rows + 2 * bound @ norms + ridge * h @ h
        gaps.append((primal - max(map(low, shares))) / (response @ response / rows))
    return np.array(gaps)


def first_step_above_all(rng, shape):
    x = 1e-3 * rng.normal(size=shape)
    x[0] += 1 + rng.random(shape[1])
    return x


DESIGNS = {
    "squares of small changes": lambda rng, shape: 1e-24 * rng.normal(size=shape) ** 2,
    "columns of many scales": lambda rng, shape: (
        rng.normal(size=shape) * 10.0 ** rng.uniform(-24, 0, shape[1])
    ),
    "skewed": lambda rng, shape: 1e-18 * np.exp(4 * rng.normal(size=shape)),
    "one step above all": first_step_above_all,
    "means far from zero": lambda rng, shape: rng.normal(size=shape) + 1e5 * rng.random(shape[1]),
    "one mean far from zero": lambda rng, shape: (
        rng.normal(size=shape) + 10.0 ** rng.uniform(2, 6)
    ),
    "nearly the same column": lambda rng, shape: (
        rng.normal(size=(shape[0], 1)) + 10.0 ** rng.uniform(-7, -2) * rng.normal(size=shape)
    ),
    "ties": lambda rng, shape: rng.integers(0, 2, shape).astype(float),
    "the same column": lambda rng, shape: np.repeat(rng.normal(size=(shape[0], 1)), shape[1], 1),
    "three dimensions": lambda rng, shape: (
        rng.normal(size=(shape[0], 3)) @ rng.normal(size=(3, shape[1]))
    ),
}


@pytest.mark.parametrize("kind", DESIGNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore:.*relative duality gap above:RuntimeWarning")
def test_no_gap_is_larger_than_what_is_said(kind, dtype, monkeypatch):
    rng = np.random.default_rng(list(DESIGNS).index(kind))
    for trial in range(8):
        for name, most in (("FIRST", 1), ("MORE", 1), ("HELD", 2)):
            monkeypatch.setattr(rounds, name, most if trial % 2 else 8)
        monkeypatch.setattr(paths, "FIRST", rounds.FIRST)
        shape = int(rng.integers(5, 40)), int(rng.integers(100, 200))
        x = DESIGNS[kind](rng, shape).astype(dtype)
        there = x[:, :3].astype(float)
        y = (there / np.abs(there).max(axis=0)).sum(axis=1) + 0.1 * rng.normal(size=shape[0])
        options = {"standardise": trial % 3 > 0, "intercept": trial % 4 > 0, "max_passes": 4}
        matrix = torch.from_numpy(x) if trial % 5 == 0 else x
        path = lasso_path(DenseColumns(matrix, 50), y, lambdas=12, **options)
        truth = gaps_by_definition(x, y, path, intercept=options["intercept"])
        assert (truth <= path.gaps).all()


PENALTIES = {
    "elastic net": lambda *given, **options: elastic_net_path(*given, l1_ratio=0.5, **options),
    "nearly a lasso": lambda *given, **options: elastic_net_path(*given, l1_ratio=0.99, **options),
    "groups": lambda *given, **options: group_lasso_path(*given, groups=5, **options),
}


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("kind", DESIGNS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("ignore:.*relative duality gap above:RuntimeWarning")
def test_no_gap_of_another_penalty_is_larger_than_what_is_said(penalty, kind, dtype, monkeypatch):
    rng = np.random.default_rng(list(DESIGNS).index(kind))
    for trial in range(5):
        for module in (elastic_net, group_lasso):
            monkeypatch.setattr(module, "FIRST", 1 if trial % 2 else 16)
            monkeypatch.setattr(module, "MORE", 1 if trial % 2 else 12)
        shape = int(rng.integers(5, 40)), 5 * int(rng.integers(20, 40))
        x = DESIGNS[kind](rng, shape).astype(dtype)
        there = x[:, :3].astype(float)
        y = (there / np.abs(there).max(axis=0)).sum(axis=1) + 0.1 * rng.normal(size=shape[0])
        options = {"standardise": trial % 3 > 0, "intercept": trial % 4 > 0, "max_passes": 5}
        matrix = torch.from_numpy(x) if trial % 5 == 0 else x
        path = PENALTIES[penalty](DenseColumns(matrix, 50), y, lambdas=8, **options)
        truth = penalised_gaps_by_definition(x, y, path, intercept=options["intercept"])
        assert (truth <= path.gaps).all()


def test_a_column_that_moved_in_the_first_step_above_all_takes_part():
    rng = np.random.default_rng(0)
    x = first_step_above_all(rng, (1200, 30)).astype(np.float32)
    y = 1e3 * (x[:, 4] - x[:, 4].mean()) + 0.1 * rng.normal(size=1200)
    path = lasso_path(DenseColumns(x), y, lambdas=10)
    exact = lasso_path(DenseColumns(x.astype(float)), y, lambdas=10)
    assert [c.tolist() for c in path.columns] == [c.tolist() for c in exact.columns]
    assert 4 in path.columns[-1]


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("intercept", [True, False])
def test_spreads_are_those_of_float64_whatever_the_scale(library, intercept):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 6)) * 10.0 ** -np.array([0, 10, 18, 21, 30, 36])
    x[0] *= [1, 1e6, 1, 1e6, 1, 1]
    x = np.hstack([x, np.full((3000, 1), 7 * intercept)]).astype(np.float32)
    away = x - x[0] if intercept else x
    square, spreads = spreads_of(library(away), library(away.mean(axis=0)), intercept=intercept)
    expected = (
        x.astype(float).std(axis=0) if intercept else np.sqrt((x.astype(float) ** 2).mean(0))
    )
    np.testing.assert_allclose(np.asarray(spreads)[:-1], expected[:-1], rtol=1e-5)
    assert np.isinf(np.asarray(spreads)[-1])
    assert np.isfinite(np.asarray(square)).all()


def test_means_far_from_zero_take_no_more_readings_in_float32():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(60, 800)) + 1e4 * (1 + rng.random(800))).astype(np.float32)
    centred = x.astype(float) - x.astype(float).mean(axis=0)
    y = centred[:, :5].sum(axis=1) + rng.normal(size=60)
    path = lasso_path(DenseColumns(x), y, lambdas=30)
    assert path.converged.all()
    assert path.passes <= lasso_path(DenseColumns(centred), y, lambdas=30).passes + 1


def test_the_first_round_goes_down_a_part_of_the_path_where_all_columns_are_alike():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(size=(38, 1)), 383, axis=1).astype(np.float32)
    problem, kept = survey(
        DenseColumns(x), rng.normal(size=38), standardise=False, intercept=False, keep=8
    )
    working = WorkingSet.of(problem, *kept)
    standing = Standing.at_first(working, np.ones(3), null_solution(working))
    assert 0.5 < standing.reach < 0.9


def test_a_fit_that_is_certified_stays_as_it_was_certified(monkeypatch):
    stays = []

    def spy(standing, penalties, tolerance, *, last):
        after = one_round(standing, penalties, tolerance, last=last)
        open_ = np.flatnonzero(standing.gaps > tolerance)
        between = np.setdiff1d(np.arange(open_[0], open_[-1]), open_)
        stays.extend(after.found[i].residual is standing.found[i].residual for i in between)
        return after

    one_round = rounds.one_round
    monkeypatch.setattr(paths, "one_round", spy)
    for module, name, most in ((paths, "FIRST", 1), (rounds, "MORE", 1), (rounds, "HELD", 2)):
        monkeypatch.setattr(module, name, most)
    rng = np.random.default_rng(32)
    x = rng.normal(size=(20, 300))
    y = x[:, :4] @ [1.0, -2.0, 3.0, 0.5] + rng.normal(size=20)
    path = lasso_path(DenseColumns(x), y, lambdas=40, tolerance=1e-2)
    assert len(stays) > 0
    assert all(stays)
    assert (gaps_by_definition(x, y, path, intercept=True) <= path.gaps + 1e-12).all()


@pytest.mark.parametrize("penalty", PENALTIES)
def test_means_far_from_zero_are_certified_to_what_float64_says(penalty):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(60, 400)) + 1e6 * (1 + rng.random(400))).astype(np.float32)
    centred = x.astype(float) - x.astype(float).mean(axis=0)
    y = centred[:, :5].sum(axis=1) + rng.normal(size=60)
    path = PENALTIES[penalty](DenseColumns(x), y, lambdas=20)
    assert path.converged.all()
    assert penalised_gaps_by_definition(x, y, path, intercept=True).max() <= 1e-6
    assert path.passes <= PENALTIES[penalty](DenseColumns(centred), y, lambdas=20).passes + 1


def test_groups_of_tiny_columns_are_found_without_standardising():
    rng = np.random.default_rng(0)
    x = (1e-24 * rng.normal(size=(30, 60)) ** 2).astype(np.float32)
    y = 1e24 * x[:, 5].astype(float) + 0.1 * rng.normal(size=30)
    path = group_lasso_path(DenseColumns(x), y, groups=5, lambdas=5, standardise=False)
    assert path.lambdas[0] > 0
    assert 5 in path.columns[-1]
