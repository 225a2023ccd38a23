"""Make curvature.json: eigenvalues, products and traces by PyHessian 0.1 and curvlinops 3.0.1.

    python -m pip install --no-deps -r benchmarks/curvature_peers.txt
    python -m tests.oracles.make_curvature

The network is 6-8-4 with tanh, 92 parameters, on 40 examples, in float64; weights and data come
from numpy's generator, so that they do not depend on the version of torch.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import torch
from curvlinops import GGNLinearOperator, HessianLinearOperator, hutchinson_trace, hutchpp_trace
from pyhessian import hessian
from scipy.sparse.linalg import eigsh
from torch import nn

OUT = Path(__file__).with_name("curvature.json")


def problem() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor]:
    """Network, inputs and labels."""
    rng = np.random.default_rng(7)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(rng.normal(size=tuple(p.shape))))
    inputs = torch.from_numpy(rng.normal(size=(40, 6)))
    return model, inputs, torch.from_numpy(rng.integers(0, 4, size=40))


def vector() -> torch.Tensor:
    """A vector to multiply."""
    return torch.from_numpy(np.random.default_rng(8).normal(size=92))


def with_curvlinops() -> dict[str, object]:
    """Both matrices: ends of the spectrum by eigsh, a product, the trace of many probes."""
    model, x, y = problem()
    found: dict[str, object] = {}
    kinds = {"hessian": HessianLinearOperator, "gauss_newton": GGNLinearOperator}
    for kind, make in kinds.items():
        operator = make(model, nn.CrossEntropyLoss(), list(model.parameters()), [(x, y)])
        scipy = operator.to_scipy(dtype=np.float64)
        # the Gauss-Newton matrix has many eigenvalues of zero, which eigsh cannot tell apart
        asked = ("LA", "SA") if kind == "hessian" else ("LA",)
        ends = {
            end: np.sort(eigsh(scipy, k=4, which=end, tol=1e-9, return_eigenvectors=False))
            for end in asked
        }
        torch.manual_seed(1)
        found[kind] = {
            "largest": ends["LA"][::-1].tolist(),
            "smallest": ends["SA"].tolist() if "SA" in ends else None,
            "product": (operator @ vector()).tolist(),
            "hutchpp": [float(hutchpp_trace(operator, 60)) for _ in range(30)],
            "hutchinson": [float(hutchinson_trace(operator, 60)) for _ in range(30)],
        }
    return found


def with_pyhessian() -> dict[str, object]:
    """The largest in size, by power iteration until two steps differ by 1e-11."""
    model, x, y = problem()
    torch.manual_seed(1)
    peer = hessian(model, nn.CrossEntropyLoss(), data=(x, y), cuda=False)
    values, _ = peer.eigenvalues(maxIter=2000, tol=1e-11, top_n=3)
    return {"by_size": values}


def main() -> None:
    """Write the file."""
    torch.set_default_dtype(torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {"curvlinops": with_curvlinops(), "pyhessian": with_pyhessian()}
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
