"""One pass over data of many networks: an epoch of training, or an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from collectors.batches import Batch, Data, batches
from collectors.ensembles.pruning.captured import Trainable
from collectors.ensembles.pruning.networks import Precision, StackedNetwork
from collectors.ensembles.pruning.recording import Recording
from collectors.ensembles.pruning.updates import Update
from collectors.pruning.needs import raise_one_minibatch
from collectors.pruning.passes import Performance
from collectors.pruning.seeding import derived_seed, seed_everything


class Tallies:
    """Adds up losses and right answers of every network, on their device."""

    def __init__(self) -> None:
        self._sums: Tensor | None = None
        self._examples = 0

    def add(self, losses: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Take one minibatch: losses (R, n), outputs (R, n, classes), targets (n,)."""
        right = (outputs.argmax(2) == targets).sum(1)
        found = torch.stack([losses.double().sum(1), right.double()])
        self._sums = found if self._sums is None else self._sums + found
        self._examples += losses.shape[1]

    def performances(self) -> list[Performance]:
        """Return the means of every network; the device is waited for."""
        if self._sums is None:
            return []
        losses, right = (self._sums / self._examples).tolist()
        pairs = zip(losses, right, strict=True)
        return [Performance(loss, share, self._examples) for loss, share in pairs]


class Order:
    """The minibatches of a seed: those that `collectors.pruning.prune` gives a network alone.

    Parameters
    ----------
    seed : int
        From 0.
    device : device or str
        Where the minibatches are taken to.
    """

    def __init__(self, seed: int, device: torch.device | str) -> None:
        self._seed, self._where = seed, place_on(device)

    def epoch(self, data: Data, stage: str, iteration: int, epoch: int) -> Iterator[Batch]:
        """Go once through the data, in the order of this epoch."""
        words = (stage, iteration, epoch)
        own = derived_seed(self._seed, *words, 0)
        seed_everything(own, data, order=derived_seed(self._seed, *words))
        yield from batches(data, self._where)

    def evaluation(self, data: Data) -> Iterator[Batch]:
        """Go once through the data, in the order of evaluations."""
        yield from self.epoch(data, "evaluation", 0, 0)


def place_on(device: torch.device | str) -> nn.Module:
    """Return a module without parameters that is somewhere, to which batches are taken.

    Parameters
    ----------
    device : torch.device or str

    Returns
    -------
    nn.Module
    """
    place = nn.Module()
    place.register_buffer("place", torch.empty(0, device=device))
    return place


def train_pass(
    network: Trainable,
    rows: Tensor,
    pruned: Tensor,
    updates: Sequence[tuple[slice, Update]],
    data: Iterator[Batch],
    precision: Precision,
    recordings: Sequence[Recording] = (),
    *,
    exact: Precision | None = None,
) -> list[Performance]:
    """Train many networks for one pass, in place.

    Parameters
    ----------
    network : StackedNetwork or CapturedNetwork
        Their architecture.
    rows : Tensor, shape (R, p)
        Their parameters, zero where pruned.
    pruned : Tensor of bool, shape (R, p)
        What stays zero.
    updates : sequence of (slice, Update)
        The rows that each moves.
    data : iterator of batches
        Shared by all.
    precision : {"float32", "tf32", "bfloat16"}
        Of the products of gradients that are followed, and of the losses that are returned.
    recordings : sequence of Recording
        See the changes of their rows, which descend by gradients alone, and the losses.
    exact : {"float32", "tf32", "bfloat16"}, optional
        Of the products of what is recorded beside the changes: losses before and after steps, and
        fresh gradients; as the others unless given.

    Returns
    -------
    list of Performance
        Of the minibatches before their steps, one a row.

    Raises
    ------
    ConfigurationError
        If gradients on a fresh minibatch are recorded and there is but one.
    """
    tallies = Tallies()
    same = slice(0, max((r.rows.stop for r in recordings if r.needs_after), default=0))
    heard = slice(0, max((r.rows.stop for r in recordings if r.needs_losses), default=0))
    exact = exact or precision
    ahead = next((r for r in recordings if r.needs_fresh), None)
    for (inputs, targets), following in with_next(data):
        fresh = None
        if ahead is not None:
            if following[0] is inputs:
                raise_one_minibatch()
            # a captured step of the same rows would overwrite it
            fresh = network.gradients(rows[ahead.rows], *following, exact)[0].clone()
        gradients, losses, outputs = network.gradients(rows, inputs, targets, precision)
        tallies.add(losses, outputs, targets)
        before, after = losses.mean(1), losses.new_empty(0)
        if heard.stop and exact != precision:
            before[heard] = network.mean_losses(rows[heard], inputs, targets, exact)
        for part, update in updates:
            update(rows[part], gradients[part], pruned[part])
        if not recordings:
            continue
        if same.stop:
            after = network.mean_losses(rows[same], inputs, targets, exact)
        for recording in recordings:
            recording.add(gradients, before, after, fresh if recording is ahead else None)
    return tallies.performances()


def with_next(data: Iterator[Batch]) -> Iterator[tuple[Batch, Batch]]:
    """Yield every minibatch with the next; the last with the first.

    Parameters
    ----------
    data : iterator of batches
        Of an epoch.

    Yields
    ------
    tuple of two batches
        The same one twice, where there is but one.

    Examples
    --------
    >>> [pair for pair in with_next(iter("abc"))]
    [('a', 'b'), ('b', 'c'), ('c', 'a')]
    """
    first = now = next(data, None)
    if first is None or now is None:
        return
    for following in data:
        yield now, following
        now = following
    yield now, first


@torch.no_grad()
def evaluate_rows(
    network: StackedNetwork,
    rows: Tensor,
    data: Iterator[Batch],
    precision: Precision,
    at_once: int,
) -> list[Performance]:
    """Evaluate many networks.

    Parameters
    ----------
    network : StackedNetwork
        Their architecture.
    rows : Tensor, shape (R, p)
        Their parameters.
    data : iterator of batches
        From `Order.evaluation`; of nothing for no data.
    precision : {"float32", "tf32", "bfloat16"}
        Of the products.
    at_once : int
        Rows a pass.

    Returns
    -------
    list of Performance
        One a row, of NaN where there are no data.
    """
    parts = rows.split(at_once)
    tallies = [Tallies() for _ in parts]
    for inputs, targets in data:
        for part, tally in zip(parts, tallies, strict=True):
            outputs = network.outputs(part, inputs, precision)
            tally.add(network.losses(outputs, targets), outputs, targets)
    found = [each for tally in tallies for each in tally.performances()]
    return found or [Performance()] * len(rows)
