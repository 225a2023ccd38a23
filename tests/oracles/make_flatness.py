"""Make flatness.json: kept rows and columns by curvlinops 3.0.1, filters by loss-landscapes 3.0.6.

    python -m pip install --no-deps -r benchmarks/curvature_peers.txt loss-landscapes==3.0.6
    python -m tests.oracles.make_flatness

The network is 6-8-4 with tanh, without biases (loss-landscapes moves them too), 80 parameters, on
40 examples, in float64; weights, data, masks and directions come from numpy's generator.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from curvlinops import HessianLinearOperator
from loss_landscapes.model_interface.model_parameters import ModelParameters
from torch import nn

OUT = Path(__file__).with_name("flatness.json")


def problem() -> tuple[nn.Sequential, torch.Tensor, torch.Tensor, dict[str, np.ndarray]]:
    """Network, inputs, labels and masks; pruned weights are zero."""
    rng = np.random.default_rng(17)
    layers = [nn.Linear(6, 8, bias=False), nn.Tanh(), nn.Linear(8, 4, bias=False)]
    model = nn.Sequential(*layers).double()
    masks = {}
    with torch.no_grad():
        for name, p in model.named_parameters():
            masks[name] = rng.random(tuple(p.shape)) < 0.3
            p.copy_(torch.from_numpy(rng.normal(size=tuple(p.shape)) * masks[name]))
    inputs = torch.from_numpy(rng.normal(size=(40, 6)))
    return model, inputs, torch.from_numpy(rng.integers(0, 4, size=40)), masks


def direction() -> dict[str, np.ndarray]:
    """A direction before it is normalised."""
    rng = np.random.default_rng(18)
    return {"0.weight": rng.normal(size=(8, 6)), "2.weight": rng.normal(size=(4, 8))}


def main() -> None:
    """Write the file."""
    model, x, y, masks = problem()
    parameters = list(model.parameters())
    operator = HessianLinearOperator(model, nn.CrossEntropyLoss(), parameters, [(x, y)])
    H = (operator @ torch.eye(80, dtype=torch.float64)).detach().numpy()
    kept = np.concatenate([mask.ravel() for mask in masks.values()])
    found = {}
    for space, places in (("full", np.arange(80)), ("kept", np.flatnonzero(kept))):
        values = np.linalg.eigvalsh(H[np.ix_(places, places)])[::-1]
        found[space] = {
            "largest": values[:5].tolist(), "smallest": values[-1], "trace": values.sum(),
            "negative": int((values < -1e-3 * values[0]).sum()), "entries": len(places),
        }  # fmt: skip
    u = ModelParameters([torch.from_numpy(each) for each in direction().values()])
    u.filter_normalize_(ModelParameters([p.detach() for p in parameters]))
    found["filters"] = [each.flatten().tolist() for each in u.parameters]
    OUT.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
