"""What a pruning is asked for, checked and described before anything is trained."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import (
    CausalElasticNet,
    CausalLasso,
    Criterion,
    Published,
    named,
)
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
        If a share is out of range, they fall, the last is below what is zero already, or the
        minimum of the settings forbids it.
    """
    if sparsity is None:
        return None
    before = plan.first_masks.sparsity
    if isinstance(sparsity, Real):
        _check_zeros(checked_share(sparsity), plan)
        final = max(float(sparsity), before)
        kind = settings.schedule
        levels = sparsity_schedule(final, settings.n_iter, kind=kind, initial=before)
    else:
        given = _listed(sparsity)
        counts = tuple(dict(each) for each in given if isinstance(each, Mapping))
        if counts:
            return _checked_counts(counts, len(given), settings, plan)
        shares = _checked_levels(given, settings)
        _check_zeros(shares[-1], plan)
        levels = tuple(max(each, before) for each in shares)
    _check_minimum(levels[-1], settings, plan)
    return levels


def checked_share(sparsity: object) -> float:
    """Return a share that may be pruned in the end.

    Parameters
    ----------
    sparsity : float
        Of Python or numpy.

    Returns
    -------
    float
        In [0, 1).

    Raises
    ------
    ConfigurationError
        If it is out of range.
    """
    if not isinstance(sparsity, Real) or not 0 <= float(sparsity) < 1:
        raise ConfigurationError(
            f"sparsity must be a share in [0, 1); got {sparsity!r}: 90% is 0.9"
        )
    return float(sparsity)


def checked_seed(seed: object) -> int:
    """Return a seed as the frames hold it.

    Parameters
    ----------
    seed : int
        Of Python or numpy.

    Returns
    -------
    int
        From 0, of 63 bits.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= int(seed) < 2**63:
        raise ConfigurationError(
            f"seed must be a whole number from 0 and below 2**63; got {seed!r}"
        )
    return int(seed)


def _listed(sparsity: object) -> list[object]:
    if isinstance(sparsity, str | Mapping) or not isinstance(sparsity, Iterable):
        raise ConfigurationError(
            "sparsity must be a share such as 0.9, a sequence of one an iteration, or None; got "
            f"{sparsity!r}"
        )
    return list(sparsity)


def _checked_levels(given: list[object], settings: PruningSettings) -> list[float]:
    levels = [float(each) for each in given if isinstance(each, Real)]
    rising = all(a <= b for a, b in zip((0.0, *levels), levels, strict=False))
    fits = len(levels) == len(given) == settings.n_iter
    if not fits or not rising or levels[-1] >= 1:
        raise ConfigurationError(
            f"the shares pruned after each of {settings.n_iter} iterations must not fall and be "
            f"below 1; got {given}"
        )
    return levels


def _check_zeros(final: float, plan: MaskPlan) -> None:
    """Refuse a share below what counts as pruned in the beginning; 0 prunes nothing more."""
    sizes = [mask.size for mask in plan.first_masks.kept.values()]
    before = plan.first_masks.sparsity
    if final > 0 and round(final * sum(sizes)) < round(before * sum(sizes)):
        raise ConfigurationError(
            f"sparsity {final:g} is below {before:g}, the share of what may be pruned that is "
            "zero already and stays so: ask for more, or let zeros train (keep_zeros=False)"
        )


def _check_minimum(final: float, settings: PruningSettings, plan: MaskPlan) -> None:
    """Refuse before training what the last ranking would refuse."""
    masks = plan.first_masks
    least = sum(min(settings.minimum, left) for left in masks.layer_counts().values())
    count = round((1 - final) * sum(mask.size for mask in masks.kept.values()))
    if settings.scope == "network" and least > count:
        raise ConfigurationError(
            f"a minimum of {settings.minimum} in each of {len(masks.kept)} layers keeps {least} "
            f"entries; sparsity {final:g} leaves {count}: lower one of them"
        )


def only_ranks(criterion: Criterion | None) -> bool:
    """Return whether a criterion of this package gives no score of 0 by which it chooses.

    Parameters
    ----------
    criterion : Criterion or None
        Of one's own: whether it chooses is not known, and False.

    Returns
    -------
    bool

    Examples
    --------
    >>> only_ranks(named("magnitude")), only_ranks(named("causal-published"))
    (True, False)
    """
    inner = getattr(criterion, "criterion", criterion)
    if isinstance(inner, Published):
        return False
    if isinstance(inner, CausalLasso | CausalElasticNet):
        return inner.penalty is None
    return type(inner).__module__.startswith("causalhyper.granger.criteria")


def check_protocol(
    settings: PruningSettings, method: str, sparsity: Sparsity, rule: Criterion | None = None
) -> None:
    """Refuse to call published what is not, and to leave to a criterion what it does not say.

    Parameters
    ----------
    settings : PruningSettings
        With the label.
    method : str
        The criterion's name.
    sparsity : float, sequence or None
        See `prune`.
    rule : Criterion, optional
        That of the method.

    Raises
    ------
    ConfigurationError
        If the label is "published", and criterion or rule are others, or the sparsity is left to
        a criterion that only ranks.
    """
    if sparsity is None and method != DENSE and only_ranks(rule):
        raise ConfigurationError(
            f"the criterion {method!r} ranks, and does not say how much is pruned: give a "
            "sparsity, or take one that does (causal-published, or causal-lasso with a penalty)"
        )
    if settings.protocol == "published" and (method != "causal-published" or sparsity is not None):
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
