"""What the seed of a block decides: nothing of it depends on batch size, arm or rate."""

from __future__ import annotations

from dataclasses import dataclass

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
    partition : Tensor of int16, shape (n_train,)
        The place of each training node in the partition that measures gradient noise.
    noisy : Tensor of int64, shape (n_train,)
        Labels of the training nodes, a share of them replaced by another class.
    weights : torch.Generator
        For the initial weights.
    negatives : numpy.random.Generator
        For the pairs of PI-GNN that are no neighbours.
    start : int
        Seed of the eigenvalue iteration.
    """

    seed: int
    split: Split
    order: Tensor
    second_order: Tensor
    partition: Tensor
    noisy: Tensor
    weights: torch.Generator
    negatives: np.random.Generator
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
    words = np.random.SeedSequence(seed).generate_state(8, dtype=np.uint64)
    draws = [torch.Generator().manual_seed(int(word >> np.uint64(1))) for word in words]
    places = random_split(
        len(graph.labelled),
        train=design.n_train,
        validation=design.n_validation,
        generator=draws[0],
    )
    split = Split(*(graph.labelled[p] for p in (places.train, places.validation, places.test)))
    added = -(-design.updates * 4 * design.smallest // design.n_train)
    return Beginning(
        seed,
        split,
        _places(design.passes, design.n_train, draws[2]),
        _places(added, design.n_train, draws[4]),
        _places(1, design.n_train, draws[5])[0],
        _noisy(graph.labels[split.train], graph.classes, design.noisy_share, draws[6]),
        draws[1],
        np.random.default_rng(int(words[7])),
        int(words[3] >> np.uint64(33)),
    )


def _places(passes: int, n: int, generator: torch.Generator) -> Tensor:
    """Random permutations, one a row."""
    return torch.rand(passes, n, dtype=torch.float64, generator=generator).argsort(1).short()


def _noisy(labels: Tensor, classes: int, share: float, generator: torch.Generator) -> Tensor:
    """Replace a share of the labels, rounded to whole labels, by another class each."""
    chosen = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    step = torch.randint(1, classes, (len(chosen),), generator=generator)
    noisy = labels.clone()
    noisy[chosen] = (noisy[chosen] + step) % classes
    return noisy
