"""The collecting stage: training whose steps are recorded, and what is known after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.frames import StepSums
from causalhyper.granger.criteria import Attribution, Evidence, Needs
from causalhyper.granger.masks import Masks
from collectors.batches import batches
from collectors.calls import example_losses
from collectors.pruning.attributing import StepAttribution
from collectors.pruning.processes import Processes
from collectors.pruning.seeding import derived_seed, seed_everything
from collectors.pruning.tasks import PruningTask
from collectors.recording import Recorder, StepAccumulators, record

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What was recorded of a collecting stage, as far as it was asked for.

    Attributes
    ----------
    sums : StepSums or None
        Streaming sums.
    trajectory : Path or None
        The store.
    attribution : dict of str to Attribution, or None
        What each parameter's movement did, by layer.
    """

    sums: StepSums | None = None
    trajectory: Path | None = None
    attribution: dict[str, Attribution] | None = None


class Collection:
    """The recording of one collecting stage.

    Parameters
    ----------
    needs : Needs
        What the criterion asks for.
    layers : sequence of str
        The parameters that are recorded.
    store : Path
        Folder of the trajectory, where one is asked for.
    processes : Processes
        Which the first of them writes.
    """

    def __init__(self, needs: Needs, layers: list[str], store: Path, processes: Processes) -> None:
        self._needs = needs
        self._layers = layers
        self._store = store
        self._processes = processes
        self._attribution: StepAttribution | None = None
        self._sums = (
            StepAccumulators(needs.lags, response=needs.response, momentum=needs.momentum)
            if needs.sums
            else None
        )

    def attribute(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        task: PruningTask,
        seed: int,
        stack: ExitStack,
    ) -> StepAttribution | None:
        """Begin to sum attributions, before steps are excited; None where none is asked for."""
        if not self._needs.attribution:
            return None
        named = {n.removeprefix("module."): p for n, p in model.named_parameters()}
        named |= dict(model.named_parameters())
        self._attribution = stack.enter_context(
            StepAttribution(
                model,
                optimizer,
                {name: named[name] for name in self._layers},
                self._needs.attribution,
                task=task,
                processes=self._processes,
                seed=seed,
            )
        )
        return self._attribution

    def record(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, stack: ExitStack
    ) -> Recorder | None:
        """Begin to record; None where nothing is asked for."""
        if self._sums is None and not self._needs.trajectory:
            return None
        to: list[str | Path | StepAccumulators] = []
        if self._sums is not None:
            to.append(self._sums)
        if self._needs.trajectory:
            to.append(self._store)
        double = any(p.dtype == torch.float64 for p in model.parameters())
        chosen = set(self._layers)
        return stack.enter_context(
            record(
                model,
                optimizer,
                list(to),
                layers=lambda name, _: name in chosen,
                dtype="float64" if double else "float32",
                differences=True,
            )
        )

    def result(self) -> Collected:
        """Return what was recorded; nothing in the processes that do not write."""
        if not self._processes.first:
            return Collected()
        return Collected(
            None if self._sums is None else self._sums.result(),
            self._store if self._needs.trajectory else None,
            None if self._attribution is None else self._attribution.result(),
        )


def gradients_of(
    model: nn.Module, task: PruningTask, masks: Masks, seed: int
) -> Callable[[int], Iterator[Mapping[str, Array]]]:
    """Return what yields mean gradients of minibatches at the present weights.

    Parameters
    ----------
    model : Module
        The network itself; it is put in eval mode, so that minibatches do not mix examples.
    task : PruningTask
        Data and loss.
    masks : Masks
        Of parameters: gradients of what is pruned are zero.
    seed : int
        Of the order of the minibatches.

    Returns
    -------
    callable
        Given a number n, yields n mappings from layer to gradient; it goes through the data
        several times where they have fewer minibatches.
    """
    named = dict(model.named_parameters())
    found = {name: named[name] for name in masks.kept}

    def gradients(count: int) -> Iterator[Mapping[str, Array]]:
        model.eval()
        done, turn = 0, 0
        while done < count:
            seed_everything(derived_seed(seed, turn), task.train)
            before = done
            for inputs, targets in batches(task.train, model):
                if done == count:
                    return
                with torch.enable_grad():
                    loss = example_losses(model, task.loss, inputs, targets).mean()
                    values = torch.autograd.grad(loss, list(found.values()))
                done += 1
                yield {
                    name: array_of(value) * masks.kept[name]
                    for name, value in zip(found, values, strict=True)
                }
            turn += 1
            if done == before:
                raise ConfigurationError("the training data hold no example: give one batch")

    return gradients


def evidence_of(
    model: nn.Module,
    task: PruningTask,
    origin: Mapping[str, Tensor],
    masks: Masks,
    collected: Collected,
    *,
    seed: int,
    share: Literal["output"] | None,
) -> Evidence:
    """Put together what a criterion is given.

    Parameters
    ----------
    model : Module
        The network at the end of collecting.
    task : PruningTask
        Data and loss, for gradients.
    origin : mapping of str to Tensor
        The state dict to which training goes back.
    masks : Masks
        Of parameters: what is kept until now.
    collected : Collected
        What was recorded.
    seed : int
        Of this iteration's draws.
    share : {None, "output"}
        Whether scores of units are asked for.

    Returns
    -------
    Evidence
    """
    named = dict(model.named_parameters())
    return Evidence(
        weights={name: array_of(origin[name]) * kept for name, kept in masks.kept.items()},
        collected={name: array_of(named[name]) for name in masks.kept},
        masks=masks,
        rng=np.random.default_rng(derived_seed(seed, "criterion")),
        sums=collected.sums,
        trajectory=collected.trajectory,
        attribution=collected.attribution,
        gradients=gradients_of(model, task, masks, derived_seed(seed, "gradients")),
        share=share,
    )


def array_of(tensor: Tensor) -> Array:
    """Return a tensor as an array of float64, a copy on the host.

    Parameters
    ----------
    tensor : Tensor
        On any device.

    Returns
    -------
    ndarray
        In its shape.
    """
    return tensor.detach().cpu().to(torch.float64).numpy().copy()
