"""One node-classification run: train a GCN, measure it, return a row of the runs frame."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.complexity.margins import margins
from collectors.complexity.norms import weight_norm
from collectors.curvature.products import hessian_product
from collectors.curvature.sharpness import top_eigenvalue
from collectors.gcn import GCN
from collectors.generalization.labels import accuracy, macro_precision
from collectors.graphs import Graph, Split, random_split
from collectors.noise.finite_population import minibatch_noise
from collectors.noise.joint_losses import GradientMoments, gradient_moments

NOISE_AT = (0.25, 0.5, 0.75)
"""Where gradient noise is measured, as fractions of the run's updates: before S, C and G are."""


@dataclass(frozen=True, slots=True)
class NodeRun:
    """Configuration of one run.

    Attributes
    ----------
    design : str
        Matching protocol, such as "equal_epochs".
    seed : int
        Seed block: it sets split, initial weights and the order of examples, and nothing of it
        depends on the batch size, so runs of one seed are paired.
    batch_size : int
        Divides `n_train`, so that every batch is full.
    updates : int
        Optimiser steps.
    learning_rate, weight_decay : float
        Of Adam; the decay is added to the gradient.
    hidden : int
        Width of the hidden layer.
    n_train, n_validation : int
        Labelled nodes for training and validation; all others are for testing.

    Raises
    ------
    ConfigurationError
        If a value is out of range, or the batch size does not divide `n_train`.

    Examples
    --------
    >>> NodeRun("equal_epochs", seed=3, batch_size=64, updates=1600).run_id
    'equal_epochs-b0064-s003'
    """

    design: str
    seed: int
    batch_size: int
    updates: int
    learning_rate: float = 0.01
    weight_decay: float = 5e-4
    hidden: int = 16
    n_train: int = 1024
    n_validation: int = 500

    def __post_init__(self) -> None:
        least = {"seed": 0, "batch_size": 1, "updates": 1, "hidden": 1, "n_train": 2}
        for name, low in (least | {"n_validation": 0}).items():
            if getattr(self, name) < low:
                raise ConfigurationError(
                    f"{name} must be at least {low}; got {getattr(self, name)}"
                )
        if not 0 < self.learning_rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise ConfigurationError(
                "expected a learning rate above 0 and a weight decay of at least 0, both finite; "
                f"got {self.learning_rate:g} and {self.weight_decay:g}"
            )
        if self.n_train % self.batch_size:
            raise ConfigurationError(
                f"batch size {self.batch_size} does not divide the training set of "
                f"{self.n_train}: a partial batch would make B vary within a run"
            )

    @property
    def run_id(self) -> str:
        """Name of the run, unique within a sweep."""
        return f"{self.design}-b{self.batch_size:04d}-s{self.seed:03d}"


def train_and_measure(run: NodeRun, graph: Graph) -> dict[str, object]:
    """Train one GCN with Adam and measure it.

    Gradient noise is the mean over the points `NOISE_AT` of training; sharpness, norm and
    margin are taken after the last update, on training nodes; then the test nodes are scored.
    The loss measured is the mean cross-entropy, without the weight-decay penalty.

    Parameters
    ----------
    run : NodeRun
        What to train.
    graph : Graph
        What to train on; nodes without a label carry messages and are in no set.

    Returns
    -------
    dict
        A row of the runs frame. ``grad_noise`` is E|g_B - g|^2 and ``example_noise`` tr S, in
        squared units of a gradient; ``noise_scale`` is tr S / |g|^2 in examples; ``sharpness``
        is the largest Hessian eigenvalue; ``margin`` is the (lower) median margin in logits.

    Raises
    ------
    ConfigurationError
        If the graph has too few labelled nodes.

    Notes
    -----
    A run whose final training losses are not all finite has ``diverged`` True. What cannot be
    measured then is NaN; its scores are those of the predictions that the network makes, with
    NaN taken for the largest logit, as ``argmax`` has it.

    Bias: ``grad_noise`` and ``example_noise`` are exact for the training set at the three
    points; ``noise_scale`` is a ratio of means over the points, whose |g|^2 is the training
    set's.

    Cost: `updates` gradients to train; about 0.7 `n_train` gradients for each of the three
    points; a gradient and some 15 to 40 Hessian-vector products at the end. The same `run` gives
    the same row, seconds apart, on one machine with one thread.
    """
    split_seed, weight_seed, order_seed, start_seed = _spawn(run.seed)
    split = _split(graph, run, split_seed)
    model = _model(graph, run, weight_seed)
    began = time.perf_counter()
    moments, training_seconds = _train(model, graph, split, run, order_seed)
    row = _describe(run, graph, split)
    row |= _noise(moments, run) | _final(model, graph, split, start_seed)
    row |= {
        "train_seconds": round(training_seconds, 3),
        "wall_seconds": round(time.perf_counter() - began, 3),
    }
    return row


