"""Likelihood values and optima of a conditional flow, by torch's automatic differentiation.

    OMP_NUM_THREADS=1 python tests/oracles/make_torch_flow.py

The flow is written down here in its other direction, ``T(u) = m(x) + exp(s(x)) R(u; x)``: the
slope of R from de Boor's algorithm in scipy, R and its moments by sums over a fine grid, the
inverse by bisection, the density by the change of variables, gradients by torch, and the optimum
by torch's L-BFGS. Nothing of causalhyper is imported. Writes torch_flow.json beside itself.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import BSpline

SLOPES = 5
EDGE = 2.5
GRID = np.linspace(-12, 12, 480_001)
PENALTIES = {"spread": 3.0, "shape": 4.0, "bend": 6.0}
ROWS, RUNS = 40, 150

torch.set_default_dtype(torch.float64)


def bumps(u: np.ndarray) -> np.ndarray:
    """Quadratic B-splines on clamped knots, ends merged, constant beyond; shape (n, SLOPES)."""
    knots = np.linspace(-EDGE, EDGE, SLOPES + 1)
    padded = np.r_[[-EDGE] * 2, knots, [EDGE] * 2]
    raw = BSpline(padded, np.eye(SLOPES + 2), 2)(np.clip(u, -EDGE, EDGE))
    return np.c_[raw[:, :2].sum(1), raw[:, 2:-2], raw[:, -2:].sum(1)]


STEP = GRID[1] - GRID[0]
TABLE = bumps(GRID)
DENSITY = np.exp(-(GRID**2) / 2) / np.sqrt(2 * np.pi) * STEP
# Simpson's rule over each step, whose middle is evaluated too
MIDDLE = bumps(GRID[:-1] + STEP / 2)
RAISED = np.r_[
    np.zeros((1, SLOPES)), np.cumsum(STEP / 6 * (TABLE[:-1] + 4 * MIDDLE + TABLE[1:]), axis=0)
]
CENTRED = RAISED - DENSITY @ RAISED
GRAM = torch.tensor((CENTRED * DENSITY[:, None]).T @ CENTRED)


def integrals(u: np.ndarray) -> np.ndarray:
    """Centred integrals of the bumps at u, by cubic Hermite interpolation of the grid."""
    at = np.clip(((u - GRID[0]) / STEP).astype(int), 0, len(GRID) - 2)
    t = ((u - GRID[at]) / STEP)[:, None]
    a, b, da, db = CENTRED[at], CENTRED[at + 1], STEP * TABLE[at], STEP * TABLE[at + 1]
    return (
        (2 * t**3 - 3 * t**2 + 1) * a
        + (t**3 - 2 * t**2 + t) * da
        + (3 * t**2 - 2 * t**3) * b
        + (t**3 - t**2) * db
    )


def invert(theta: np.ndarray, target: np.ndarray) -> np.ndarray:
    """u with sum_k theta_k C_k(u) = target, by bisection."""
    low, high = np.full(len(target), -11.9), np.full(len(target), 11.9)
    for _ in range(100):
        u = (low + high) / 2
        above = (integrals(u) * theta).sum(1) > target
        low, high = np.where(above, low, u), np.where(above, u, high)
    return (low + high) / 2


class Smooth(torch.autograd.Function):
    """Bumps at u as a differentiable function: its derivative by a central difference."""

    @staticmethod
    def forward(ctx, u: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(u)
        return torch.tensor(bumps(u.detach().numpy()))

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> torch.Tensor:
        (u,) = ctx.saved_tensors
        x, h = u.detach().numpy(), 1e-6
        return (gradient * torch.tensor((bumps(x + h) - bumps(x - h)) / (2 * h))).sum(1)


def log_density(parts: dict[str, torch.Tensor], data: dict[str, torch.Tensor]) -> torch.Tensor:
    """Log density of each row."""
    s = parts["level"] + data["spread_columns"] @ parts["spread"]
    mean = data["location_columns"] @ parts["location"] + parts["contexts"][data["contexts"]]
    e = (data["y"] - mean) / torch.exp(s)
    theta = torch.exp(parts["shape"] + data["bend_columns"] @ parts["bend"].T)
    sd = torch.sqrt(((theta @ GRAM) * theta).sum(1))
    target = e * sd
    with torch.no_grad():
        u0 = torch.tensor(invert(theta.numpy(), target.numpy()))
        c0, b0 = torch.tensor(integrals(u0.numpy())), torch.tensor(bumps(u0.numpy()))
    # one Newton step from the root has the root's value and first derivatives
    u = u0 + (target - (theta * c0).sum(1)) / (theta * b0).sum(1).detach()
    slope = (theta * Smooth.apply(u)).sum(1) / sd
    return -(u**2) / 2 - np.log(2 * np.pi) / 2 - torch.log(slope) - s


def penalty(parts: dict[str, torch.Tensor]) -> torch.Tensor:
    """Ridge on the spread, squared differences of neighbouring slopes."""
    shape, bend = torch.diff(parts["shape"]), torch.diff(parts["bend"], dim=0)
    total = PENALTIES["spread"] * (parts["spread"] ** 2).sum()
    total = total + PENALTIES["shape"] * (shape**2).sum() + PENALTIES["bend"] * (bend**2).sum()
    return total / 2


def make_data(rng: np.random.Generator, n: int) -> dict[str, torch.Tensor]:
    """Runs with skewed noise whose spread grows."""
    x = rng.normal(size=(n, 2))
    contexts = rng.integers(0, 3, size=n)
    noise = np.exp(0.6 * rng.normal(size=n)) - np.exp(0.18)
    y = x @ [1.0, -0.5] + 0.4 * contexts + np.exp(0.4 * x[:, 0]) * noise
    return {
        "y": torch.tensor(y),
        "location_columns": torch.tensor(x),
        "spread_columns": torch.tensor(x),
        "bend_columns": torch.tensor(x[:, :1]),
        "contexts": torch.tensor(contexts),
    }


def optimise(data: dict[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], float]:
    """Coefficients of the largest penalised likelihood, and minus that likelihood."""
    sizes = {"location": (2,), "contexts": (3,), "level": (), "spread": (2,)}
    sizes |= {"shape": (SLOPES,), "bend": (SLOPES, 1)}
    parts = {k: torch.zeros(size, requires_grad=True) for k, size in sizes.items()}
    solver = torch.optim.LBFGS(
        list(parts.values()),
        max_iter=2000,
        history_size=50,
        tolerance_grad=1e-9,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = penalty(parts) - log_density(parts, data).sum()
        value.backward()
        return value

    solver.step(loss)
    return {k: v.detach() for k, v in parts.items()}, float(loss().detach())


def plain(parts: dict[str, torch.Tensor]) -> dict[str, list]:
    """Nested lists for JSON."""
    return {k: v.tolist() for k, v in parts.items()}


def main() -> None:
    """Write both witnesses."""
    rng = np.random.default_rng(20)
    rows = make_data(rng, ROWS)
    given = {
        "location": torch.tensor([0.8, -0.3]),
        "contexts": torch.tensor([-0.2, 0.1, 0.5]),
        "level": torch.tensor(0.2),
        "spread": torch.tensor([0.3, -0.2]),
        "shape": torch.tensor(rng.normal(size=SLOPES)),
        "bend": torch.tensor(0.5 * rng.normal(size=(SLOPES, 1))),
    }
    runs = make_data(rng, RUNS)
    found, loss = optimise(runs)
    document = {
        "slopes": SLOPES,
        "penalties": PENALTIES,
        "rows": plain(rows),
        "given": plain(given),
        "log_density": log_density(given, rows).tolist(),
        "runs": plain(runs),
        "optimum": plain(found),
        "loss": loss,
    }
    path = Path(__file__).with_name("torch_flow.json")
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
