"""One pruning: the network with all that stays the same from stage to stage."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion, Needs
from causalhyper.granger.masks import Masks
from collectors.pruning.dead_units import find_dead_units
from collectors.pruning.fingerprints import task_words
from collectors.pruning.frames import layers_frame, log_frame
from collectors.pruning.mask_plan import MaskPlan, mask_plan
from collectors.pruning.needs import check_needs
from collectors.pruning.processes import Processes
from collectors.pruning.pruned import SETS, Pruned
from collectors.pruning.requests import (
    DENSE,
    Sparsity,
    Targets,
    check_protocol,
    checked_seed,
    chosen_criterion,
    described,
    sparsity_targets,
    weights_hash,
)
from collectors.pruning.seeding import derived_seed, seed_everything
from collectors.pruning.settings import PruningSettings
from collectors.pruning.states import State
from collectors.pruning.tasks import PruningTask

EARLY = ("n_pre", "learning_rate", "rewind", "structured", "keep_zeros")
"""Settings that pre-training and the first masks depend on."""
FORMAT = "causalhyper pruning 1"


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """One pruning, of one seed and criterion.

    Attributes
    ----------
    task : PruningTask
        Data and loss.
    settings : PruningSettings
        Lengths and rules.
    criterion : Criterion or None
        None prunes nothing.
    method, run_id : str
        Names in the frames.
    seed : int
        From 0.
    targets : tuple of float or of mappings, or None
        Share pruned, or numbers kept by layer, after each iteration; None leaves it to the
        criterion.
    model, wrapped : Module
        The network, and what averages its gradients over the processes.
    plan : MaskPlan
        The layers that are pruned.
    processes : Processes
        This one among all.
    weights_hash : str
        Of the initial weights.
    """

    task: PruningTask
    settings: PruningSettings
    criterion: Criterion | None
    method: str
    run_id: str
    seed: int
    targets: Targets
    model: nn.Module
    wrapped: nn.Module
    plan: MaskPlan
    processes: Processes
    weights_hash: str

    @property
    def first(self) -> bool:
        """Whether this process writes."""
        return self.processes.first

    @property
    def needs(self) -> Needs:
        """What has to be recorded."""
        return Needs() if self.criterion is None else self.criterion.needs

    @property
    def iterations(self) -> int:
        """Pruning iterations."""
        return 0 if self.criterion is None else self.settings.n_iter

    @property
    def epochs(self) -> int:
        """Epochs in all, at most."""
        settings = self.settings
        each = settings.n_more + settings.n_prune
        return settings.n_pre + self.iterations * each + settings.n_post

    @property
    def key(self) -> str:
        """A hash of what pre-training depends on."""
        early = [getattr(self.settings, name) for name in EARLY]
        words = task_words(self.task)
        early += [words["loss"], words["optimizer"]]
        if self.processes.size == 1:  # each of several has data of its own
            early.append(words["data"]["train"])
        text = json.dumps([self.seed, self.weights_hash, self.processes.size, *early])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def names(self) -> dict[str, Any]:
        """The columns of every frame that say which run."""
        return {"run_id": self.run_id, "seed": self.seed, "method": self.method}

    def epochs_done(self, state: State) -> int:
        """Return how many epochs a state has behind it."""
        before = 0 if state.stage == "made" else self.settings.n_pre
        each = self.settings.n_more + self.settings.n_prune
        return before + state.iteration * each + state.epoch

    def seed_epoch(self, stage: str, iteration: int, epoch: int, loader: object) -> None:
        """Begin an epoch's random numbers: of this process, with an order common to all."""
        words = (stage, iteration, epoch)
        own = derived_seed(self.seed, *words, self.processes.rank)
        seed_everything(own, loader, order=derived_seed(self.seed, *words))

    def describe(self) -> dict[str, Any]:
        """Return what a folder says that it is of."""
        return {
            "format": FORMAT,
            "seed": self.seed,
            "criterion": described(self.criterion),
            "targets": None if self.targets is None else list(self.targets),
            "settings": self.settings.to_dict(),
            "layers": {name: list(shape) for name, shape in self.plan.start.shapes.items()},
            "processes": self.processes.size,
            "initial weights": self.weights_hash,
            **task_words(self.task),
            "run_id": self.run_id,
        }

    def result(self, state: State) -> Pruned:
        """Return the result of the last state."""
        self.model.load_state_dict(dict(state.best))
        self.model.eval()
        masks = self.plan.parameter_masks(state.masks)
        return Pruned(
            model=self.model,
            masks=masks,
            units=state.masks if self.plan.structured else None,
            log=log_frame(state.log, state.seconds, self.names),
            layers=layers_frame(state.layers, self.names),
            dead=_dead_units(self.model, masks, self.task),
            settings=self.settings,
            examples={name: int(state.log[-1][f"{name}_examples"]) for name in SETS},
            **self.names,
        )


def make_run(
    task: PruningTask,
    criterion: str | Criterion,
    sparsity: Sparsity,
    seed: int,
    settings: PruningSettings,
    run_id: str | None,
) -> Run:
    """Make the network and check all that can be checked before training.

    Parameters
    ----------
    task : PruningTask
        Data and loss.
    criterion : str or Criterion
        A name, or one of one's own.
    sparsity : float, sequence of float or None
        See `prune`.
    seed : int
        From 0.
    settings : PruningSettings
        Lengths and rules.
    run_id : str, optional
        Made of method, sparsity and seed unless given.

    Returns
    -------
    Run

    Raises
    ------
    ConfigurationError
        If they do not fit together.
    """
    if not isinstance(settings, PruningSettings):
        raise ConfigurationError(
            f"settings must be PruningSettings; got {type(settings).__name__}: write "
            "PruningSettings(n_pre=...)"
        )
    seed = checked_seed(seed)
    rule = chosen_criterion(criterion)
    method = DENSE if rule is None else rule.name
    check_protocol(settings, method, sparsity, rule)
    check_needs(settings, rule, task)
    seed_everything(derived_seed(seed, "model"))
    model = task.new_model()
    given = isinstance(task.model, nn.Module)
    keep_zeros = given if settings.keep_zeros is None else settings.keep_zeros
    plan = mask_plan(model, task, structured=settings.structured, keep_zeros=keep_zeros)
    processes = Processes.around(model)
    single = float(sparsity) if isinstance(sparsity, Real) else "steps"
    asked = "auto" if sparsity is None else single
    return Run(
        task=task,
        settings=settings,
        criterion=rule,
        method=method,
        run_id=run_id or f"{method}-{asked}-seed{seed}",
        seed=seed,
        targets=sparsity_targets(sparsity, settings, plan),
        model=model,
        wrapped=processes.wrap(model),
        plan=plan,
        processes=processes,
        weights_hash=weights_hash(model),
    )


def _dead_units(model: nn.Module, masks: Masks, task: PruningTask) -> pd.DataFrame | None:
    """Count dead units, where the network has nothing but what that is known of."""
    try:
        return find_dead_units(model, masks, task.train).to_frame()
    except ConfigurationError:
        return None
