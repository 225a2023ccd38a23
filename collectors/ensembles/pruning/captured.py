"""Steps of a stack as CUDA graphs: a few networks would wait for the host that starts kernels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from collectors.ensembles.pruning.networks import Precision, StackedNetwork

MOST = 48
"""Networks up to which steps are captured: more keep the GPU busy longer than the host."""
BEFORE = 2
"""Steps of a kind that are computed before one is captured: the last minibatch comes rarely."""

Compute = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class CapturedStep:
    """Kernels of a step, with the memory that they read and write.

    Attributes
    ----------
    graph : CUDAGraph
        Them.
    inputs, targets : Tensor
        Where the minibatch is put.
    found : tuple of Tensor
        Results, until the next step.
    """

    graph: torch.cuda.CUDAGraph
    inputs: Tensor
    targets: Tensor
    found: tuple[Tensor, ...]

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, ...]:
        """Do the step with a minibatch."""
        self.inputs.copy_(inputs)
        self.targets.copy_(targets)
        self.graph.replay()
        return self.found


class CapturedNetwork:
    """A stack whose steps are captured the first time, and replayed then.

    What a step returns is overwritten by the next of the same kind and rows, and by no other: each
    has memory of its own. If a step cannot be captured it is computed as it would be without.

    Parameters
    ----------
    network : StackedNetwork
        Their architecture.
    rows : Tensor, shape (R, p)
        The parameters, which are moved in place.
    """

    def __init__(self, network: StackedNetwork, rows: Tensor) -> None:
        self._network, self._rows = network, rows
        self._steps: dict[Hashable, CapturedStep | None] = {}
        self._seen: Counter[Hashable] = Counter()

    def gradients(
        self, rows: Tensor, inputs: Tensor, targets: Tensor, precision: Precision
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `StackedNetwork.gradients` does."""

        def compute(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
            return self._network.gradients(rows, x, y, precision)

        what = "gradients", precision
        gradients, losses, outputs = self._done(compute, what, rows, inputs, targets)
        return gradients, losses, outputs

    def mean_losses(
        self, rows: Tensor, inputs: Tensor, targets: Tensor, precision: Precision
    ) -> Tensor:
        """Return what `StackedNetwork.mean_losses` does."""

        def compute(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
            return (self._network.mean_losses(rows, x, y, precision),)

        return self._done(compute, ("losses", precision), rows, inputs, targets)[0]

    def _done(
        self, compute: Compute, what: Hashable, rows: Tensor, inputs: Tensor, targets: Tensor
    ) -> tuple[Tensor, ...]:
        if rows.untyped_storage().data_ptr() != self._rows.untyped_storage().data_ptr():
            return compute(inputs, targets)
        key = what, rows.storage_offset(), len(rows), inputs.shape
        self._seen[key] += 1
        if self._seen[key] <= BEFORE:
            return compute(inputs, targets)
        if key not in self._steps:
            self._steps[key] = self._captured(compute, inputs, targets)
        step = self._steps[key]
        return compute(inputs, targets) if step is None else step(inputs, targets)

    def _captured(self, compute: Compute, inputs: Tensor, targets: Tensor) -> CapturedStep | None:
        own, classes = inputs.clone(), targets.clone()
        graph, aside = torch.cuda.CUDAGraph(), _stream(inputs.device)
        aside.wait_stream(torch.cuda.current_stream(inputs.device))
        try:
            with torch.cuda.stream(aside):
                compute(own, classes)  # what a stream needs once is made before
                torch.cuda.synchronize(inputs.device)
                torch.cuda.empty_cache()  # the memory of former steps is not freed while capturing
                # in a shared pool, steps would have to be replayed in the order of their capture
                graph.capture_begin(pool=torch.cuda.graph_pool_handle())
                try:
                    found = compute(own, classes)
                finally:
                    graph.capture_end()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            torch.cuda.synchronize(inputs.device)
            return None
        torch.cuda.current_stream(inputs.device).wait_stream(aside)
        return CapturedStep(graph, own, classes, found)


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """Where all steps are captured: every stream holds memory of its own for products."""
    return torch.cuda.Stream(device)


Trainable = StackedNetwork | CapturedNetwork


def captured(network: StackedNetwork, rows: Tensor) -> Trainable:
    """Return a stack whose steps are captured, where that is faster.

    Parameters
    ----------
    network : StackedNetwork
        Their architecture.
    rows : Tensor, shape (R, p)
        The parameters, which are moved in place.

    Returns
    -------
    StackedNetwork or CapturedNetwork
        Itself on a CPU, and for many networks.
    """
    return CapturedNetwork(network, rows) if rows.is_cuda and len(rows) <= MOST else network
