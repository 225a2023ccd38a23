"""Weights of the training nodes in the loss of an update."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from case_studies.batch_size.graph_runs.design import Trajectory


def noise_factor(batch_size: int, noise_of: int, n: int) -> float:
    r"""How much of a small minibatch's noise is added to a large one's.

    With w the weights of a minibatch of b' examples, :math:`w_B + c\,(w_{b'} - 1/n)` has the
    mean of both and, the two drawn independently, a gradient whose covariance has the trace of
    b' examples if

    .. math:: c^2 = 1 - V_B / V_{b'}, \qquad V_b = \frac{S}{b} \left(1 - \frac{b}{n}\right)

    Parameters
    ----------
    batch_size, noise_of, n : int
        B, b' at most B, and the number of training examples.

    Returns
    -------
    float
        c.
    """
    variance = [(1 / b) * (1 - b / n) for b in (batch_size, noise_of)]
    return math.sqrt(1 - variance[0] / variance[1])


@dataclass(frozen=True, slots=True)
class Minibatches:
    """Minibatches of all seeds.

    Attributes
    ----------
    order, second : Tensor of int16, shape (seeds, passes, n)
        Place of each example in each pass; the second one is that of added noise.
    partition : Tensor of int16, shape (seeds, partitions, n)
        Place of each example in the partitions that measure gradient noise.
    """

    order: Tensor
    second: Tensor
    partition: Tensor

    def weights(self, trajectories: Sequence[Trajectory], update: int) -> Tensor:
        """Weights of the loss of an update, shape (seeds, trajectories, n).

        Parameters
        ----------
        trajectories : sequence of Trajectory
        update : int
            From 0.
        """
        found = _batch(self.order, [t.batch_size for t in trajectories], update)
        added = [k for k, t in enumerate(trajectories) if t.arm == "noise_added"]
        if added:
            own = [trajectories[k] for k in added]
            n, device = self.order.shape[-1], self.order.device
            noise = _batch(self.second, [t.noise_of for t in own], update) - 1 / n
            factors = tuple(noise_factor(t.batch_size, t.noise_of, n) for t in own)
            noise *= on_device(factors, device).view(1, -1, 1)
            found.index_add_(1, on_device(tuple(added), device), noise)
        return found

    def part(self, sizes: Sequence[int], number: int) -> Tensor:
        """Weights of one of the parts of given sizes, shape (seeds, sizes, n).

        Parameters
        ----------
        sizes : sequence of int
        number : int
            Of the part; after the last of a partition come those of the next.
        """
        return _batch(self.partition, sizes, number)


@lru_cache(maxsize=256)
def on_device(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Numbers on a device, copied there once: a copy makes the host wait."""
    return torch.tensor(values, device=device)


def _batch(places: Tensor, sizes: Sequence[int], number: int) -> Tensor:
    """The number-th minibatch of each size, as weights that sum to one."""
    n = places.shape[-1]
    own = on_device(tuple(sizes), places.device)
    chosen = places[:, :1] if places.shape[1] == 1 else places.index_select(1, own * number // n)
    low = (own * number % n).view(1, -1, 1)
    high = low + own.view(1, -1, 1)
    return ((chosen >= low) & (chosen < high)) / own.view(1, -1, 1)
