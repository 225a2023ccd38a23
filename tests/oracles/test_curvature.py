"""Curvature against the stored numbers of PyHessian and curvlinops (see make_curvature)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from collectors.curvature import curvature_of, curvature_trace, eigenvalues

STORED = json.loads(Path(__file__).with_name("curvature.json").read_text("utf-8"))
KINDS = ["hessian", "gauss_newton"]


def problem():
    """The network and data of make_curvature."""
    rng = np.random.default_rng(7)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(rng.normal(size=tuple(p.shape))))
    inputs = torch.from_numpy(rng.normal(size=(40, 6)))
    return model, losses, (inputs, torch.from_numpy(rng.integers(0, 4, size=40)))


def losses(outputs, targets):
    return cross_entropy(outputs, targets, reduction="none")


@pytest.mark.parametrize("kind", KINDS)
def test_products_are_those_of_curvlinops(kind):
    v = torch.from_numpy(np.random.default_rng(8).normal(size=92))
    with curvature_of(*problem(), kind=kind) as A:
        assert A(v).tolist() == pytest.approx(STORED["curvlinops"][kind]["product"], rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_are_those_of_eigsh_on_curvlinops(kind):
    stored = STORED["curvlinops"][kind]
    which = "both" if stored["smallest"] else "largest"
    found = eigenvalues(*problem(), k=4, kind=kind, which=which, tolerance=1e-9)
    assert found.values == pytest.approx(stored["largest"] + (stored["smallest"] or []), rel=1e-7)


def test_the_largest_in_size_are_those_of_pyhessian():
    # its power iteration stops on consecutive values, so it is good to about 1e-5
    found = eigenvalues(*problem(), k=3, which="size", tolerance=1e-9)
    assert found.values == pytest.approx(STORED["pyhessian"]["by_size"], rel=1e-5)
    assert found.values[0] < 0 < found.values[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["hutchpp", "hutchinson"])
def test_the_trace_is_the_mean_of_curvlinops_estimates(kind, method):
    stored = np.array(STORED["curvlinops"][kind][method])
    error = stored.std(ddof=1) / np.sqrt(len(stored))
    found = curvature_trace(*problem(), kind=kind)
    assert found.se == 0
    assert abs(found.value - stored.mean()) < 4 * error
