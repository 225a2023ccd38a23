"""How a network is pruned: lengths of the stages, optimisers, rules."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from causalhyper.errors import ConfigurationError
from causalhyper.granger.pruning.schedules import ScheduleKind

Rewind = Literal["pretrained", "initial", "none"]
Scope = Literal["layer", "network"]
Protocol = Literal["default", "published"]


@dataclass(frozen=True, slots=True)
class PruningSettings:
    """Lengths of the stages and rules of a pruning; the paper's unless given.

    Attributes
    ----------
    n_pre, n_iter, n_prune, n_post : int
        Epochs of pre-training; pruning iterations; epochs of collecting in each; most epochs of
        post-training. With `n_more` there need be no collecting (0) for criteria that rank by
        weights or gradients.
    learning_rate : float
        Of Adam, before and after pruning, unless the task has its own optimiser.
    collecting_rate : float
        Of SGD while collecting.
    momentum : float
        Of SGD while collecting, for criteria that ask for it; others collect without.
    patience : int
        Epochs without a gain after which post-training ends.
    tolerance : float
        Decrease of the training loss, in its units, that is a gain.
    schedule : {"cubic", "geometric", "linear"}
        Way to the final sparsity, see `sparsity_schedule`.
    scope : {"network", "layer"}
        Whether parameters of all layers are ranked together, or those of each layer alone.
    minimum : int
        Parameters (or units) kept of each layer at least.
    rewind : {"pretrained", "initial", "none"}
        Weights from which training goes on after each pruning: those after pre-training, those
        before it, or those that collecting left.
    structured : bool
        Prune units (output channels, neurons) rather than parameters.
    keep_zeros : bool or None
        Whether zeros of the prunable parameters, at the beginning, count as pruned before. None:
        those of a network that is given do, those that a function makes do not. A layer that is
        zero as a whole is taken to be new, not pruned.
    checkpoint_every : int
        Epochs of post-training after which a checkpoint is written.
    protocol : {"default", "published"}
        A label: "published" by `published_settings`.
    n_more : int
        Epochs by the optimiser of pre-training before each collecting stage, so that a criterion
        ranks later weights; training goes back all the same, as `rewind` says.
    excitation_noise : float
        While collecting, the standard deviation of normal noise that is added to the change of
        each parameter kept, in units of the root mean square of the gradient's part of the change.
    excitation_spread : float
        While collecting, each step's rate is `collecting_rate` times a number drawn log-uniformly
        from 1 / spread to spread; from 1.

    Raises
    ------
    ConfigurationError
        If a number is out of range or a word unknown.

    Notes
    -----
    Source: Shah et al., "A Granger-causal perspective on gradient descent with application to
    pruning", algorithm 1 and appendix C.

    Examples
    --------
    >>> settings = PruningSettings(n_iter=2)
    >>> settings.n_iter, settings.n_pre, settings.n_post
    (2, 10, 200)
    """

    n_pre: int = 10
    n_iter: int = 10
    n_prune: int = 10
    n_post: int = 200
    learning_rate: float = 5e-4
    collecting_rate: float = 1e-3
    momentum: float = 0.9
    patience: int = 5
    tolerance: float = 1e-4
    schedule: ScheduleKind = "cubic"
    scope: Scope = "network"
    minimum: int = 1
    rewind: Rewind = "pretrained"
    structured: bool = False
    keep_zeros: bool | None = None
    checkpoint_every: int = 10
    protocol: Protocol = "default"
    n_more: int = 0
    excitation_noise: float = 0.0
    excitation_spread: float = 1.0

    def __post_init__(self) -> None:
        lowest = {
            "n_more": 0, "n_pre": 0, "n_iter": 1, "n_prune": 0 if self.n_more else 1, "n_post": 0,
            "patience": 1, "minimum": 0, "checkpoint_every": 1,
        }  # fmt: skip
        for name, least in lowest.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigurationError(
                    f"{name} must be a whole number from {least}; got {value!r}"
                )
        numbers = (
            "learning_rate", "collecting_rate", "momentum", "tolerance", "excitation_noise",
            "excitation_spread",
        )  # fmt: skip
        for name in numbers:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ConfigurationError(f"{name} must be a number; got {value!r}")
        for name, flags in {
            "structured": (True, False),
            "keep_zeros": (True, False, None),
        }.items():
            if not any(getattr(self, name) is flag for flag in flags):
                raise ConfigurationError(
                    f"{name} must be one of {flags}; got {getattr(self, name)!r}"
                )
        for name in ("learning_rate", "collecting_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigurationError(
                    f"{name} must be finite and above 0; got {getattr(self, name)!r}"
                )
        if not 0 <= self.momentum < 1 or not 0 <= self.tolerance < math.inf:
            raise ConfigurationError(
                "expected a momentum in [0, 1) and a tolerance from 0; got "
                f"{self.momentum!r} and {self.tolerance!r}"
            )
        for name, least in {"excitation_noise": 0, "excitation_spread": 1}.items():
            if not least <= getattr(self, name) < math.inf:
                raise ConfigurationError(
                    f"{name} must be finite and at least {least}; got {getattr(self, name)!r}"
                )
        words = {
            "schedule": ScheduleKind, "scope": Scope, "rewind": Rewind, "protocol": Protocol,
        }  # fmt: skip
        for name, kind in words.items():
            if getattr(self, name) not in get_args(kind):
                raise ConfigurationError(
                    f"{name} must be one of {', '.join(get_args(kind))}; got "
                    f"{getattr(self, name)!r}"
                )

    @property
    def excited(self) -> bool:
        """Whether collecting steps are excited."""
        return self.excitation_noise > 0 or self.excitation_spread > 1

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return dataclasses.asdict(self)


def published_settings(**changes: Any) -> PruningSettings:
    """Return the settings of the paper, where they differ from the defaults.

    Each layer is cut by its own regression, nothing is kept of a layer that the regression finds
    without influence, and zeros of the beginning are no pruning. With the criterion
    ``"causal-published"``, which takes the loss of the next minibatch, and without a sparsity,
    which leaves it to the penalty how much is pruned, this is the paper's procedure. One thing is
    not followed: the paper's code takes the best epoch by the test set; here it is by validation.

    Parameters
    ----------
    **changes
        Fields of `PruningSettings` that are to differ, such as shorter stages.

    Returns
    -------
    PruningSettings
        Labelled "published".

    Examples
    --------
    >>> published_settings().minimum, published_settings(n_pre=2).protocol
    (0, 'published')
    """
    fixed: dict[str, Any] = {"scope": "layer", "minimum": 0, "rewind": "pretrained"}
    own = {"protocol", "structured", "keep_zeros", "n_more", "excitation_noise"}
    if taken := sorted(set(changes) & {*fixed, *own, "excitation_spread"}):
        raise ConfigurationError(
            f"the published protocol fixes {', '.join(taken)}: change other settings, or begin "
            "from PruningSettings()"
        )
    return PruningSettings(**fixed, keep_zeros=False, protocol="published", **changes)
