"""Many networks of one architecture measured at once, against one after the other.

    OMP_NUM_THREADS=1 python benchmarks/stacked_measures.py [--turns 3] [--members 8 40 200]

The tasks of `benchmarks/ensembles.py` after 30 updates of SGD: an MLP (20-32-32-5, 1,024 examples)
and a two-layer GCN (500 nodes, 64 features, width 16). What is printed for each measure is the
ratio of CPU times in one process, the median of turns in which both are run, and the largest
relative difference of what they give. One by one, the eigenvalue is `top_eigenvalue` with
`hessian_product` at its tolerance of 1e-3: at the stack's 1e-2 it would often take the second
eigenvalue for the first, at 1e-3 it rarely does. The noise is a loop over the same minibatches,
the rise a difference of losses in single precision. On one CPU core large batches leave little to
gain.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.ensembles import BATCH, MOMENTUM, RATE, Task, gcn_task, mlp_task
from collectors.curvature import hessian_product, top_eigenvalue
from collectors.ensembles import Ensemble, Sgd, train_ensemble
from collectors.ensembles.measures import (
    network_losses,
    stacked_loss_rise,
    stacked_noise,
    stacked_top_eigenvalue,
)

TOLERANCE, PARTS, RHO = 1e-2, 16, 0.05


def minibatches(data: tuple[Tensor, ...]) -> list[tuple[Tensor, ...]]:
    """Disjoint minibatches of one size, in the order of the data."""
    size = len(data[0]) // PARTS
    return [tuple(t[k * size : (k + 1) * size] for t in data) for k in range(PARTS)]


class Apart:
    """Measurements of one member after the other."""

    def __init__(self, task: Task, ensemble: Ensemble) -> None:
        make, self.data, self.loss = task
        self.models: list[nn.Module] = []
        for seed in ensemble.seeds:
            model = make()
            model.load_state_dict(ensemble.state(seed))
            self.models.append(model)

    def eigenvalue(self) -> list[float]:
        """Largest eigenvalues of the Hessians."""
        found = []
        for model in self.models:
            parameters = list(model.parameters())
            product = hessian_product(self.loss(model, *self.data), parameters)
            start = torch.randn(sum(p.numel() for p in parameters))
            found.append(top_eigenvalue(product, start).value)
        return found

    def rise(self) -> list[float]:
        """Rise of the loss after the step of SAM."""
        found = []
        for model in self.models:
            loss = self.loss(model, *self.data)
            slopes = torch.autograd.grad(loss, tuple(model.parameters()))
            norm = torch.stack([s.square().sum() for s in slopes]).sum().sqrt()
            moved = {
                name: p + RHO * s / norm
                for (name, p), s in zip(model.named_parameters(), slopes, strict=True)
            }
            with torch.no_grad():
                high = self.loss(_with(model, moved), *self.data)
            found.append(float(high.double() - loss.detach().double()))
        return found

    def noise(self) -> list[float]:
        """Trace of the covariance of the examples' gradients, from disjoint minibatches."""
        found = []
        for model in self.models:
            rows = []
            for batch in minibatches(self.data):
                loss = self.loss(model, *batch)
                slopes = torch.autograd.grad(loss, tuple(model.parameters()))
                rows.append(torch.cat([s.reshape(-1) for s in slopes]))
            variances = torch.stack(rows).double().var(dim=0)
            found.append(float(variances.sum()) * (len(self.data[0]) // PARTS))
        return found


class Together:
    """The same measurements of all members at once."""

    def __init__(self, task: Task, ensemble: Ensemble) -> None:
        make, self.data, self.loss = task
        self.parameters, self.model = ensemble.parameters, make()
        self.losses = network_losses(self.model, self.loss, self.data)

    def eigenvalue(self) -> list[float]:
        """Largest eigenvalues of the Hessians."""
        found = stacked_top_eigenvalue(self.losses, self.parameters, seed=0, tolerance=TOLERANCE)
        return found.values.tolist()

    def rise(self) -> list[float]:
        """Rise of the loss after the step of SAM."""
        return stacked_loss_rise(self.losses, self.parameters, rho=RHO).tolist()

    def noise(self) -> list[float]:
        """Trace of the covariance of the examples' gradients, from disjoint minibatches."""
        batches = [network_losses(self.model, self.loss, b) for b in minibatches(self.data)]
        size = len(self.data[0]) // PARTS
        return stacked_noise(batches, self.parameters, size).example_noise.tolist()


def _with(model: nn.Module, parameters: dict[str, Tensor]) -> Callable[..., Tensor]:
    """The network with other parameters."""
    return lambda *inputs: functional_call(model, parameters, inputs)


def timed(work: Callable[[], list[float]]) -> tuple[float, np.ndarray]:
    """Seconds of CPU time, and what was measured."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, np.array(found)


def main() -> None:
    """Time both in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--members", type=int, nargs="+", default=[8, 40, 200])
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name, task in (("mlp", mlp_task()), ("gcn", gcn_task())):
        for count in options.members:
            steps = {"batch_size": BATCH, "updates": 30, "learning_rate": RATE}
            ensemble = train_ensemble(
                task[0], range(count), *task[1:], optimizer=Sgd(momentum=MOMENTUM), **steps
            )
            apart, together = Apart(task, ensemble), Together(task, ensemble)
            for measure in ("eigenvalue", "rise", "noise"):
                ratios = []
                for _ in range(options.turns):
                    alone, wanted = timed(getattr(apart, measure))
                    joint, found = timed(getattr(together, measure))
                    ratios.append(alone / joint)
                differ = float((np.abs(found - wanted) / np.abs(wanted)).max())
                print(
                    f"{name}, {count} members, {measure}: {np.median(ratios):.1f} times as fast "
                    f"({min(ratios):.1f} to {max(ratios):.1f}); {joint:.2f} s; they differ by "
                    f"{differ:.0e}"
                )


if __name__ == "__main__":
    main()
