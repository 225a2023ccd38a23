"""What a pruning is asked for, checked and described before anything is trained."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion, named
from causalhyper.granger.pruning.schedules import sparsity_schedule
from collectors.pruning.mask_plan import MaskPlan
from collectors.pruning.settings import PruningSettings

DENSE = "dense"
"""The name under which nothing is pruned."""
Sparsity = float | Sequence[float] | Sequence[Mapping[str, int]] | None
"""Share pruned in the end; after each iteration; numbers kept; or left to the criterion."""
Targets = tuple[float, ...] | tuple[Mapping[str, int], ...] | None
"""The same of each iteration."""


def chosen_criterion(
    given: str | Criterion, options: Mapping[str, Any] | None = None
) -> Criterion | None:
    """Return the criterion that is meant.

    Parameters
    ----------
    given : str or Criterion
        A name, or one of one's own.
    options : mapping, optional
        Of the criterion that is named.

    Returns
    -------
    Criterion or None
        None prunes nothing.

    Raises
    ------
    ConfigurationError
        If it is neither.
    """
    if isinstance(given, str):
        if given == DENSE:
            return None
        return named(given, **(options or {}))
    if not isinstance(given, Criterion):
        raise ConfigurationError(
            "criterion must be a name, or have name, needs and scores as "
            f"causalhyper.granger.criteria.Criterion says; got {type(given).__name__}"
        )
    return given


def sparsity_targets(sparsity: Sparsity, settings: PruningSettings, plan: MaskPlan) -> Targets:
    """Return the share pruned after each iteration; what is zero already is counted.

    Parameters
    ----------
    sparsity : float, sequence or None
        See `prune`.
    settings : PruningSettings
        Iterations and schedule.
    plan : MaskPlan
        What is zero at the beginning.

    Returns
    -------
    tuple of float or of mappings, or None
        None leaves it to the criterion.

    Raises
    ------
    ConfigurationError
        If a share is out of range, or they fall.
    """
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
    counts = tuple(dict(each) for each in sparsity if isinstance(each, Mapping))
    if counts:
        return _checked_counts(counts, len(sparsity), settings, plan)
    levels = tuple(float(each) for each in sparsity if isinstance(each, int | float))
    rising = all(a <= b for a, b in zip((0.0, *levels), levels, strict=False))
    if len(levels) != settings.n_iter or not rising or levels[-1] >= 1:
        raise ConfigurationError(
            f"the shares pruned after each of {settings.n_iter} iterations must not fall and be "
            f"below 1; got {levels}"
        )
    return tuple(max(level, before) for level in levels)


def check_protocol(settings: PruningSettings, method: str, sparsity: Sparsity) -> None:
    """Refuse to call published what is not.

    Parameters
    ----------
    settings : PruningSettings
        With the label.
    method : str
        The criterion's name.
    sparsity : float, sequence or None
        See `prune`.

    Raises
    ------
    ConfigurationError
        If the label is "published", and criterion or rule are others.
    """
    if settings.protocol == "published" and (method, sparsity) != ("causal-published", None):
        raise ConfigurationError(
            "the published protocol has the criterion 'causal-published', and its penalty decides "
            f"how much is pruned (sparsity=None, --sparsity auto); got {method!r} and "
            f"{sparsity!r}: take PruningSettings() for others"
        )


def _checked_counts(
    counts: tuple[dict[str, int], ...], given: int, settings: PruningSettings, plan: MaskPlan
) -> tuple[Mapping[str, int], ...]:
    """Return numbers kept of each layer, that never rise and are of all layers."""
    before = plan.first_masks.layer_counts()
    steps = zip((before, *counts), counts, strict=False)
    alike = all(set(each) == set(before) for each in counts)
    fits = len(counts) == given == settings.n_iter and alike
    if not fits or any(now[k] > old[k] or now[k] < 0 for old, now in steps for k in before):
        raise ConfigurationError(
            f"numbers kept must be given of the layers {', '.join(before)} after each of "
            f"{settings.n_iter} iterations, from at most {before}, and not rise; got {counts}"
        )
    return counts


def described(criterion: Criterion | None) -> dict[str, Any] | None:
    """Return kind and fields of a criterion as JSON has them.

    Parameters
    ----------
    criterion : Criterion or None
        Where it is a dataclass, with its fields.

    Returns
    -------
    dict or None
    """
    if criterion is None:
        return None
    rule: Any = criterion
    known = dataclasses.fields(rule) if dataclasses.is_dataclass(rule) else ()
    fields = {field.name: getattr(rule, field.name) for field in known}
    fields = json.loads(json.dumps(fields, default=_plain))
    return {"kind": type(criterion).__name__, **fields}


def _plain(value: Any) -> Any:
    """Return what JSON has no word for as its fields, or by its class."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return type(value).__name__


def weights_hash(model: nn.Module) -> str:
    """Return a hash of parameters and buffers.

    Parameters
    ----------
    model : Module
        The network.

    Returns
    -------
    str
        In hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
