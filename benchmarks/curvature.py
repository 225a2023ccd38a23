"""Top five eigenvalues and trace of LeNet-5's Hessian: here, with PyHessian, with curvlinops.

    python -m pip install --no-deps -r benchmarks/curvature_peers.txt
    OMP_NUM_THREADS=1 python benchmarks/curvature.py [--examples 512] [--turns 3]

LeNet-5 (61,706 parameters) on scikit-learn's digits enlarged to 28 x 28, early in training and
trained. The reference eigenvalues are of 120 Lanczos steps. Times are CPU seconds in one process,
the three in turns; ratios are medians. The traces' errors are root mean squares over seeds,
against the mean of all traces here; Hutchinson's follows from its own spread over 99 products.
"""

from __future__ import annotations

import argparse
import importlib
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from curvlinops import HessianLinearOperator, hutchpp_trace
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from collectors.curvature import curvature_of, curvature_trace, eigenvalues
from collectors.curvature.trace import signs

STATES = {"early": 60, "trained": 600}
"""Steps of SGD with batches of 64."""
TOP = 5
PRODUCTS = 99


@dataclass(frozen=True, slots=True)
class Found:
    """Top eigenvalues, and what they cost."""

    values: np.ndarray
    products: int
    seconds: float


def lenet() -> nn.Sequential:
    """LeNet-5 with rectifiers and max-pooling."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def digits() -> tuple[Tensor, Tensor]:
    """1,797 images of 28 x 28 and their labels."""
    raw = load_digits()
    images = torch.tensor(raw.images, dtype=torch.float32)[:, None] / 16
    return interpolate(images, size=28, mode="bilinear"), torch.tensor(raw.target)


def trained(steps: int) -> nn.Sequential:
    """Train from one seed."""
    torch.manual_seed(0)
    model, (x, y) = lenet(), digits()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for _ in range(steps):
        batch = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        cross_entropy(model(x[batch]), y[batch]).backward()
        optimizer.step()
    return model


def losses(outputs: Tensor, targets: Tensor) -> Tensor:
    """Per-example cross-entropy."""
    return cross_entropy(outputs, targets, reduction="none")


def ours(model: nn.Module, data: tuple[Tensor, Tensor], seed: int) -> Found:
    """Certified to 1e-3."""
    began = time.process_time()
    found = eigenvalues(model, losses, data, k=TOP, generator=torch.Generator().manual_seed(seed))
    return Found(np.array(found.values), found.products, time.process_time() - began)


def with_pyhessian(model: nn.Module, data: tuple[Tensor, Tensor], seed: int) -> Found:
    """Power iteration with deflation, at its defaults."""
    count = [0]
    module = importlib.import_module("pyhessian.hessian")
    plain = module.hessian_vector_product

    def counted(*arguments: object) -> object:
        count[0] += 1
        return plain(*arguments)

    torch.manual_seed(seed)
    model.zero_grad(set_to_none=True)
    module.hessian_vector_product = counted
    began = time.process_time()
    try:
        peer = module.hessian(model, nn.CrossEntropyLoss(), data=data, cuda=False)
        values, _ = peer.eigenvalues(top_n=TOP)
    finally:
        module.hessian_vector_product = plain
        model.zero_grad(set_to_none=True)
    return Found(np.sort(values)[::-1], count[0], time.process_time() - began)


def with_curvlinops(model: nn.Module, data: tuple[Tensor, Tensor], seed: int) -> Found:
    """Scipy's eigsh on its operator, algebraically largest, to 1e-3."""
    count = [0]
    began = time.process_time()
    parameters = [p for p in model.parameters() if p.requires_grad]
    operator = HessianLinearOperator(
        model, nn.CrossEntropyLoss(), parameters, [data], check_deterministic=False
    )
    plain = operator.to_scipy()

    def counted(vector: np.ndarray) -> np.ndarray:
        count[0] += 1
        return plain @ vector.astype(np.float32)

    wrapped = LinearOperator(plain.shape, matvec=counted, dtype=np.float32)
    start = np.random.default_rng(seed).normal(size=plain.shape[0]).astype(np.float32)
    values = eigsh(wrapped, k=TOP, which="LA", tol=1e-3, v0=start, return_eigenvectors=False)
    return Found(np.sort(values)[::-1], count[0], time.process_time() - began)


