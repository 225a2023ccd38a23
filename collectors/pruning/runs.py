"""One pruning: the network with all that stays the same from stage to stage."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion, Needs
from causalhyper.granger.pruning.schedules import sparsity_schedule
from collectors.pruning.frames import layers_frame, log_frame
from collectors.pruning.mask_plan import MaskPlan, mask_plan
from collectors.pruning.processes import Processes
from collectors.pruning.pruned import SETS, Pruned
from collectors.pruning.seeding import derived_seed, seed_everything
from collectors.pruning.settings import PruningSettings
from collectors.pruning.states import State
from collectors.pruning.tasks import PruningTask

DENSE = "dense"
"""The name under which nothing is pruned."""
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
    targets : tuple of float, or None
        Share pruned after each iteration; None leaves it to the criterion.
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
    targets: tuple[float, ...] | None
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
        return settings.n_pre + self.iterations * settings.n_prune + settings.n_post

    @property
    def key(self) -> str:
        """A hash of what pre-training depends on."""
        early = [getattr(self.settings, name) for name in EARLY]
        text = json.dumps([self.seed, self.weights_hash, self.processes.size, *early])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def names(self) -> dict[str, Any]:
        """The columns of every frame that say which run."""
        return {"run_id": self.run_id, "seed": self.seed, "method": self.method}

    def epochs_done(self, state: State) -> int:
        """Return how many epochs a state has behind it."""
        before = 0 if state.stage == "made" else self.settings.n_pre
        return before + state.iteration * self.settings.n_prune + state.epoch

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
            "criterion": _described(self.criterion),
            "targets": None if self.targets is None else list(self.targets),
            "settings": self.settings.to_dict(),
            "layers": {name: list(shape) for name, shape in self.plan.start.shapes.items()},
            "processes": self.processes.size,
            "initial weights": self.weights_hash,
            "run_id": self.run_id,
        }

    def result(self, state: State) -> Pruned:
        """Return the result of the last state."""
        self.model.load_state_dict(dict(state.best))
        self.model.eval()
        return Pruned(
            model=self.model,
            masks=self.plan.parameter_masks(state.masks),
            units=state.masks if self.plan.structured else None,
            log=log_frame(state.log, state.seconds, self.names),
            layers=layers_frame(state.layers, self.names),
            settings=self.settings,
            examples={name: int(state.log[-1][f"{name}_examples"]) for name in SETS},
            **self.names,
        )


def make_run(
    task: PruningTask,
    criterion: str | Criterion,
    sparsity: float | Sequence[float] | None,
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
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ConfigurationError(f"seed must be a whole number from 0; got {seed!r}")
    rule = _criterion(criterion)
    method = DENSE if rule is None else rule.name
    seed_everything(derived_seed(seed, "model"))
    model = task.new_model()
    given = isinstance(task.model, nn.Module)
    keep_zeros = given if settings.keep_zeros is None else settings.keep_zeros
    plan = mask_plan(model, task, structured=settings.structured, keep_zeros=keep_zeros)
    processes = Processes.around(model)
    asked = "auto" if sparsity is None else sparsity if _is_number(sparsity) else "steps"
    return Run(
        task=task,
        settings=settings,
        criterion=rule,
        method=method,
        run_id=run_id or f"{method}-{asked}-seed{seed}",
        seed=seed,
        targets=_targets(sparsity, settings, plan),
        model=model,
        wrapped=processes.wrap(model),
        plan=plan,
        processes=processes,
        weights_hash=_hash(model),
    )


def _criterion(given: str | Criterion) -> Criterion | None:
    if isinstance(given, str):
        if given == DENSE:
            return None
        from causalhyper.granger.criteria import named

        return named(given)
    if not isinstance(given, Criterion):
        raise ConfigurationError(
            "criterion must be a name, or have name, needs and scores as "
            f"causalhyper.granger.criteria.Criterion says; got {type(given).__name__}"
        )
    return given


def _targets(
    sparsity: float | Sequence[float] | None, settings: PruningSettings, plan: MaskPlan
) -> tuple[float, ...] | None:
    """Return the share pruned after each iteration; what is zero already is counted."""
    if sparsity is None:
        return None
    before = plan.first_masks.sparsity
    if isinstance(sparsity, int | float):
        if not 0 <= sparsity < 1:
            raise ConfigurationError(
                f"sparsity must be a share in [0, 1); got {sparsity!r}: 90% is 0.9"
            )
        final = max(float(sparsity), before)
        kind = settings.schedule
        return sparsity_schedule(final, settings.n_iter, kind=kind, initial=before)
    levels = tuple(map(float, sparsity))
    rising = all(a <= b for a, b in zip((0.0, *levels), levels, strict=False))
    if len(levels) != settings.n_iter or not rising or levels[-1] >= 1:
        raise ConfigurationError(
            f"the shares pruned after each of {settings.n_iter} iterations must not fall and be "
            f"below 1; got {levels}"
        )
    return tuple(max(level, before) for level in levels)


def _described(criterion: Criterion | None) -> dict[str, Any] | None:
    if criterion is None:
        return None
    rule: Any = criterion
    fields = dataclasses.asdict(rule) if dataclasses.is_dataclass(rule) else {}
    fields = json.loads(json.dumps(fields, default=lambda value: type(value).__name__))
    return {"kind": type(criterion).__name__, **fields}


def _hash(model: nn.Module) -> str:
    """Return a hash of parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