def _spawn(seed: int) -> list[torch.Generator]:
    """Four independent generators of one seed block: split, weights, order, Lanczos start."""
    words = np.random.SeedSequence(seed).generate_state(4, dtype=np.uint64)
    return [torch.Generator().manual_seed(int(w >> np.uint64(1))) for w in words]


def _split(graph: Graph, run: NodeRun, generator: torch.Generator) -> Split:
    """Split the labelled nodes."""
    nodes = graph.labelled
    places = random_split(
        len(nodes), train=run.n_train, validation=run.n_validation, generator=generator
    )
    return Split(nodes[places.train], nodes[places.validation], nodes[places.test])


def _model(graph: Graph, run: NodeRun, generator: torch.Generator) -> GCN:
    """Draw the initial weights, and leave torch's global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        return GCN(graph.features.shape[1], run.hidden, graph.classes)


def _train(
    model: GCN, graph: Graph, split: Split, run: NodeRun, generator: torch.Generator
) -> tuple[list[GradientMoments], float]:
    """Train in place; gradient moments at the points `NOISE_AT`, and seconds of training alone."""
    optimizer = torch.optim.Adam(
        model.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay
    )
    stops = {max(1, round(f * run.updates)) for f in NOISE_AT}
    moments: list[GradientMoments] = []
    done, seconds, clock = 0, 0.0, time.perf_counter()
    while done < run.updates:
        order = split.train[torch.randperm(run.n_train, generator=generator)]
        for batch in order.view(-1, run.batch_size)[: run.updates - done]:
            loss = cross_entropy(model(graph.features, graph.edges)[batch], graph.labels[batch])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            done += 1
            if done in stops:
                seconds += time.perf_counter() - clock
                moments.append(_moments(model, graph, split.train))
                clock = time.perf_counter()
    return moments, seconds + time.perf_counter() - clock


def _losses(model: GCN, graph: Graph, nodes: Tensor) -> Tensor:
    logits = model(graph.features, graph.edges)[nodes]
    return cross_entropy(logits, graph.labels[nodes], reduction="none")


def _moments(model: GCN, graph: Graph, nodes: Tensor) -> GradientMoments:
    return gradient_moments(_losses(model, graph, nodes), tuple(model.parameters()))


def _describe(run: NodeRun, graph: Graph, split: Split) -> dict[str, object]:
    return {
        "run_id": run.run_id,
        "design": run.design,
        "dataset": graph.name,
        "model": "gcn",
        "seed": run.seed,
        "batch_size": run.batch_size,
        "learning_rate": run.learning_rate,
        "weight_decay": run.weight_decay,
        "optimizer": "adam",
        "epochs": run.updates * run.batch_size / run.n_train,
        "updates": run.updates,
        "n_train": run.n_train,
        "n_test": len(split.test),
    }


def _noise(moments: list[GradientMoments], run: NodeRun) -> dict[str, object]:
    """Gradient noise over the run; the noise scale is the ratio of means, not a mean of ratios."""
    trace = sum(m.covariance_trace for m in moments) / len(moments)
    squared = sum(m.mean_norm_squared for m in moments) / len(moments)
    return {
        "grad_noise": minibatch_noise(trace, run.batch_size, run.n_train),
        "example_noise": trace,
        "noise_scale": trace / squared if squared > 0 else math.nan,
    }


def _final(
    model: GCN, graph: Graph, split: Split, generator: torch.Generator
) -> dict[str, object]:
    """Sharpness, complexity and scores after the last update."""
    parameters = tuple(model.parameters())
    losses = _losses(model, graph, split.train)
    start = torch.randn(sum(p.numel() for p in parameters), generator=generator)
    finite = bool(torch.isfinite(losses.detach()).all())
    loss = float(losses.detach().mean())
    top = top_eigenvalue(hessian_product(losses.mean(), parameters), start) if finite else None
    with torch.no_grad():
        logits = model(graph.features, graph.edges)
    margin = margins(logits[split.train], graph.labels[split.train])
    predicted = logits.argmax(1)
    train = accuracy(predicted[split.train], graph.labels[split.train])
    test = accuracy(predicted[split.test], graph.labels[split.test])
    return {
        "sharpness": top.value if top else math.nan,
        "weight_norm": _finite(weight_norm(parameters)),
        "margin": _finite(float(margin.median())),
        "train_loss": _finite(loss),
        "train_accuracy": train,
        "test_accuracy": test,
        "test_precision": macro_precision(
            predicted[split.test], graph.labels[split.test], graph.classes
        ),
        "generalization_gap": train - test,
        "diverged": not finite,
    }


def _finite(value: float) -> float:
    """Return the value, NaN for infinity: a measurement that could not be taken."""
    return value if math.isfinite(value) else math.nan