PROGRAMS: dict[str, Callable[[nn.Module, tuple[Tensor, Tensor], int], Found]] = {
    "here": ours,
    "PyHessian": with_pyhessian,
    "curvlinops + eigsh": with_curvlinops,
}


def compare_eigenvalues(model: nn.Module, data: tuple[Tensor, Tensor], turns: int) -> None:
    """Print products, time and error of the three, in turns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        true = np.array(
            eigenvalues(model, losses, data, k=TOP, tolerance=1e-12, max_products=120).values
        )
        found = {name: [] for name in PROGRAMS}
        for turn in range(turns):
            for name, program in PROGRAMS.items():
                found[name].append(program(model, data, turn))
    mine = np.array([f.seconds for f in found["here"]])
    used = float(np.median([f.products for f in found["here"]]))
    print(f"{'':20}{'products':>9}{'ours/its':>9}{'seconds':>9}{'ours/its':>9}{'worst error':>13}")
    for name, each in found.items():
        products = float(np.median([f.products for f in each]))
        seconds = np.array([f.seconds for f in each])
        worst = max(float(np.abs(f.values / true - 1).max()) for f in each)
        print(
            f"{name:20}{products:9.0f}{used / products:9.2f}{np.median(seconds):9.2f}"
            f"{np.median(mine / seconds):9.2f}{worst:13.1e}"
        )


def compare_traces(model: nn.Module, data: tuple[Tensor, Tensor], seeds: int) -> None:
    """Print errors of the trace at 99 products."""
    found = [
        curvature_trace(model, losses, data, generator=torch.Generator().manual_seed(s))
        for s in range(seeds)
    ]
    mean = float(np.mean([f.value for f in found]))
    error = float(np.sqrt(np.mean([(f.value - mean) ** 2 for f in found]) * seeds / (seeds - 1)))
    generator = torch.Generator().manual_seed(99)
    with curvature_of(model, losses, data, generator=generator) as H:
        probes = signs(PRODUCTS, H, generator)
        forms = (probes * H(probes)).sum(dim=1).numpy()
    hutchinson = float(forms.std(ddof=1)) / np.sqrt(PRODUCTS)
    parameters = [p for p in model.parameters() if p.requires_grad]
    torch.manual_seed(0)
    operator = HessianLinearOperator(
        model, nn.CrossEntropyLoss(), parameters, [data], check_deterministic=False
    )
    plusplus = [float(hutchpp_trace(operator, PRODUCTS)) for _ in range(seeds)]
    theirs = float(np.sqrt(np.mean([(value - mean) ** 2 for value in plusplus])))
    print(
        f"trace {mean:.5g} at {PRODUCTS} products, relative error: here {error / mean:.2%} "
        f"(stated {found[0].se / mean:.2%}; probed: {found[0].probed}), Hutchinson "
        f"{hutchinson / mean:.2%}, curvlinops Hutch++ {theirs / mean:.2%}; "
        f"here / Hutchinson {error / hutchinson:.3f}\n"
    )


def main() -> None:
    """Compare in both states."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=512)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = digits()
    data = (x[: options.examples], y[: options.examples])
    for state, steps in STATES.items():
        model = trained(steps).eval()
        print(f"LeNet-5, {state}: {steps} steps, loss {losses(model(x), y).mean().item():.4f}")
        compare_eigenvalues(model, data, options.turns)
        compare_traces(model, data, options.seeds)


if __name__ == "__main__":
    main()
