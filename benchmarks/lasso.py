"""A lasso path of 100 penalties over the squared changes of a training, here and with peers.

    OMP_NUM_THREADS=1 python benchmarks/lasso.py --layer 0 [--peers scikit-learn celer]

The design is of a network 64-160-640-960-10 trained on scikit-learn's digits by SGD for 500 steps:
p = 10,240, 102,400 and 614,400 in layers 0, 1 and 2. Columns are centred and scaled to standard
deviation one, penalties go down to a hundredth of the largest. Times are CPU seconds; gaps are
relative to the objective without columns, computed here in float64 for every solver. Peers are
timed where they are installed; each gets the standardised matrix as a gift.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_digits

from causalhyper.granger.lasso import LassoPath, SquaredChanges, lasso_path

SIZES = (64, 160, 640, 960, 10)
STEPS, BATCH, RATE, PENALTIES = 500, 64, 0.05, 100


def trajectory(layer: int) -> tuple[np.ndarray, np.ndarray]:
    """Changes of a layer, shape (500, p), and the loss change of each step on its minibatch."""
    torch.manual_seed(0)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(SIZES)]
    parts = [part for one in layers for part in (one, torch.nn.ReLU())]
    net = torch.nn.Sequential(*parts[:-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    loss, weight = torch.nn.CrossEntropyLoss(), layers[layer].weight
    changes = np.empty((STEPS, weight.numel()), np.float32)
    response = np.empty(STEPS)
    order = torch.cat([torch.randperm(len(x)) for _ in range(STEPS * BATCH // len(x) + 1)])
    for step in range(STEPS):
        batch = order[step * BATCH : (step + 1) * BATCH]
        before = loss(net(x[batch]), y[batch])
        optimizer.zero_grad()
        before.backward()
        optimizer.step()
        with torch.no_grad():
            after = loss(net(x[batch]), y[batch])
        response[step] = after.double() - before.detach().double()
        changes[step] = (-RATE * weight.grad).reshape(-1).numpy()
    return changes, response


def standardised(changes: np.ndarray) -> np.ndarray:
    """Squares, centred and scaled, columns that do not vary left out."""
    squares = changes.astype(np.float64) ** 2
    squares -= squares.mean(axis=0)
    spread = squares.std(axis=0)
    return np.asfortranarray(squares[:, spread > 0] / spread[spread > 0])


def largest_gap(x: np.ndarray, y: np.ndarray, penalties: np.ndarray, paths: np.ndarray) -> float:
    """Largest relative duality gap of solutions, shape (p, k)."""
    residuals = y[:, None] - x @ paths
    rows = len(y)
    excess = np.maximum(1, np.abs(x.T @ residuals).max(axis=0) / (rows * penalties))
    primal = (residuals**2).sum(axis=0) / (2 * rows) + penalties * np.abs(paths).sum(axis=0)
    feasible = residuals / excess
    dual = (feasible * (2 * y[:, None] - feasible)).sum(axis=0) / (2 * rows)
    return float(((primal - dual) / (y @ y / (2 * rows))).max())


def with_scikit_learn(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Coordinate descent of scikit-learn."""
    from sklearn.linear_model import lasso_path as theirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return theirs(x, y, alphas=penalties, tol=1e-6, max_iter=100_000)[1]


def with_celer(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Working sets with dual extrapolation."""
    from celer import celer_path

    return celer_path(x, y, pb="lasso", alphas=penalties, tol=1e-6)[1]


PEERS = {"scikit-learn": with_scikit_learn, "celer": with_celer}


def ours(changes: np.ndarray, y: np.ndarray) -> tuple[LassoPath, float]:
    """Our path and its CPU seconds."""
    began = time.process_time()
    path = lasso_path(SquaredChanges(changes), y, lambdas=PENALTIES)
    return path, time.process_time() - began


def main() -> None:
    """Time one layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[])
    parser.add_argument("--turns", type=int, default=3)
    o = parser.parse_args()
    torch.set_num_threads(1)
    changes, y = trajectory(o.layer)
    timed = [ours(changes, y) for _ in range(o.turns)]
    path, seconds = timed[0][0], sorted(t for _, t in timed)[o.turns // 2]
    print(path.summary())
    print(f"here: {seconds:.2f} s, largest gap {path.gaps.max():.1e}, {path.passes} passes")
    if o.peers:
        x = standardised(changes)
        centred = y - y.mean()
    for name in o.peers:
        began = time.process_time()
        found = PEERS[name](x, centred, path.lambdas)
        spent = time.process_time() - began
        gap = largest_gap(x, centred, path.lambdas, found)
        print(f"{name}: {spent:.1f} s, largest gap {gap:.1e}, {spent / seconds:.1f} times ours")


if __name__ == "__main__":
    main()
