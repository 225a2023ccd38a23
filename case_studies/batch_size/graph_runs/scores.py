"""What is measured of all seeds of a trajectory where it is stopped."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from case_studies.batch_size.graph_runs.beginnings import Beginning
from case_studies.batch_size.graph_runs.objectives import Objective
from case_studies.batch_size.graph_runs.snapshots import Snapshot
from case_studies.batch_size.graph_runs.training import Problem
from collectors.ensembles.graphs import Neighbourhoods
from collectors.ensembles.measures import (
    stacked_loss_rise,
    stacked_margins,
    stacked_norms,
    stacked_scores,
    stacked_top_eigenvalue,
)

MATRICES = ("first.weight", "second.weight")
TOLERANCE = 2e-2
"""Of eigenvalues: residual over value; their error is of the order of its square."""
PRODUCTS = 40
NUMBERS = 1 << 30
"""Numbers that the Krylov spaces of members measured at once may hold."""
MEMBERS = 240
"""Members measured at once."""

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole graph, on which members are scored.

    Attributes
    ----------
    objective : Objective
        One block, whose outputs are all nodes.
    labels : Tensor of int64, shape (nodes,)
    """

    objective: Objective
    labels: Tensor

    @classmethod
    def of(cls, graph: Neighbourhoods, objective: Objective, labels: Tensor) -> Whole:
        """Prepare all nodes of a graph."""
        field = objective.network.field(graph, [np.arange(graph.nodes)])
        return cls(Objective(objective.network, field, graph.nodes, None), labels.to(graph.device))

    def logits(self, named: Mapping[str, Tensor]) -> Tensor:
        """Outputs of members whose parameters have shape (members, ...)."""
        own = {name: value.unsqueeze(0) for name, value in named.items()}
        with torch.no_grad():
            found: Tensor = self.objective.network.logits(own, self.objective.field)  # type: ignore[arg-type]
        return found[0]


def score(
    problem: Problem, whole: Whole, beginnings: Sequence[Beginning], snapshot: Snapshot
) -> Columns:
    """Losses, accuracies, margin and precision, each of shape (seeds,).

    The training part has the labels trained on.
    """
    named = problem.layout.named(snapshot.parameters)
    logits = whole.logits(named)
    parts = {
        name: torch.stack([getattr(b.split, name) for b in beginnings]).to(logits.device)
        for name in ("train", "validation", "test")
    }
    columns: Columns = {}
    for name, nodes in parts.items():
        labels = whole.labels[nodes]
        if name == "train":
            labels = problem.labels_of([snapshot.trajectory])[:, 0]
        own = logits.gather(1, nodes.unsqueeze(-1).expand(-1, -1, logits.shape[-1]))
        found = stacked_scores(own, labels)
        columns |= {f"{name}_loss": found.loss.numpy(), f"{name}_accuracy": found.accuracy.numpy()}
        if name == "train":
            columns["margin"] = stacked_margins(own, labels).numpy()
        if name == "test":
            columns["test_precision"] = found.macro_precision.numpy()
    columns["generalization_gap"] = columns["train_accuracy"] - columns["test_accuracy"]
    columns["diverged"] = ~np.isfinite(columns["train_loss"])
    return columns


def measure(
    problem: Problem, beginnings: Sequence[Beginning], snapshots: Sequence[Snapshot]
) -> list[Columns]:
    """Sharpness and norms of several snapshots, each column of shape (seeds,).

    Sharpness is of the mean loss trained on, without the weight decay: PI-GNN's with its
    pairwise term.
    """
    size = problem.initial.numel() * PRODUCTS
    step = max(1, min(NUMBERS // size, MEMBERS // len(beginnings)))
    groups = [snapshots[i : i + step] for i in range(0, len(snapshots), step)]
    return [columns for group in groups for columns in _measure(problem, beginnings, group)]


def _measure(
    problem: Problem, beginnings: Sequence[Beginning], snapshots: Sequence[Snapshot]
) -> list[Columns]:
    seeds, members = len(beginnings), len(snapshots)
    labels = problem.labels_of([s.trajectory for s in snapshots])

    def losses(named: Mapping[str, Tensor]) -> Tensor:
        own = {name: value.unflatten(0, (seeds, members)) for name, value in named.items()}
        return problem.objective.node_losses(own, labels)[0].mean(-1).flatten()

    flat = torch.stack([s.parameters for s in snapshots], 1).flatten(0, 1)
    named = {name: value.contiguous() for name, value in problem.layout.named(flat).items()}
    scale = {name: value.abs() for name, value in named.items()}
    starts = [b.start for b in beginnings for _ in snapshots]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*top eigenvalues have residuals")
        plain, adjusted = (
            stacked_top_eigenvalue(
                losses,
                named,
                seed=0,
                member_seeds=starts,
                scale=how,
                tolerance=TOLERANCE,
                max_products=PRODUCTS,
            )
            for how in (None, scale)
        )
    initial = problem.initial.repeat_interleave(members, 0)
    norms = stacked_norms(named, problem.layout.named(initial), matrices=MATRICES)
    found = {
        "sharpness": plain.values,
        "sharpness_residual": plain.residuals,
        "sharpness_adjusted": adjusted.values,
        "sam_sharpness": stacked_loss_rise(losses, named, rho=problem.design.rho),
        "weight_norm": norms["weight_norm"],
        "distance": norms["distance"],
        "spectral_product": norms["spectral_product"],
    }
    apart = {name: values.view(seeds, members).numpy() for name, values in found.items()}
    return [{name: values[:, k] for name, values in apart.items()} for k in range(members)]
