"""Designs of the layers that are to be pruned, and scores of columns put back in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.design import GrangerDesign, granger_design
from causalhyper.granger.design.response import Response
from causalhyper.granger.masks.allocation import Scope


def pruning_designs(
    evidence: Evidence,
    name: str,
    *,
    scope: Scope = "layer",
    momentum: bool = False,
    response: Response = "same_minibatch",
) -> tuple[GrangerDesign, ...]:
    """Make the designs of the layers that are to be pruned.

    Parameters
    ----------
    evidence : Evidence
        With a trajectory.
    name : str
        Of the criterion that asks.
    scope : {"layer", "network"}
        A design a layer, or one of all.
    momentum : bool
        Three features an entry.
    response : str
        Which loss change, see `granger_design`.

    Returns
    -------
    tuple of GrangerDesign
        Of parameters, or of units, as the evidence has it.

    Raises
    ------
    ConfigurationError
        If there is no trajectory, or a layer was not recorded in its shape.
    """
    trajectory = evidence.require_trajectory(name)
    features: Literal["momentum", "squares"] = "momentum" if momentum else "squares"
    chosen, share = list(evidence.masks.kept), evidence.share
    if scope == "network":
        found: tuple[GrangerDesign, ...] = (
            granger_design(
                trajectory,
                scope="network",
                layers=chosen,
                features=features,
                share=share,
                response=response,
            ),
        )
    else:
        by_layer = granger_design(
            trajectory, layers=chosen, features=features, share=share, response=response
        )
        found = tuple(by_layer[layer] for layer in chosen)
    sizes = {
        layer: size
        for design in found
        for layer, size in zip(design.layers, design.sizes, strict=True)
    }
    for layer, mask in evidence.entries.kept.items():
        if sizes[layer] != mask.size:
            raise ConfigurationError(
                f"layer {layer!r} has {sizes[layer]} entries in the trajectory and {mask.size} in "
                "its mask: they are of different networks"
            )
    return found


def placed_scores(
    evidence: Evidence, designs: tuple[GrangerDesign, ...], found: list[Array]
) -> dict[str, Array]:
    """Put scores of columns in the shapes of layers.

    Parameters
    ----------
    evidence : Evidence
    designs : tuple of GrangerDesign
    found : list of ndarray
        Of each design, a score a column.

    Returns
    -------
    dict of str to ndarray
        By layer, in its shape or of its units; of the features of an entry the largest; zero
        where it is pruned.
    """
    flat: dict[str, Array] = {}
    for design, scores in zip(designs, found, strict=True):
        entries = scores.reshape(-1, design.groups).max(axis=1)
        parts = np.split(entries, np.cumsum(design.sizes)[:-1])
        flat |= dict(zip(design.layers, parts, strict=True))
    return zero_where_pruned(evidence, flat)


def zero_where_pruned(evidence: Evidence, scores: Mapping[str, Array]) -> dict[str, Array]:
    """Return scores of entries in the shapes of their masks, zero where they are pruned.

    Parameters
    ----------
    evidence : Evidence
    scores : mapping of str to ndarray
        By layer; in any shape with as many entries.

    Returns
    -------
    dict of str to ndarray
        In the order of the masks.
    """
    return {
        name: np.where(mask, scores[name].reshape(mask.shape), 0.0)
        for name, mask in evidence.entries.kept.items()
    }
