"""Compares the kernels, interpreted on a CPU, with torch; run with TRITON_INTERPRET=1 by a test.

What differs too much is an AssertionError.
"""

import os
import sys

import numpy as np
import torch
import triton.language as tl
import triton.runtime.interpreter as interpreter
from torch import Tensor

from causalhyper.granger.criteria import named
from collectors.ensembles.pruning import (
    Method,
    Stack,
    ladder,
    posttrain_rows,
    pretrain_row,
    prune_chains,
    stacked_network,
)
from collectors.ensembles.pruning.fused import SPLIT
from collectors.ensembles.pruning.networks import Precision
from collectors.ensembles.pruning.recording import Asked, Recording
from collectors.ensembles.pruning.updates import AdamUpdate, SgdUpdate
from collectors.networks import LeNet
from collectors.pruning import PruningSettings, PruningTask

PLAIN_LANGUAGE = interpreter._patch_lang_tensor
PLAIN_DOT = interpreter.InterpreterBuilder.create_dot


def patched_language(tensor: type, scope: object) -> None:
    """Let numpy's arrays of one number be bounds of loops, which numpy 2.4 refuses."""
    PLAIN_LANGUAGE(tensor, scope)
    scope.set_attr(tensor, "__index__", lambda self: int(self.handle.data.item()))


def patched_dot(self: object, a: object, b: object, *rest: object) -> object:
    """Widen bfloat16, which the interpreter multiplies as whole numbers."""

    def wide(factor: interpreter.TensorHandle) -> interpreter.TensorHandle:
        if factor.dtype.scalar != tl.bfloat16:
            return factor
        bits = factor.data.astype(np.uint32) << 16
        return interpreter.TensorHandle(bits.view(np.float32), tl.float32)

    return PLAIN_DOT(self, wide(a), wide(b), *rest)


def gradients(
    engine: str, precision: Precision, channels: int, size: int, kernel: int
) -> tuple[Tensor, ...]:
    """Gradients and losses of two networks, by the loss of four images."""
    torch.manual_seed(0)
    x, y = torch.randn(4, channels, size, size), torch.arange(4)

    def make() -> LeNet:
        return LeNet(channels=channels, size=size, kernel=kernel)

    network = stacked_network(PruningTask(make, (x, y)), engine)
    models = [make().state_dict() for _ in range(2)]
    rows = torch.stack([network.layout.row(state) for state in models])
    found = network.gradients(rows, x, y, precision)
    means = network.mean_losses(rows, x, y, precision)
    torch.testing.assert_close(means, found[1].mean(1))
    return found[0], found[1]


def check_products(engine: str, precision: Precision, tolerance: float) -> None:
    """Losses and gradients agree with `vmap` in float32: one channel, and an odd number left.

    Kernels of 7 stand for those of Tiny-ImageNet; an odd number is left of the second.
    """
    for shape in ((1, 17, 5), (3, 18, 5), (3, 28, 7)):
        expected = gradients("vmap", "float32", *shape)
        found = gradients(engine, precision, *shape)
        for one, other in zip(found, expected, strict=True):
            away = float((one - other).norm() / other.norm())
            assert away < tolerance, (engine, precision, shape, away)


