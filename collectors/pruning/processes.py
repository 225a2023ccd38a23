"""The processes that prune one network together, where there are several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from causalhyper.errors import CausalHyperError


class OtherProcessError(CausalHyperError):
    """Another process failed, whose message says why."""


@dataclass(frozen=True, slots=True)
class Processes:
    """One process among those of ``torch.distributed``.

    Attributes
    ----------
    rank, size : int
        Number of this process, and of all.
    device : torch.device
        Where tensors that are exchanged lie.
    """

    rank: int
    size: int
    device: torch.device

    @classmethod
    def around(cls, model: nn.Module) -> Processes:
        """Return the present processes; one where no group was initialised."""
        device = next((p.device for p in model.parameters()), torch.device("cpu"))
        if not dist.is_available() or not dist.is_initialized():
            return cls(0, 1, device)
        return cls(dist.get_rank(), dist.get_world_size(), device)

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Make the network average its gradients over all processes."""
        if self.size == 1:
            return model
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(model, device_ids=devices)

    def total(self, values: Tensor) -> Tensor:
        """Add numbers over all processes."""
        if self.size > 1:
            values = values.to(self.device)
            dist.all_reduce(values)
        return values

    def level(self, model: nn.Module) -> None:
        """Give every process the buffers of the first, such as running means."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def share(self, make: Callable[[], bytes]) -> bytes:
        """Do something in the first process, and give its result to all.

        Parameters
        ----------
        make : callable
            Called in the first process alone.

        Returns
        -------
        bytes
            What it returned.

        Raises
        ------
        OtherProcessError
            In the other processes, if it raised an error in the first.
        """
        if self.size == 1:
            return make()
        data, error = b"", None
        if self.first:
            try:
                data = make()
            except BaseException as fault:
                error = fault
        length = torch.tensor([-1 if error else len(data)], device=self.device)
        dist.broadcast(length, src=0)
        if error is not None:
            raise error
        if int(length) < 0:
            raise OtherProcessError("the first process failed; its message says why")
        content = torch.zeros(int(length), dtype=torch.uint8, device=self.device)
        if self.first and data:
            content.copy_(torch.frombuffer(bytearray(data), dtype=torch.uint8))
        if len(content):
            dist.broadcast(content, src=0)
        return content.cpu().numpy().tobytes()
