"""One epoch of training, whose steps may be recorded on the device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from collectors.batches import Batch
from collectors.calls import call, check_losses
from collectors.deep_pruning.subjects import Subject
from collectors.ensembles.pruning.networks import Precision, arithmetic
from collectors.ensembles.pruning.passes import with_next
from collectors.ensembles.pruning.recording import Recording
from collectors.pruning.needs import raise_one_minibatch
from collectors.pruning.passes import Performance, Tally
from collectors.pruning.processes import Processes
from collectors.recording.replay import Circumstances, cuda_devices, mean_loss, unchanged


def train_pass(
    subject: Subject,
    optimizer: torch.optim.Optimizer,
    data: Iterable[Batch],
    precision: Precision,
    recordings: Sequence[Recording] = (),
    draws: np.random.Generator | None = None,
) -> Performance:
    """Train the network for one pass.

    Parameters
    ----------
    subject : Subject
        The network.
    optimizer : Optimizer
        What trains it; plain gradient descent where steps are recorded.
    data : iterable of batches
        From `Subject.epoch`.
    precision : {"float32", "tf32", "bfloat16"}
        Of the products.
    recordings : sequence of Recording
        Of one row each; they see the changes of what may be pruned, and the losses.
    draws : numpy.random.Generator, optional
        Of dropout on minibatches that did not choose the step; needed where their gradients are
        recorded.

    Returns
    -------
    Performance
        Of the minibatches before their steps.

    Raises
    ------
    ConfigurationError
        If gradients on a fresh minibatch are recorded and there is but one.
    """
    subject.called.train()
    tally = Tally(subject.task)
    ahead = any(recording.needs_fresh for recording in recordings)
    pairs = with_next(iter(data)) if ahead else ((batch, None) for batch in data)
    for batch, following in pairs:
        if following is batch:
            raise_one_minibatch()
        # autocast keeps copies of weights until it ends, so it ends with the step
        with arithmetic(precision, subject.device):
            _step(subject, optimizer, batch, tally, recordings, following, draws)
    return tally.performance(Processes(0, 1, subject.device))


def _step(
    subject: Subject,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    tally: Tally,
    recordings: Sequence[Recording],
    following: Batch | None,
    draws: np.random.Generator | None,
) -> None:
    inputs, targets = batch
    repeated = any(recording.needs_after for recording in recordings)
    circumstances = Circumstances.now(subject.model) if repeated else None
    outputs = call(subject.called, inputs)
    losses = check_losses(subject.task.loss(outputs, targets))
    optimizer.zero_grad()
    losses.mean().backward()
    fresh = None
    if following is not None:
        assert draws is not None
        fresh = _fresh_gradients(subject, following, draws)
    optimizer.step()
    tally.add(outputs, targets, losses)
    if not recordings:
        return
    before = after = mean_loss(losses)[None]
    if circumstances is not None:
        with circumstances.again():
            after = mean_loss(subject.task.loss(call(subject.called, inputs), targets))[None]
    changes = flat_gradients(subject).mul_(-optimizer.param_groups[0]["lr"])[None]
    for recording in recordings:
        # squared in place where they are float64 already
        own = changes.clone() if changes.dtype == torch.float64 else changes
        recording.add(own, before, after, fresh)


def _fresh_gradients(subject: Subject, batch: Batch, draws: np.random.Generator) -> Tensor:
    """Return gradients in train mode on a minibatch that did not choose the step, shape (1, p)."""
    inputs, targets = batch
    named = dict(subject.model.named_parameters())
    chosen = [named[name] for name in subject.layout.prunable]
    with unchanged(subject.model), torch.random.fork_rng(cuda_devices(subject.model)):
        torch.manual_seed(int(draws.integers(2**63)))
        with torch.enable_grad():
            losses = check_losses(subject.task.loss(call(subject.called, inputs), targets))
            found = torch.autograd.grad(losses.mean(), chosen, materialize_grads=True)
    return torch.cat([part.reshape(-1) for part in found])[None]


def flat_gradients(subject: Subject) -> Tensor:
    """Return the gradients of what may be pruned.

    Parameters
    ----------
    subject : Subject
        After a backward pass.

    Returns
    -------
    Tensor, shape (p,)
        Zero for a parameter without one.
    """
    named = dict(subject.model.named_parameters())
    chosen = [named[name] for name in subject.layout.prunable]
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in chosen]
    return torch.cat([part.reshape(-1) for part in parts])