def check_rows() -> None:
    """Updates and sums agree with torch, and what is pruned stays."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 1500, generator=generator)
    pruned = torch.rand(3, 1500, generator=generator) < 0.7
    start[pruned] = 0
    for kind in ("sgd", "adam"):
        found = []
        for dtype in (torch.float32, torch.float64):  # kernels update in float32 alone
            rows, rates = start.clone().to(dtype), torch.tensor([0.1, 0.2, 0.3], dtype=dtype)
            update = SgdUpdate(0.1) if kind == "sgd" else AdamUpdate(rates, rows)
            noise = torch.Generator().manual_seed(1)
            for _ in range(4):
                update(rows, torch.randn(3, 1500, generator=noise).to(dtype), pruned)
                assert not rows[pruned].any()
            found.append(rows.double())
        assert not torch.equal(found[0], start.double())
        torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


def check_sums() -> None:
    """Running sums are those of squares of all changes, with losses one step later for "next"."""
    generator = torch.Generator().manual_seed(0)
    changes = torch.randn(5, 4, 1500, generator=generator)
    changes[:, :, ::3] = 0
    before, after = torch.rand(2, 5, 4, generator=generator).double()
    same, moves, following = (Recording(Asked(k), slice(1, 3)) for k in ("same", "moves", "next"))
    for step in range(5):
        for recording in (same, moves, following):
            recording.add(changes[step], before[step], after[step])
    squares = changes[:, 2].double().square()
    expected = {"moved": squares, "x": squares, "xx": squares**2}
    change, ahead = after[:, 2] - before[:, 2], before[1:, 2] - before[:-1, 2]
    for recording, y, n in ((same, change, 5), (following, ahead, 4)):
        sums = recording.of_row(1).sums
        for name, values in expected.items():
            torch.testing.assert_close(sums[name], values[: 5 if name == "moved" else n].sum(0))
        torch.testing.assert_close(sums["xy"], (squares[:n] * y[:, None]).sum(0))
    torch.testing.assert_close(moves.of_row(1).sums["moved"], squares.sum(0))


def check_order() -> None:
    """Sums of a gradient do not depend on the networks beside it."""
    torch.manual_seed(0)
    x, y = torch.randn(2, 1, 16, 16), torch.arange(2)
    network = stacked_network(PruningTask(lambda: LeNet(channels=1, size=16), (x, y)), "fused")
    row = network.layout.row(LeNet(channels=1, size=16).state_dict())
    rows = torch.stack([row, -row, 2 * row])
    alone = network.gradients(rows[1:2], x, y, "float32")[0][0, :21_000]
    torch.testing.assert_close(network.gradients(rows, x, y, "float32")[0][1, :21_000], alone)


def check_prunings() -> None:
    """A whole pruning of two methods, and what is left after training, is that of torch."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, 1, 16, 16, generator=generator), torch.arange(8)
    train = [(x[:4], y[:4]), (x[4:], y[4:])]
    task = PruningTask(lambda: LeNet(channels=1, size=16), train, validation=(x[:4], y[:4]))
    settings = PruningSettings(n_pre=1, n_iter=1, n_prune=1, n_post=1, collecting_rate=1e-2)
    rules = (
        Method("causal", named("causal", statistic="covariance")),
        Method("later", named("magnitude"), collecting="adam"),
    )
    found = []
    for engine in ("conv-loop", "fused"):
        kernels_everywhere(engine == "fused")
        stack = Stack(task, stacked_network(task, engine), settings, 3)
        origin, _ = pretrain_row(stack)
        prunings = list(prune_chains(stack, rules, ladder([0.8], 1), origin))
        kept = torch.stack([pruning.kept for pruning in prunings])
        trained = posttrain_rows(stack, origin, list(kept), [1, 1], [1e-3, 1e-3])
        found.append((origin, kept, torch.stack([one.best for one in trained])))
    (origin, kept, best), (other_origin, other_kept, other_best) = found
    assert torch.equal(kept, other_kept)
    assert 0.79 < 1 - kept.double().mean() < 0.81
    torch.testing.assert_close(other_origin, origin, rtol=0, atol=1e-5)
    torch.testing.assert_close(other_best, best, rtol=0, atol=1e-5)


def kernels_everywhere(there: bool) -> None:
    """Let updates and sums go by kernels, or by torch as on a machine without Triton."""
    os.environ["TRITON_INTERPRET"] = "1" if there else "0"


if __name__ == "__main__":
    interpreter._patch_lang_tensor = patched_language
    interpreter.InterpreterBuilder.create_dot = patched_dot
    SPLIT.update(first=128, second=128)  # the interpreter computes what is masked too
    if sys.argv[1] == "rows":
        check_rows()
        check_sums()
    elif sys.argv[1] == "prunings":
        check_prunings()
    elif sys.argv[1] == "order":
        check_order()
    else:
        engine, precision, tolerance = sys.argv[1:]
        check_products(engine, precision, float(tolerance))
