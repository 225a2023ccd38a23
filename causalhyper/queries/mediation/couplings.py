"""Cross-world couplings: how the noise of one run in two worlds hangs together."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.queries.experiments.experiment import Experiment, Shared
from causalhyper.scm.draws import Draws, make_sampler

Coupling = Literal["shared", "independent", "antithetic"]
"""Noise of a node in two worlds: the same, drawn anew, or of the opposite rank."""
COUPLED = {
    "shared": "the noise of every node is the same in both worlds",
    "independent": "noise of the witnesses is drawn anew in the other world",
    "antithetic": "noise of the witnesses has the opposite rank in the other world",
}


def check_coupling(coupling: Coupling) -> None:
    """Refuse a coupling that does not exist."""
    if coupling not in get_args(Coupling):
        raise ConfigurationError(
            f"unknown coupling {coupling!r} of the worlds: use "
            f"{', '.join(map(repr, get_args(Coupling)))}"
        )


def alternative(coupling: Coupling) -> Coupling:
    """The coupling that a declared one is held against."""
    return "independent" if coupling == "shared" else "shared"


def couple(
    experiment: Experiment,
    shared: Shared,
    nodes: Collection[str],
    coupling: Coupling,
    copy: int = 1,
) -> Draws:
    """Draws of another world of the same runs: some nodes get other noise, all else stays.

    Parameters
    ----------
    experiment : Experiment
    shared : Shared
        Of the world at hand.
    nodes : collection of str
        Nodes with mechanisms.
    coupling : {"shared", "independent", "antithetic"}
    copy : int
        From 1: which other world, where there are several.

    Returns
    -------
    Draws

    Raises
    ------
    ConfigurationError
        If more than two worlds are to be antithetic.
    """
    if coupling == "shared" or not nodes:
        return shared.draws
    noise = dict(shared.draws.noise)
    if coupling == "antithetic":
        if copy > 1:
            raise ConfigurationError(
                f"{', '.join(nodes)} has more than two values in one comparison, and noise has "
                "only one opposite: use coupling='independent'"
            )
        noise |= {v: _opposite(noise[v]) for v in nodes}
    else:
        sampler = experiment.twin
        if copy > 1:
            rng = np.random.default_rng([experiment.uncertainty.seed, copy])
            count = experiment.sampler.count
            sampler = make_sampler(experiment.model, count, rng, like=experiment.sampler)
        other = sampler.draw(experiment.model, shared.replicates, partners=False)
        noise |= {v: other.noise[v] for v in nodes}
    return replace(shared.draws, noise=noise)


def _opposite(noise: Array) -> Array:
    """The same values, the largest where the smallest was, and so on."""
    ranks = noise.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    return np.take_along_axis(np.sort(noise, axis=-1)[..., ::-1], ranks, axis=-1)
