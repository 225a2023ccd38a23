"""Data-parallel training: one loss over all processes, one writer, and errors that reach all."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from causalhyper.errors import ConfigurationError


class Ranks:
    """The processes that train one network together.

    Gradients are the same on all once they are averaged, so the changes are too; the losses are
    summed with their weights. Every process takes part in each reduction, whether it writes or
    not; one that has failed says so in the next reduction, and then all stop.

    Parameters
    ----------
    model : Module
        The network; where it is ``DistributedDataParallel``, its processes are meant.
    group : ProcessGroup, optional
        The processes, where gradients are averaged by other means.
    """

    def __init__(self, model: nn.Module, group: Any = None) -> None:
        if group is None and isinstance(model, DistributedDataParallel):
            group = model.process_group
        self._group = group
        self._failure: BaseException | None = None
        self.size = 1 if group is None else dist.get_world_size(group)
        self.first = group is None or dist.get_rank(group) == 0

    def reduce(self, before: Tensor, after: Tensor, weight: float) -> Tensor:
        """Return the mean losses before and after, over all processes, shape (2,)."""
        sums = torch.stack([before, after])
        if self._group is None:
            self._raise(failed=False)
            return sums / weight
        shared = torch.cat([sums, sums.new_tensor([weight, float(self._failure is not None)])])
        dist.all_reduce(shared, group=self._group)
        self._raise(failed=bool(shared[3] > 0))
        return shared[:2] / shared[2]

    def fail(self, error: BaseException) -> None:
        """Keep an error of this process, alone until the next reduction; raise it if alone."""
        if self.size == 1:
            raise error
        self._failure = self._failure or error

    def agree(self, device: torch.device) -> None:
        """Tell the others at the end whether this process failed."""
        if self.size > 1:
            failed = torch.tensor([float(self._failure is not None)], device=device)
            dist.all_reduce(failed, group=self._group)
            self._raise(failed=bool(failed > 0))

    def _raise(self, *, failed: bool) -> None:
        if self._failure is not None:
            raise self._failure
        if failed:
            raise ConfigurationError(
                "recording failed in another process, whose message says why; training stops in "
                "all of them"
            )
