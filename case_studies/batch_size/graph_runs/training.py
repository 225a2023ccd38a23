"""Training of many members side by side, each as if it were alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from case_studies.batch_size.graph_runs.beginnings import Beginning
from case_studies.batch_size.graph_runs.design import Design, Trajectory
from case_studies.batch_size.graph_runs.members import Adam, Layout, ascended
from case_studies.batch_size.graph_runs.minibatches import Minibatches, on_device
from case_studies.batch_size.graph_runs.moments import measure
from case_studies.batch_size.graph_runs.objectives import Objective
from case_studies.batch_size.graph_runs.snapshots import Course, Passages, Snapshot

LOOK = 50
"""After so many updates, beyond those they were to have, members that seek a loss are asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Everything that training needs but the trajectories.

    Attributes
    ----------
    objective : Objective
    design : Design
    layout : Layout
    initial : Tensor, shape (seeds, p)
    minibatches : Minibatches
    labels, noisy : Tensor of int64, shape (seeds, n)
        True labels of the training nodes, and those of the arm "label_noise".
    """

    objective: Objective
    design: Design
    layout: Layout
    initial: Tensor
    minibatches: Minibatches
    labels: Tensor
    noisy: Tensor

    def labels_of(self, trajectories: Sequence[Trajectory]) -> Tensor:
        """Labels trained on, shape (seeds, trajectories, n)."""
        chosen = [self.noisy if t.arm == "label_noise" else self.labels for t in trajectories]
        return torch.stack(chosen, 1)

    def mean_losses(self, flat: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean losses trained on and mean cross-entropies, each of shape (seeds, members)."""
        losses, entropies = self.objective.node_losses(self.layout.named(flat), labels)
        return losses.mean(-1), entropies.mean(-1)


def problem_of(
    objective: Objective,
    beginnings: Sequence[Beginning],
    labels: Tensor,
    design: Design,
    device: str,
) -> Problem:
    """Gather the draws of some seeds on a device.

    Parameters
    ----------
    objective : Objective
        Of the same seeds.
    beginnings : sequence of Beginning
    labels : Tensor of int64, shape (nodes,)
        Of the graph.
    design : Design
    device : str
    """
    layout = Layout(objective.network.shapes)
    draws = [torch.Generator().manual_seed(b.weights) for b in beginnings]
    initial = [layout.flat(objective.network.initial(draw)) for draw in draws]
    columns = (
        [b.order for b in beginnings],
        [b.second_order for b in beginnings],
        [b.partition for b in beginnings],
    )
    return Problem(
        objective,
        design,
        layout,
        torch.stack(initial).to(device),
        Minibatches(*(torch.stack(column).to(device) for column in columns)),
        torch.stack([labels[b.split.train] for b in beginnings]).to(device),
        torch.stack([b.noisy for b in beginnings]).to(device),
    )


def train(
    problem: Problem,
    trajectories: Sequence[Trajectory],
    *,
    target: float | None = None,
    noise: bool = True,
    told: Callable[[int], None] | None = None,
) -> Course:
    """Train all trajectories of all seeds.

    Parameters
    ----------
    problem : Problem
    trajectories : sequence of Trajectory
        All of sharpness-aware minimisation, or none.
    target : float, optional
        Mean training cross-entropy that some trajectories seek.
    noise : bool
        Whether gradient noise is measured.
    told : callable, optional
        Called with the number of members after each update.

    Returns
    -------
    Course
        The snapshots in the order in which they were taken.
    """
    stack = Stack(problem, trajectories, target)
    while True:
        losses, leaves = stack.look()
        if noise and stack.done in problem.design.grid:
            stack.measure(losses, leaves)
        stack.leave()
        if not stack.active:
            return stack.course
        # members that have just left are in the graph of this pass: it is made anew
        if stack.stale:
            losses, leaves = stack.forward()
        stack.update(losses, leaves)
        if told:
            told(len(stack.active) * len(problem.initial))


