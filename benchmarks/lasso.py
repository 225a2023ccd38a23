"""A lasso path of 100 penalties over the squared changes of a training, here and with peers.

    OMP_NUM_THREADS=1 python benchmarks/lasso.py --layer 0 [--peers adelie celer]

The design is of a network 64-160-640-960-10 trained on scikit-learn's digits by SGD for 500 steps:
p = 10,240, 102,400 and 614,400 in layers 0, 1 and 2. Columns are centred and scaled to standard
deviation one, penalties go down to a hundredth of the largest. Times are CPU seconds; gaps are
relative to the objective without columns, computed here in float64 for every solver. Peers are
timed where they are installed; each gets the standardised matrix as a gift. adelie (MIT) pins
numpy below 2 and works with a later one: ``pip install --no-deps adelie`` and ``ipython``. glmstar
and python-glmnet (both GPL, and never needed here) install a module of the same name, glmnet: give
each an environment of its own.

``--memory`` reports the peak memory of a path from a memory map; ``--large 20000000`` writes a
file of 16 GB (200 steps) and fits a path through it.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

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


def with_adelie(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Block coordinate descent of adelie, in float64."""
    import adelie

    state = adelie.grpnet(
        x,
        adelie.glm.gaussian(y),
        lmda_path=penalties,
        early_exit=False,
        intercept=False,
        tol=1e-12,
        max_iters=10**7,
        progress_bar=False,
        n_threads=1,
    )
    return state.betas.toarray().T


