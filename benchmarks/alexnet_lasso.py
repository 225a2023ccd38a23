"""Lasso paths for every layer of AlexNet (57,044,810 parameters), from factors kept on one GPU.

    python benchmarks/alexnet_lasso.py [--images images.npz] [--batch 64] [--steps 980]

AlexNet for ten classes is trained for some epochs with Adam, then `--steps` steps of SGD are
recorded: inputs and errors of its linear layers, changes of its convolutions. Then each weight is
fitted alone: 100 penalties down to a hundredth. Printed for each: columns, seconds of one reading
of its columns, seconds of the path, passes, gap, columns kept, and peak memory of the device.

`images.npz` holds x, of shape (n, 32, 32, 3) and uint8, and y; without it scikit-learn's digits
are enlarged. `--size 64 --narrow 16` is a network small enough for a processor.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.granger.design.factors import FactorChanges
from causalhyper.granger.lasso import SquaredChanges, lasso_path
from causalhyper.granger.lasso.columns import ColumnBlocks
from collectors.recording import record
from collectors.recording.factors import FactorRecorder, record_factors


def alexnet(narrow: int) -> nn.Sequential:
    """Krizhevsky's network in its form with one column (2014), channels divided by a number."""
    widths = [(3, 64, 11, 4, 2), (64, 192, 5, 1, 2), (192, 384, 3, 1, 1)]
    widths += [(384, 256, 3, 1, 1), (256, 256, 3, 1, 1)]
    parts: list[nn.Module] = []
    for at, (into, out, kernel, stride, padding) in enumerate(widths):
        into, out = into if at == 0 else into // narrow, out // narrow
        parts += [nn.Conv2d(into, out, kernel, stride, padding), nn.ReLU(inplace=True)]
        parts += [nn.MaxPool2d(3, 2)] if at in (0, 1, 4) else []
    hidden = 4096 // narrow
    parts += [nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Dropout()]
    parts += [nn.Linear(256 // narrow * 36, hidden), nn.ReLU(inplace=True), nn.Dropout()]
    parts += [nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 10)]
    return nn.Sequential(*parts)


def images(path: str | None, device: torch.device) -> tuple[Tensor, Tensor]:
    """Images as bytes, shape (n, 3, h, w), and their classes."""
    if path is None:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        x = np.repeat(x.reshape(-1, 1, 8, 8) * 15, 3, axis=1).astype(np.uint8)
    else:
        with np.load(path) as stored:
            x, y = stored["x"].transpose(0, 3, 1, 2), stored["y"]
    return torch.tensor(x, device=device), torch.tensor(y.astype(np.int64), device=device)


class Batches:
    """Minibatches without end, every example once an epoch, at the network's size."""

    def __init__(self, x: Tensor, y: Tensor, batch: int, size: int) -> None:
        self._x, self._y, self._batch, self._size = x, y, batch, size
        self._order = torch.empty(0, dtype=torch.int64)

    def next(self) -> tuple[Tensor, Tensor]:
        """Draw one."""
        if len(self._order) < self._batch:
            self._order = torch.randperm(len(self._x))
        take, self._order = self._order[: self._batch], self._order[self._batch :]
        x = self._x[take.to(self._x.device)].float() / 128 - 1
        larger = nn.functional.interpolate(x, size=self._size, mode="bilinear")
        return larger, self._y[take.to(self._y.device)]


def trained(o: argparse.Namespace, device: torch.device) -> tuple[FactorRecorder, np.ndarray]:
    """Train, record, and return factors and the loss change of each step."""
    torch.manual_seed(0)
    net = alexnet(o.narrow).to(device)
    examples = nn.CrossEntropyLoss(reduction="none")
    batches = Batches(*images(o.images, device), o.batch, o.size)
    adam = torch.optim.Adam(net.parameters(), lr=5e-4 if o.narrow == 1 else 2e-3)
    for _ in range(o.before):
        x, y = batches.next()
        adam.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        adam.step()
    sgd = torch.optim.SGD(net.parameters(), lr=1e-3)
    began = time.perf_counter()
    with (
        record_factors(
            net, sgd, steps=o.steps, examples=o.batch, layers=lambda name, p: p.ndim > 1
        ) as factors,
        record(net, sgd, layers="*.weight") as recorder,
    ):
        for _ in range(o.steps):
            x, y = batches.next()
            sgd.zero_grad()
            recorder.loss(lambda x=x, y=y: examples(net(x), y)).backward()
            sgd.step()
    frame = recorder.to_frame()
    count = sum(p.numel() for p in net.parameters())
    print(
        f"{count} parameters; {o.steps} steps of {o.batch} in "
        f"{time.perf_counter() - began:.0f} s, loss {frame['loss'].iloc[0]:.3f} to "
        f"{frame['loss'].iloc[-1]:.3f}"
    )
    return factors, (frame["loss_after"] - frame["loss"]).to_numpy()


def one_reading(columns: ColumnBlocks) -> float:
    """Seconds of one product of the transposed design with a vector."""
    began, total = time.perf_counter(), 0.0
    weights = None
    for _, block in columns.blocks():
        if weights is None:
            weights = block[:, :1].T + 0
        total = (weights @ block).sum()
    float(total)
    return time.perf_counter() - began


def main() -> None:
    """Record, and fit every weight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images")
    parser.add_argument("--steps", type=int, default=980)
    parser.add_argument("--before", type=int, default=200, help="steps of Adam before")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, default=224, help="pixels of a side")
    parser.add_argument("--narrow", type=int, default=1, help="divide the channels by this")
    parser.add_argument("--penalties", type=int, default=100)
    o = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    recorder, y = trained(o, device)
    factors, changes = recorder.factors, recorder.changes
    held = sum(f.inputs.nbytes + f.errors.nbytes for f in factors.values())
    held += sum(c.nbytes for c in changes.values())
    whole = 4 * len(y) * sum(f.shape[0] * f.shape[1] for f in factors.values())
    whole += sum(c.nbytes for c in changes.values())
    print(f"held {held / 1e9:.1f} GB for a trajectory of {whole / 1e9:.1f} GB")
    designs: dict[str, ColumnBlocks] = {n: SquaredChanges(c) for n, c in changes.items()}
    for name, f in factors.items():
        designs[name] = SquaredChanges(FactorChanges(f.inputs, f.errors, f.rates))
    total = 0.0
    for name, columns in designs.items():
        one_reading(columns)
        reading = one_reading(columns)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        path = lasso_path(columns, y, lambdas=o.penalties)
        spent = time.perf_counter() - began
        total += spent
        peak = torch.cuda.max_memory_allocated() / 1e9 if device.type == "cuda" else 0.0
        print(
            f"{name:10} p = {columns.shape[1]:>9}: one reading {reading:6.2f} s, path "
            f"{spent:7.2f} s, {path.passes} passes, gap {path.gaps.max():.1e}, kept "
            f"{len(path.columns[-1])}, R2 {path.r_squared[-1]:.3f}, held {path.held}, peak "
            f"{peak:.1f} GB",
            flush=True,
        )
    print(f"all layers: {total:.1f} s")


if __name__ == "__main__":
    main()
