"""Whether settings and data give a criterion what it needs."""

from __future__ import annotations

from typing import NoReturn

from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria import Criterion
from collectors.pruning.settings import PruningSettings
from collectors.pruning.tasks import PruningTask


def check_needs(settings: PruningSettings, criterion: Criterion | None, task: PruningTask) -> None:
    """Refuse settings and data that cannot give a criterion what it needs.

    Parameters
    ----------
    settings : PruningSettings
        Of the collecting stage.
    criterion : Criterion or None
        What ranks.
    task : PruningTask
        Its training data.

    Raises
    ------
    ConfigurationError
        If series of the loss are needed, or steps and none is collected, noise meets momentum, or
        an epoch is one minibatch where a fresh one is needed, as far as that is known before
        training.
    """
    if criterion is None:
        return
    needs = criterion.needs
    if needs.series:
        raise ConfigurationError(
            f"the criterion {criterion.name!r} needs series of the loss, which prune does not "
            "record: fill Evidence(series=) in a loop of your own, or take another criterion"
        )
    looks = needs.sums or needs.trajectory or bool(needs.attribution)
    if looks and not settings.n_prune:
        raise ConfigurationError(
            f"the criterion {criterion.name!r} ranks by steps of collecting: n_prune must be at "
            "least 1; got 0"
        )
    if needs.momentum and settings.excitation_noise:
        raise ConfigurationError(
            f"the criterion {criterion.name!r} collects with momentum, which would carry noise "
            "from step to step: take it without momentum, or excitation_noise=0"
        )
    if "fresh" in needs.attribution and isinstance(task.train, tuple):
        raise_one_minibatch()


def raise_one_minibatch() -> NoReturn:
    """Say that there is no minibatch that did not choose the step.

    Raises
    ------
    ConfigurationError
        Always.
    """
    raise ConfigurationError(
        "gradients on a fresh minibatch need two minibatches an epoch at least; the training data "
        "are one: give smaller batches (batch_size= of a DataLoader), or take another criterion"
    )
