"""Elastic net and group lasso paths over the squared changes of a training, here and with peers.

    OMP_NUM_THREADS=1 python benchmarks/lasso_penalties.py --l1-ratios 0.5 0.1 --groups 64 \
        [--momentum] [--peers scikit-learn adelie]

The design is layer 0 of `benchmarks/lasso.py` (T = 500, p = 10,240), standardised as y is; 100
penalties go down to a hundredth of the largest. `--momentum` makes three columns a parameter:
its squared change, that of the step before, and the product of both. Times are CPU seconds, gaps
relative to the objective without columns and computed here in float64 for every solver. A peer
runs with tighter and tighter tolerances until its largest gap is 1e-6, or to the last of them; it
gets the standardised matrix as a gift.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.lasso import trajectory
from causalhyper.granger.lasso import DenseColumns, LassoPath
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path

TOLERANCES = (1e-6, 1e-8, 1e-10, 1e-12)
Gap = Callable[[float, np.ndarray], float]


def standardised(x: np.ndarray) -> np.ndarray:
    """Columns from their means over their spreads; zeros where a column does not vary."""
    x = x - x.mean(axis=0)
    spread = x.std(axis=0)
    return np.asfortranarray(x / np.where(spread > 0, spread, np.inf))


def momentum(changes: np.ndarray) -> np.ndarray:
    """Three columns a parameter, side by side, from the second step on."""
    now, before = changes[1:].astype(float), changes[:-1].astype(float)
    return np.stack([now**2, before**2, now * before], axis=2).reshape(len(now), -1)


def net_gap(x: np.ndarray, y: np.ndarray, l1_ratio: float) -> Gap:
    """Relative duality gap of an elastic net."""
    rows, null = len(y), y @ y / (2 * len(y))

    def gap(penalty: float, h: np.ndarray) -> float:
        residual, bound, ridge = y - x @ h, penalty * l1_ratio, penalty * (1 - l1_ratio)
        over = np.maximum(np.abs(x.T @ residual) / rows - bound, 0)
        primal = residual @ residual / (2 * rows) + bound * np.abs(h).sum() + ridge / 2 * h @ h
        dual = residual @ (2 * y - residual) / (2 * rows) - over @ over / (2 * ridge)
        return (primal - dual) / null

    return gap


def group_gap(x: np.ndarray, y: np.ndarray, size: int) -> Gap:
    """Relative duality gap of a group lasso."""
    rows, null, root = len(y), y @ y / (2 * len(y)), np.sqrt(size)

    def gap(penalty: float, h: np.ndarray) -> float:
        residual = y - x @ h
        lengths = np.linalg.norm((x.T @ residual).reshape(-1, size), axis=1)
        feasible = residual / max(1.0, lengths.max() / (rows * root * penalty))
        cost = penalty * root * np.linalg.norm(h.reshape(-1, size), axis=1).sum()
        dual = feasible @ (2 * y - feasible) / (2 * rows)
        return (residual @ residual / (2 * rows) + cost - dual) / null

    return gap


def with_scikit_learn(
    x: np.ndarray, y: np.ndarray, path: LassoPath, tolerance: float
) -> np.ndarray | None:
    """Coordinate descent of scikit-learn; None for groups, which it has not."""
    from sklearn.linear_model import enet_path

    if path.edges is not None:
        return None
    options = {"alphas": path.lambdas, "tol": tolerance, "max_iter": 100_000}
    return enet_path(x, y, l1_ratio=path.l1_ratio, **options)[1].T


def with_adelie(x: np.ndarray, y: np.ndarray, path: LassoPath, tolerance: float) -> np.ndarray:
    """Block coordinate descent of adelie."""
    import adelie as ad

    groups = np.arange(path.width) if path.edges is None else path.edges[:-1]
    state = ad.grpnet(
        ad.matrix.dense(x, method="naive", n_threads=1),
        ad.glm.gaussian(y),
        groups=groups,
        alpha=path.l1_ratio,
        lmda_path=path.lambdas,
        tol=tolerance,
        early_exit=False,
        intercept=False,
        progress_bar=False,
    )
    return state.betas.toarray()


PEERS = {"scikit-learn": with_scikit_learn, "adelie": with_adelie}


def compare(
    name: str,
    fit: Callable[[], LassoPath],
    x: np.ndarray,
    y: np.ndarray,
    gap: Gap,
    peers: list[str],
) -> None:
    """Time one path here and with peers."""
    began = time.process_time()
    path = fit()
    seconds = time.process_time() - began
    found = np.stack([path.dense(at) for at in range(len(path))])
    largest = max(map(gap, path.lambdas, found))
    print(
        f"{name}: {seconds:.1f} s, gap {largest:.1e}, {path.passes} passes, "
        f"{len(path.columns[-1])} columns at the last, {path.steps} steps",
        flush=True,
    )
    for peer in peers:
        for tolerance in TOLERANCES:
            began = time.process_time()
            theirs = PEERS[peer](x, y, path, tolerance)
            if theirs is None:
                break
            spent = time.process_time() - began
            largest = max(map(gap, path.lambdas, theirs))
            print(
                f"  {peer}, tolerance {tolerance:g}: {spent:.1f} s, gap {largest:.1e}, "
                f"{spent / seconds:.1f} times ours",
                flush=True,
            )
            if largest <= 1e-6:
                break


def main() -> None:
    """Time what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--l1-ratios", type=float, nargs="*", default=[])
    parser.add_argument("--groups", type=int, nargs="*", default=[])
    parser.add_argument("--momentum", action="store_true")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[])
    o = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    changes, y = trajectory(0)
    x = standardised(changes.astype(float) ** 2)
    z = (y - y.mean()) / y.std()
    columns = DenseColumns(x)
    for share in o.l1_ratios:

        def net(share: float = share) -> LassoPath:
            return elastic_net_path(columns, z, l1_ratio=share)

        compare(f"l1_ratio {share:g}", net, x, z, net_gap(x, z, share), o.peers)
    for size in o.groups:

        def grouped(size: int = size) -> LassoPath:
            return group_lasso_path(columns, z, groups=size)

        compare(f"groups of {size}", grouped, x, z, group_gap(x, z, size), o.peers)
    if o.momentum:
        x, z = standardised(momentum(changes)), y[1:]
        z = (z - z.mean()) / z.std()

        def triples() -> LassoPath:
            return group_lasso_path(DenseColumns(x), z, groups=3)

        compare("momentum", triples, x, z, group_gap(x, z, 3), o.peers)


if __name__ == "__main__":
    main()