def with_glmstar(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Coordinate descent of glmstar, whose module is named glmnet."""
    from glmnet import GaussNet
    from glmnet.paths.fastnet import FastNetControl

    control = FastNetControl(thresh=1e-12, maxit=10**8)
    fit = GaussNet(
        lambda_values=penalties, standardize=False, fit_intercept=False, control=control
    ).fit(x, y)
    return _padded(np.asarray(fit.coefs_).T, penalties)


def with_python_glmnet(x: np.ndarray, y: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """Coordinate descent of python-glmnet, whose module is named glmnet too."""
    from glmnet import ElasticNet

    fit = ElasticNet(
        alpha=1,
        lambda_path=penalties,
        standardize=False,
        fit_intercept=False,
        n_splits=0,
        tol=1e-12,
        max_iter=10**8,
    ).fit(x, y)
    return _padded(fit.coef_path_, penalties)


def _padded(found: np.ndarray, penalties: np.ndarray) -> np.ndarray:
    """A path that ended early stays where it ended."""
    missing = len(penalties) - found.shape[1]
    return np.pad(found, ((0, 0), (0, missing)), mode="edge")


PEERS = {
    "adelie": with_adelie,
    "celer": with_celer,
    "glmstar": with_glmstar,
    "python-glmnet": with_python_glmnet,
    "scikit-learn": with_scikit_learn,
}


def ours(changes: np.ndarray, y: np.ndarray) -> tuple[LassoPath, float]:
    """Our path and its CPU seconds."""
    began = time.process_time()
    path = lasso_path(SquaredChanges(changes), y, lambdas=PENALTIES)
    return path, time.process_time() - began


def one_reading(changes: np.ndarray, y: np.ndarray) -> float:
    """CPU seconds of one product of y with all squared changes."""
    columns, began = SquaredChanges(changes), time.process_time()
    for _, block in columns.blocks():
        y.astype(np.float32) @ block
    return time.process_time() - began


@contextmanager
def private_memory() -> Iterator[list[int]]:
    """Peak bytes of anonymous memory above those at entry, looked at every 2 ms (Linux).

    Pages of a memory map that were read are the system's to take back, and do not count.
    """

    def held() -> int:
        status = Path("/proc/self/status").read_text("ascii")
        return int(status.split("RssAnon:")[1].split()[0]) * 1024

    before, ended, peak = held(), threading.Event(), [0]

    def look() -> None:
        while not ended.wait(0.002):
            peak[0] = max(peak[0], held() - before)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def report_memory(file: Path, y: np.ndarray) -> None:
    """Memory of our path from a memory map, in a process that has held nothing else."""
    child = get_context("spawn").Process(target=_report_memory, args=(file, y))
    child.start()
    child.join()


def _report_memory(file: Path, y: np.ndarray) -> None:
    changes = np.load(file, mmap_mode="r")
    with private_memory() as peak:
        path, _ = ours(changes, y)
    share = peak[0] / (changes.size * 4)
    print(f"from a memory map: {peak[0] / 1e6:.0f} MB, {share:.3f} of X; {path.passes} passes")


def large(folder: Path, count: int, steps: int) -> None:
    """A path through a file of random changes, shaped like a training's, removed afterwards."""
    file = folder / "lasso_changes.npy"
    rng = np.random.default_rng(0)
    try:
        changes = np.lib.format.open_memmap(file, "w+", np.float32, (steps, count))
        scale = 1e-5 * np.exp(rng.standard_normal(count, dtype=np.float32))
        parts = rng.normal(size=(8, count)).astype(np.float32)
        y = np.empty(steps)
        for step in range(steps):
            shared = (rng.normal(size=8).astype(np.float32) @ parts) / 4
            row = shared + rng.standard_normal(count, dtype=np.float32)
            changes[step] = row * scale * np.float32(np.exp(-2 * step / steps))
            y[step] = -np.square(changes[step], dtype=np.float64).sum() / RATE
        y += 0.1 * y.std() * rng.normal(size=steps)
        changes.flush()
        del changes, parts, scale
        mapped = np.load(file, mmap_mode="r")
        began = time.perf_counter()
        reading = one_reading(mapped, y)
        passed = time.perf_counter() - began
        print(f"{steps} x {count}: one reading {passed:.0f} s, {reading:.0f} s of CPU")
        began = time.perf_counter()
        report_memory(file, y)
        print(f"the path: {time.perf_counter() - began:.0f} s")
    finally:
        file.unlink(missing_ok=True)


def main() -> None:
    """Time one layer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=int, choices=(0, 1, 2), default=0)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="peak memory from a memory map")
    parser.add_argument("--large", type=int, metavar="P", help="P random columns instead")
    parser.add_argument("--steps", type=int, default=200, help="rows of the random columns")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    o = parser.parse_args()
    torch.set_num_threads(1)
    if o.large:
        large(o.folder, o.large, o.steps)
        return
    changes, y = trajectory(o.layer)
    if o.memory:
        with tempfile.TemporaryDirectory(dir=o.folder) as folder:
            np.save(Path(folder, "changes.npy"), changes)
            del changes
            report_memory(Path(folder, "changes.npy"), y)
        return
    compare(changes, y, o.peers, o.turns)


def compare(changes: np.ndarray, y: np.ndarray, peers: list[str], turns: int) -> None:
    """Times and gaps, here and of peers."""
    timed = [ours(changes, y) for _ in range(turns)]
    path, seconds = timed[0][0], sorted(t for _, t in timed)[turns // 2]
    print(path.summary())
    reading = one_reading(changes, y)
    print(f"here: {seconds:.2f} s, largest gap {path.gaps.max():.1e}, {path.passes} passes")
    print(f"one reading of X with one product: {reading:.3f} s, {seconds / reading:.1f} in ours")
    if peers:
        x = standardised(changes)
        centred = y - y.mean()
    for name in peers:
        began = time.process_time()
        try:
            found = PEERS[name](x, centred, path.lambdas)
        except ImportError as error:
            print(f"{name}: not installed ({error})")
            continue
        spent = time.process_time() - began
        gap = largest_gap(x, centred, path.lambdas, found)
        print(f"{name}: {spent:.1f} s, largest gap {gap:.1e}, {spent / seconds:.1f} times ours")


if __name__ == "__main__":
    main()
