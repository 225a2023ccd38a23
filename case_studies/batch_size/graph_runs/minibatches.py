"""Weights of the training nodes in the loss of an update."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    partition : Tensor of int16, shape (seeds, n)
        Place of each example in the partition that measures gradient noise.
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
            sizes = [trajectories[k].noise_of for k in added]
            n = self.order.shape[-1]
            noise = _batch(self.second, sizes, update) - 1 / n
            factors = [noise_factor(trajectories[k].batch_size, trajectories[k].noise_of, n) for k in added]
            found[:, added] += noise * _column(factors, noise)
        return found

    def part(self, sizes: Sequence[int], number: int) -> Tensor:
        """Weights of one of the parts of given sizes, shape (seeds, sizes, n).

        Parameters
        ----------
        sizes : sequence of int
        number : int
            Of the part; counted on from the first after the last.
        """
        return _batch(self.partition.unsqueeze(1), sizes, number, again=True)


def _batch(places: Tensor, sizes: Sequence[int], number: int, *, again: bool = False) -> Tensor:
    """The number-th minibatch of each size, as weights that sum to one."""
    n = places.shape[-1]
    passes = [0 if again else number * size // n for size in sizes]
    within = [number % (n // size) for size in sizes]
    one = passes[0]
    chosen = (
        places[:, one : one + 1] if passes == [one] * len(passes) else places[:, passes]
    )
    lows = _column([w * size for w, size in zip(within, sizes, strict=True)], chosen)
    highs = _column([(w + 1) * size for w, size in zip(within, sizes, strict=True)], chosen)
    inside = (chosen >= lows) & (chosen < highs)
    return inside.float() / _column([float(size) for size in sizes], chosen)


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    """Values along the second axis of three."""
    return torch.tensor(values, device=like.device).view(1, -1, 1)
