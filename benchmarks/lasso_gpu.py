"""A lasso path of 100 penalties over changes on a GPU, and over changes that are streamed to it.

    python benchmarks/lasso_gpu.py [--columns 100000 1000000 10000000] [--dtype float32 float16]
    python benchmarks/lasso_gpu.py --device cpu --columns 3000 --rows 60 --penalties 20

The changes are made up: they decay and are skew like those of training, and share directions, so
that their squares correlate. Each line gives wall seconds: of `X'r` by one matrix-vector product
over the changes as they are stored (what reading them costs), of the first reading, of a reading
for all penalties, and of the whole path; then its readings, its largest relative duality gap as
reported, the largest computed here in float64 at five penalties, and the peak of memory that was
taken beside the changes, on the device and on the host. Streamed changes lie in the processor's
memory.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from causalhyper.granger.lasso import LassoPath, SquaredChanges, lasso_path
from causalhyper.granger.lasso.scan import scan, survey
from collectors.device_columns import DeviceColumns

CHUNK = 2**25
"""Numbers made, or checked in float64, at a time."""
SHARED, RATE, NOISE = 8, 0.05, 0.05


@dataclass(frozen=True)
class Training:
    """Changes as they are stored, a scale for each step, and loss changes."""

    changes: torch.Tensor
    scales: np.ndarray
    y: np.ndarray


def pieces(rows: int, columns: int) -> Iterator[slice]:
    """Slices of columns, some to a chunk."""
    width = max(1, CHUNK // rows)
    return (slice(at, min(at + width, columns)) for at in range(0, columns, width))


def make(rows: int, columns: int, dtype: torch.dtype, device: str, seed: int = 0) -> Training:
    """Make up a training on a device."""
    random = torch.Generator(device).manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random, device=device)

    speed = 1e-4 * torch.exp(-torch.linspace(0, 2, rows, device=device) + 0.3 * normal(rows))
    # the largest change of a step is some 100 times its typical one
    exponents = torch.ceil(torch.log2(speed)) - 6 if dtype is torch.float16 else 0 * speed
    scales = torch.exp2(exponents)
    directions = normal(rows, SHARED)
    changes = torch.empty(rows, columns, dtype=dtype, device=device)
    total = torch.zeros(rows, dtype=torch.float64, device=device)
    for piece in pieces(rows, columns):
        wide = piece.stop - piece.start
        chunk = normal(rows, wide).add_(directions @ normal(SHARED, wide), alpha=0.3)
        chunk *= (speed / scales)[:, None] * torch.exp(normal(wide))
        changes[:, piece] = chunk
        total -= (chunk.double() * scales.double()[:, None]).square_().sum(dim=1) / RATE
    total += NOISE * total.std() * normal(rows).double()
    return Training(changes, scales.double().cpu().numpy(), total.cpu().numpy())


def gap_in_float64(training: Training, path: LassoPath, at: int, device: str) -> float:
    """Relative duality gap of one penalty by its definition, columns standardised."""
    rows, columns = training.changes.shape
    penalty, chosen = path.lambdas[at], torch.from_numpy(path.columns[at])
    scales = torch.from_numpy(training.scales)[:, None]
    held = (training.changes[:, chosen.to(training.changes.device)].cpu().double() * scales) ** 2
    slopes = torch.from_numpy(path.coefficients[at])
    y = torch.from_numpy(training.y)
    residual = y - path.intercepts[at] - held @ slopes
    excess = 1.0
    there = (residual / rows).to(device)
    for piece in pieces(rows, columns):
        x = (training.changes[:, piece].to(device).double() * scales.to(device)).square_()
        x -= x.mean(dim=0)
        spread = x.square().mean(dim=0).sqrt_()
        ratios = torch.where(spread > 0, (there @ x).abs() / spread, 0.0)
        excess = max(excess, float(ratios.max()) / penalty)
    spread = held.std(dim=0, correction=0)
    centred, feasible = y - y.mean(), residual / excess
    primal = residual @ residual / (2 * rows) + penalty * (spread @ slopes.abs())
    dual = feasible @ (2 * centred - feasible) / (2 * rows)
    return float((primal - dual) / (centred @ centred / (2 * rows)))


def timed(device: str, work: Callable[[], object]) -> tuple[object, float]:
    """Wall seconds of some work, all of it done."""
    if device != "cpu":
        torch.cuda.synchronize()
    began = time.perf_counter()
    result = work()
    if device != "cpu":
        torch.cuda.synchronize()
    return result, time.perf_counter() - began


def run(training: Training, device: str, penalties: int, *, streamed: bool) -> list[float]:
    """Time one training: what a line of the table has."""
    changes, y = training.changes, training.y
    design_bytes = 0 if streamed else changes.element_size() * changes.numel()
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
    host_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    vector = torch.from_numpy(y / np.abs(y).max()).to(changes)
    timed(device, lambda: vector @ changes)
    reading = timed(device, lambda: vector @ changes)[1]
    source = DeviceColumns(changes, device) if streamed else changes
    columns = SquaredChanges(source, scales=training.scales)
    rows = len(y)

    def first() -> object:
        return survey(columns, y, standardise=True, intercept=True, keep=8 * rows)

    first()
    (problem, (known, _)), surveyed = timed(device, first)
    residuals = np.linspace(1, 0.1, penalties)[:, None] * problem.y
    lambdas = np.geomspace(1, 0.1, penalties) * np.abs(problem.y).std()
    scanned = timed(device, lambda: scan(problem, residuals, lambdas, known, 12 * rows))[1]
    path, whole = timed(device, lambda: lasso_path(columns, y, lambdas=penalties))
    checked = np.linspace(1, penalties - 1, 5).astype(int)
    taken = 0 if device == "cpu" else torch.cuda.max_memory_allocated() - design_bytes
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - host_before
    gap = max(gap_in_float64(training, path, int(at), device) for at in checked)
    return [
        reading, surveyed, scanned, whole, path.passes, len(path.columns[-1]),
        path.gaps.max(), gap, taken / 2**30, host / 2**20,
    ]  # fmt: skip


HEADS = (
    "X'r", "first", "reading", "path", "passes", "kept", "gap", "gap here", "GiB dev.", "GiB host"
)  # fmt: skip


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--columns", type=int, nargs="+", default=[10**5, 10**6, 10**7])
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--dtype", nargs="+", default=["float32", "float16", "bfloat16"])
    parser.add_argument("--penalties", type=int, default=100)
    parser.add_argument("--no-stream", action="store_true")
    o = parser.parse_args()
    print(f"{'columns':>9} {'stored':>9} {'where':>8} " + " ".join(f"{h:>8}" for h in HEADS))
    for columns in o.columns:
        for name in o.dtype:
            training = make(o.rows, columns, getattr(torch, name), o.device)
            for streamed in (False, True)[: 1 if o.no_stream else 2]:
                if streamed:
                    there = training.changes
                    training = Training(there.cpu(), training.scales, training.y)
                    del there
                line = run(training, o.device, o.penalties, streamed=streamed)
                where = "streamed" if streamed else o.device
                print(
                    f"{columns:9} {name:>9} {where:>8} " + " ".join(f"{v:8.3g}" for v in line),
                    flush=True,
                )
            del training
            if o.device != "cpu":
                torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
