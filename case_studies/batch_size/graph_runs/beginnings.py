"""What the seed of a block decides: nothing of it depends on batch size, arm or rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from case_studies.batch_size.graph_runs.design import Design
from collectors.graphs import Graph, Split, random_split


@dataclass(frozen=True, slots=True)
class Beginning:
    """The draws of one seed.

    Attributes
    ----------
    seed : int
    split : Split
        Node numbers.
    order : Tensor of int16, shape (passes, n_train)
        The place of each training node in each pass.
    second_order : Tensor of int16, shape (passes, n_train)
        The same, of the minibatches whose noise is added.
    partition : Tensor of int16, shape (partitions, n_train)
        The place of each training node in the partitions that measure gradient noise.
    noisy : Tensor of int64, shape (n_train,)
        Labels of the training nodes, a share of them replaced by another class.
    weights, pairs, start : int
        Seeds of the initial weights, of PI-GNN's pairs that are no neighbours, and of the
        eigenvalue iteration.
    """

    seed: int
    split: Split
    order: Tensor
    second_order: Tensor
    partition: Tensor
    noisy: Tensor
    weights: int
    pairs: int
    start: int


def begin(seed: int, graph: Graph, design: Design) -> Beginning:
    """Draw all that a seed decides.

    The split is the one of `collectors.node_runs` at the same seed.

    Parameters
    ----------
    seed : int
        At least 0.
    graph : Graph
        The data.
    design : Design
        Sizes.

    Returns
    -------
    Beginning
        The draws.
    """
    words = _words(seed)
    places = random_split(
        len(graph.labelled),
        train=design.n_train,
        validation=design.n_validation,
        generator=_generator(words[0]),
    )
    split = Split(*(graph.labelled[p] for p in (places.train, places.validation, places.test)))
    return Beginning(
        seed,
        split,
        *_orders(seed, design),
        _noisy(graph.labels[split.train], graph.classes, design.noisy_share, _generator(words[6])),
        words[1],
        words[7],
        words[3],
    )


def _words(seed: int) -> list[int]:
    """Seeds of what a seed decides; the first four are those of `collectors.node_runs`."""
    words = np.random.SeedSequence(seed).generate_state(8, dtype=np.uint64)
    return [int(word >> np.uint64(1)) for word in words]


def _generator(word: int) -> torch.Generator:
    return torch.Generator().manual_seed(word)


@lru_cache(maxsize=64)
def _orders(seed: int, design: Design) -> tuple[Tensor, Tensor, Tensor]:
    """Orders of examples; they depend on no graph, so all cells share them."""
    words = _words(seed)
    added = -(-design.updates * 4 * design.smallest // design.n_train)
    cuts = design.parts * design.largest // design.n_train
    passes = {2: design.passes, 4: added, 5: cuts}
    first, second, third = (
        _places(count, design.n_train, np.random.default_rng(words[k]))
        for k, count in passes.items()
    )
    return first, second, third


def _places(passes: int, n: int, generator: np.random.Generator) -> Tensor:
    """Random permutations, one a row."""
    places = np.tile(np.arange(n, dtype=np.int16), (passes, 1))
    return torch.from_numpy(generator.permuted(places, axis=1))


def _noisy(labels: Tensor, classes: int, share: float, generator: torch.Generator) -> Tensor:
    """Replace a share of the labels, rounded to whole labels, by another class each."""
    chosen = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    step = torch.randint(1, classes, (len(chosen),), generator=generator)
    noisy = labels.clone()
    noisy[chosen] = (noisy[chosen] + step) % classes
    return noisy