class Stack:
    """Members in training; those that have ended leave it."""

    def __init__(
        self, problem: Problem, trajectories: Sequence[Trajectory], target: float | None
    ) -> None:
        self.problem, self.done, self.stale = problem, 0, False
        self.active = list(trajectories)
        self.flat = problem.initial.unsqueeze(1).repeat(1, len(self.active), 1)
        self.labels = problem.labels_of(self.active)
        rates = [t.rate for t in self.active]
        self.optimizer = Adam(rates, problem.design.weight_decay, self.flat)
        self.course = Course(problem.initial)
        seekers = [t for t in self.active if t.seeks_loss] if target is not None else []
        self.passages = Passages(problem.initial, seekers, target or 0.0)

    def forward(self, at: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Losses of the training nodes, and the parameters that they are of."""
        leaves = (self.flat if at is None else at).detach().requires_grad_()
        named = self.problem.layout.named(leaves)
        losses, self.entropies = self.problem.objective.node_losses(named, self.labels)
        self.stale = False
        return losses, leaves

    def look(self) -> tuple[Tensor, Tensor]:
        """Forward pass, first passage, and snapshots."""
        losses, leaves = self.forward()
        if self.passages.seekers:
            places = tuple(self.active.index(t) for t in self.passages.seekers)
            index = on_device(places, self.flat.device)
            means = self.entropies.detach().mean(-1).index_select(1, index)
            last = self.done == self.problem.design.cap
            self.passages.look(means, self.flat.index_select(1, index), self.done, last=last)
        for place, trajectory in enumerate(self.active):
            designs = tuple(name for at, name in trajectory.stops if at == self.done)
            if designs:
                self._keep(trajectory, designs, self.flat[:, place].clone())
        return losses, leaves

    def _keep(self, trajectory: Trajectory, designs: tuple[str, ...], parameters: Tensor) -> None:
        seeds = len(parameters)
        updates = torch.full((seeds,), self.done)
        reached = torch.ones(seeds, dtype=torch.bool)
        self.course.snapshots.append(Snapshot(trajectory, designs, updates, reached, parameters))

    def measure(self, losses: Tensor, leaves: Tensor) -> None:
        """Gradient noise of all members."""

        def gradients(weights: Tensor) -> Tensor:
            return torch.autograd.grad((losses * weights).sum(), leaves, retain_graph=True)[0]

        def ascending(weights: Tensor) -> Tensor:
            return self._gradients(gradients(weights), weights)

        found = measure(
            self.active, self.problem.minibatches, self.problem.design.parts, gradients, ascending
        )
        columns = (found.trace, found.squared, found.made)
        for place, trajectory in enumerate(self.active):
            trace, squared, made = (column[:, place] for column in columns)
            self.course.moments[trajectory, self.done] = trace, squared, made

    def _gradients(self, first: Tensor, weights: Tensor) -> Tensor:
        """Gradients at the ascended points."""
        there, leaves = self.forward(ascended(self.flat, first, self.problem.design.rho))
        return torch.autograd.grad((there * weights).sum(), leaves)[0]

    def update(self, losses: Tensor, leaves: Tensor) -> None:
        """One update of all members."""
        weights = self.problem.minibatches.weights(self.active, self.done)
        gradients = torch.autograd.grad((losses * weights).sum(), leaves)[0]
        if self.active[0].arm == "sam":
            gradients = self._gradients(gradients, weights)
        self.optimizer.descend(self.flat, gradients)
        self.done += 1

    def leave(self) -> None:
        """Let members go that have made their last update."""
        design, passages = self.problem.design, self.passages
        asked = self.done >= design.updates and self.done % LOOK == 0
        if passages.seekers and (asked or self.done == design.cap):
            self.course.snapshots += passages.end(passages.complete())
        kept = [
            place
            for place, trajectory in enumerate(self.active)
            if trajectory.end > self.done or trajectory in passages.seekers
        ]
        if len(kept) < len(self.active):
            self.active = [self.active[place] for place in kept]
            self.flat, self.labels = self.flat[:, kept], self.labels[:, kept]
            self.optimizer.keep(kept)
            self.stale = True
