"""What the seed of a run decides before its first step: initial weights and minibatches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError


def initial_model(make_model: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Make a network with the initial weights of a seed.

    Parameters
    ----------
    make_model : callable
        Makes the network; its weights come from torch's global generator.
    seed : int
        At least 0.

    Returns
    -------
    nn.Module
        The network; torch's global generator is as it was.

    Examples
    --------
    >>> one, other = (initial_model(lambda: nn.Linear(2, 1), seed=3) for _ in range(2))
    >>> bool((one.weight == other.weight).all())
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spawned_seeds([seed])[0])
        return make_model()


def minibatch_orders(
    seeds: Sequence[int], examples: int, batch_size: int, updates: int
) -> Iterator[Tensor]:
    """Draw the minibatches of many seeds; those of a seed do not depend on the others.

    Each pass is a random permutation of the examples, cut into full batches; what is left over
    at its end is left out of that pass.

    Parameters
    ----------
    seeds : sequence of int
        One a member, at least 0.
    examples : int
        n.
    batch_size : int
        From 1 to n.
    updates : int
        Number of minibatches.

    Yields
    ------
    Tensor of int64, shape (members, batch_size)
        Numbers of examples.

    Raises
    ------
    ConfigurationError
        If the batch size is out of range.

    Examples
    --------
    >>> [batch.shape for batch in minibatch_orders([0, 1, 2], 10, batch_size=4, updates=3)]
    [torch.Size([3, 4]), torch.Size([3, 4]), torch.Size([3, 4])]
    """
    if not 1 <= batch_size <= examples:
        raise ConfigurationError(
            f"the batch size must be from 1 to the {examples} examples; got {batch_size}"
        )
    generators = [torch.Generator().manual_seed(spawned_seeds([seed])[1]) for seed in seeds]
    full = examples // batch_size
    for begin in range(0, updates, full):
        order = torch.stack([torch.randperm(examples, generator=g) for g in generators])
        batches = order[:, : full * batch_size].view(len(seeds), full, batch_size)
        for place in range(min(full, updates - begin)):
            yield batches[:, place]


def spawned_seeds(seeds: Sequence[int]) -> tuple[int, int]:
    """Derive two independent seeds of torch generators.

    Parameters
    ----------
    seeds : sequence of int
        At least 0.

    Returns
    -------
    tuple of int
        Below 2^63.
    """
    words = np.random.SeedSequence(list(seeds)).generate_state(2, dtype=np.uint64)
    return int(words[0] >> np.uint64(1)), int(words[1] >> np.uint64(1))
