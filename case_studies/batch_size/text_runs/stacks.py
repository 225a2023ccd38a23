"""Which members are trained together, and on which minibatches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from case_studies.batch_size.text_runs.design import (
    Recipe,
    Source,
    Study,
    added_share,
    epoch_updates,
)
from case_studies.batch_size.text_runs.networks import Network
from case_studies.batch_size.text_runs.texts import Texts, load_encoder, load_texts
from collectors.ensembles import minibatch_orders

SECOND_ORDER = 1_000_000
"""Added to a seed for the minibatches whose noise is added: no seed of the study is as large."""
NOISE = 3
"""What a generator of numpy is for: the partition that the noise is estimated from."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """A data set and a model.

    Attributes
    ----------
    source, recipe, study
        What is trained.
    texts : Texts
        On the device.
    encoder : dict of Tensor, or None
        Where the members begin, on the CPU; drawn by the seed if None.
    half : bool
        Whether training passes are in bfloat16; measurements never are.
    """

    source: Source
    recipe: Recipe
    study: Study
    texts: Texts
    encoder: dict[str, Tensor] | None
    half: bool

    @property
    def training(self) -> Network:
        """The network as it is trained."""
        return Network(self.recipe.shape, self.half)

    @property
    def exact(self) -> Network:
        """The network as it is measured."""
        return Network(self.recipe.shape)


def open_cell(folder: Path, source: Source, recipe: Recipe, study: Study, device: str) -> Cell:
    """Read what a cell needs; training passes are in bfloat16 on a GPU."""
    texts = load_texts(folder, source.name, device)
    encoder = load_encoder(folder, texts) if recipe.pretrained else None
    return Cell(source, recipe, study, texts, encoder, device.startswith("cuda"))


@dataclass(frozen=True, slots=True)
class Member:
    """One network of a stack.

    Attributes
    ----------
    seed : int
    arm : str
        One of `ARMS`; or "tuning" before the study.
    rate : float
        Learning rate.
    updates : int
        Its last one.
    at_edge : bool
        Whether the rate was chosen and is the first or the last of the grid.
    """

    seed: int
    arm: str
    rate: float
    updates: int
    at_edge: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """Members of one batch size, those with more updates first.

    Attributes
    ----------
    batch_size : int
    members : tuple of Member
    noise_of : int
        The batch size whose gradient noise an update has.
    rho : float or None
        SAM's radius.
    target : float or None
        Training loss of "equal_loss"; there is no such row without one.
    """

    batch_size: int
    members: tuple[Member, ...]
    noise_of: int
    rho: float | None = None
    target: float | None = None

    @property
    def seeds(self) -> list[int]:
        """One a member."""
        return [member.seed for member in self.members]

    @property
    def updates(self) -> int:
        """Of the longest."""
        return self.members[0].updates

    def active(self, update: int) -> int:
        """How many members make an update; they are the first."""
        return sum(member.updates >= update for member in self.members)

    def places(self, arm: str) -> list[int]:
        """Those of an arm's members."""
        return [place for place, member in enumerate(self.members) if member.arm == arm]


def tuning_stack(cell: Cell, batch_size: int) -> Stack:
    """Every rate at every tuning seed, equal epochs."""
    updates = epoch_updates(cell.study, cell.recipe, batch_size)
    members = tuple(
        Member(seed, "tuning", rate, updates)
        for rate in cell.recipe.rates
        for seed in cell.study.tuning_seeds
    )
    return Stack(batch_size, members, batch_size)


def study_stack(
    cell: Cell,
    arms: tuple[str, ...],
    batch_size: int,
    tuned: tuple[float, bool],
    target: float,
) -> Stack:
    """Some arms at every seed.

    Parameters
    ----------
    cell : Cell
    arms : tuple of str
        "sam", "noise_added" and "noise_removed" are trained by themselves, the others may be
        together.
    batch_size : int
    tuned : tuple of float and bool
        The tuned rate, and whether it is at the edge of the grid.
    target : float
        Training loss of "equal_loss".

    Returns
    -------
    Stack
    """
    smallest = min(cell.study.batch_sizes)
    paced = smallest if arms == ("noise_removed",) else batch_size
    budget = epoch_updates(cell.study, cell.recipe, paced)
    longest = max(budget, cell.recipe.updates)
    members = tuple(
        Member(
            seed,
            arm,
            tuned[0] if arm == "tuned" else cell.recipe.rate,
            longest if arm == "plain" else budget,
            arm == "tuned" and tuned[1],
        )
        for arm in sorted(arms, key=lambda arm: arm != "plain")
        for seed in cell.study.seeds
    )
    noise_of = smallest if arms == ("noise_added",) else batch_size
    rho = cell.study.rho if arms == ("sam",) else None
    return Stack(batch_size, members, noise_of, rho, target if "plain" in arms else None)


def minibatches(stack: Stack, n: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield examples and weights of every update, each of shape (members, examples).

    Where noise is added every example has a weight, w_B + c (w_b - 1/n), which depends on the
    seed alone; otherwise the weights are None, and the minibatch is the seed's own.
    """
    orders = minibatch_orders(stack.seeds, n, stack.batch_size, stack.updates)
    if stack.noise_of == stack.batch_size:
        for order in orders:
            yield order, None
        return
    others = [seed + SECOND_ORDER for seed in stack.seeds]
    share = added_share(n, stack.batch_size, stack.noise_of)
    everything = torch.arange(n).expand(len(others), n)
    noisy = minibatch_orders(others, n, stack.noise_of, stack.updates)
    for order, other in zip(orders, noisy, strict=True):
        yield everything, added_weights(order, other, n, share)


def added_weights(order: Tensor, other: Tensor, n: int, share: float) -> Tensor:
    """Weights w_B + c (w_b - 1/n) of all examples; they sum to 1.

    Examples
    --------
    >>> added_weights(torch.tensor([[0, 1]]), torch.tensor([[2]]), 4, share=1.0).tolist()
    [[0.25, 0.25, 0.75, -0.25]]
    """
    weights = torch.full((len(order), n), -share / n)
    weights.scatter_add_(1, order, torch.full(order.shape, 1 / order.shape[1]))
    return weights.scatter_add_(1, other, torch.full(other.shape, share / other.shape[1]))


def noise_partition(stack: Stack, active: int, study: Study, update: int) -> Tensor:
    """Draw the disjoint minibatches of an estimate, shape (batches, members, examples).

    They depend on the seed and the update alone, not on batch size, arm or rate.
    """
    drawn = [
        np.random.default_rng([NOISE, seed, update]).permutation(study.n_train)
        for seed in stack.seeds[:active]
    ]
    count = min(study.noise_examples, study.n_train) // study.noise_batch
    chosen = torch.from_numpy(np.stack(drawn))[:, : count * study.noise_batch]
    return chosen.view(active, count, study.noise_batch).transpose(0, 1)
