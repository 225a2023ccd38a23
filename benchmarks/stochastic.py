"""What stochastic l1 descent keeps as its epochs grow, and what the published masks are.

    OMP_NUM_THREADS=1 python benchmarks/stochastic.py --layer 0 [--epochs 1 3 10 100 1000]

A network 64-160-640-960-10 is trained on scikit-learn's digits by SGD for 500 steps; layers 0, 1
and 2 have p = 10,240, 102,400 and 614,400 parameters. First, on the change of the loss on the same
minibatch, at a penalty where the exact lasso (columns as they are, no intercept) keeps about 100:
gap, columns kept, and how many of the lasso's are among them. Then, on the change to the next
minibatch and on the same, the published descent beside marginal screening (by the mean, without
the weights of the learning rates) and the largest mean squared changes, as many as it keeps.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise

import numpy as np
import torch
from sklearn.datasets import load_digits

from causalhyper.granger.lasso import LassoPath, SquaredChanges, lasso_path
from causalhyper.granger.screening import screen_columns
from causalhyper.granger.stochastic import stochastic_lasso

SIZES = (64, 160, 640, 960, 10)
STEPS, BATCH, RATE = 500, 64, 0.05


def trajectory(layer: int, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Changes of a layer, shape (500, p), and two loss changes of each step."""
    torch.manual_seed(seed)
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    layers = [torch.nn.Linear(a, b) for a, b in pairwise(SIZES)]
    net = torch.nn.Sequential(*[part for one in layers for part in (one, torch.nn.ReLU())][:-1])
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    loss, weight = torch.nn.CrossEntropyLoss(), layers[layer].weight
    changes = np.empty((STEPS, weight.numel()), np.float32)
    before, after = np.empty(STEPS + 1), np.empty(STEPS)
    order = torch.cat([torch.randperm(len(x)) for _ in range(STEPS * BATCH // len(x) + 2)])
    for step in range(STEPS + 1):
        batch = order[step * BATCH : (step + 1) * BATCH]
        value = loss(net(x[batch]), y[batch])
        before[step] = value.detach().double()
        if step == STEPS:
            break
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        with torch.no_grad():
            after[step] = loss(net(x[batch]), y[batch]).double()
        changes[step] = (-RATE * weight.grad).reshape(-1).numpy()
    return changes, {"same": after - before[:-1], "next": np.diff(before)}


def lasso_near(columns: SquaredChanges, y: np.ndarray, wanted: int) -> tuple[LassoPath, int]:
    """The exact path, and which of its fits keeps about so many columns."""
    path = lasso_path(columns, y, lambdas=60, ratio=1e-4, standardise=False, intercept=False)
    counts = np.array([len(c) for c in path.columns])
    return path, int(np.abs(counts - wanted).argmin())


def jaccard(one: np.ndarray, other: np.ndarray) -> float:
    """Share of two sets of columns that both have."""
    either = len(np.union1d(one, other))
    return len(np.intersect1d(one, other)) / either if either else 1.0


def by_epochs(columns: SquaredChanges, y: np.ndarray, epochs: list[int]) -> None:
    """What descent comes to."""
    path, at = lasso_near(columns, y, 100)
    penalty, exact = path.lambdas[at], path.columns[at]
    print(f"exact lasso at {penalty:.4g}: {len(exact)} kept, gap {path.gaps[at]:.1g}")
    print("decay  epochs    kept  of the lasso's  gap     CPU s")
    for decay in (0.25, 0.0):
        for number in epochs:
            began = time.process_time()
            fit = stochastic_lasso(columns, y, l1=penalty, epochs=number, decay=decay)
            spent = time.process_time() - began
            common = len(np.intersect1d(exact, fit.columns[0]))
            print(
                f"{decay:<5g}  {number:6d}  {fit.kept[0]:6d}  {common:14d}  {fit.gaps[0]:.4f}"
                f"  {spent:.2f}"
            )


def published(columns: SquaredChanges, y: np.ndarray, share: float) -> None:
    """What the published descent keeps, at a penalty where screening keeps a share."""
    screening = screen_columns(columns, y)
    marginal = screening["design"].statistics["marginal"]
    penalty = float(np.quantile(marginal, 1 - share))
    fit = stochastic_lasso(columns, y, l1=penalty, reproduction=True)
    form = stochastic_lasso(columns, y, l1=penalty, reproduction=True, form="decoupled")
    found, p = fit.columns[0], columns.shape[1]
    ranked = {
        name: np.flatnonzero(screening.keep(name, sparsity=1 - len(found) / p).masks["design"])
        for name in ("marginal", "movement", "correlation")
    }
    above = np.flatnonzero(marginal > penalty)
    print(
        f"{share:5.2f}  {len(found):7d}  {fit.gaps[0]:.3f}  {fit.fitted[0]:.1e}"
        f"  {jaccard(found, form.columns[0]):9.4f}  {jaccard(found, above):9.4f}  "
        + "  ".join(f"{jaccard(found, one):11.4f}" for one in ranked.values())
    )


def main() -> None:
    """Run both on one layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument("--epochs", type=int, nargs="*", default=[1, 3, 10, 100])
    parser.add_argument("--seeds", type=int, default=3)
    o = parser.parse_args()
    torch.set_num_threads(1)
    for seed in range(o.seeds):
        changes, responses = trajectory(o.layer, seed)
        columns = SquaredChanges(changes)
        if seed == 0 and o.epochs:
            by_epochs(columns, responses["same"], o.epochs)
        for name, y in responses.items():
            print(
                f"\nseed {seed}, loss of the {name} minibatch; Jaccard of the published mask with"
            )
            print(
                "share     kept    gap  |fit|/|y|  decoupled  above L1    by marginal  by movement"
                "  by correlation"
            )
            for share in (0.5, 0.1, 0.02):
                published(columns, y, share)


if __name__ == "__main__":
    main()
