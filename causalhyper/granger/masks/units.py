"""Units: the output channels or neurons of a layer, along its first axis."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks.masks import Masks


def expand_units(units: Masks, shapes: Mapping[str, tuple[int, ...]]) -> Masks:
    """Return masks of parameters that keep all parameters of the units kept.

    Parameters
    ----------
    units : Masks
        By layer, of shape (units,).
    shapes : mapping of str to tuple of int
        Of the same layers; the first axis counts units.

    Returns
    -------
    Masks
        In these shapes.

    Raises
    ------
    ConfigurationError
        If layers differ, or a layer has another number of units.

    Examples
    --------
    >>> units = Masks({"fc": np.array([True, False])})
    >>> expand_units(units, {"fc": (2, 3)}).kept["fc"].tolist()
    [[True, True, True], [False, False, False]]
    """
    if set(shapes) != set(units.kept):
        raise ConfigurationError(
            f"expected the shape of every layer of the unit masks, {sorted(units.kept)}; got "
            f"{sorted(shapes)}"
        )
    kept = {}
    for name, mask in units.kept.items():
        shape = tuple(shapes[name])
        if mask.shape != shape[:1]:
            raise ConfigurationError(
                f"the unit mask of layer {name!r} has shape {mask.shape}; a layer of shape "
                f"{shape} needs {shape[:1]}, one entry for each of its first axis"
            )
        wide = mask.reshape(-1, *[1] * (len(shape) - 1))
        kept[name] = np.broadcast_to(wide, shape).copy()
    return Masks(kept)


def units_of(masks: Masks) -> Masks:
    """Return masks of units that keep a unit of which any parameter is kept.

    Parameters
    ----------
    masks : Masks
        Of parameters.

    Returns
    -------
    Masks
        By layer, of shape (units,).

    Raises
    ------
    ConfigurationError
        If a layer is a single number.

    Examples
    --------
    >>> masks = Masks({"fc": np.array([[True, False], [False, False]])})
    >>> units_of(masks).kept["fc"].tolist()
    [True, False]
    """
    for name, shape in masks.shapes.items():
        _check_axis(name, shape)
    return Masks(
        {
            name: np.asarray(mask.reshape(len(mask), -1).any(axis=1))
            for name, mask in masks.kept.items()
        }
    )


def sum_units(scores: Mapping[str, Array]) -> dict[str, Array]:
    """Add the scores of the parameters of each unit.

    Parameters
    ----------
    scores : mapping of str to ndarray
        By layer, in its shape.

    Returns
    -------
    dict of str to ndarray
        By layer, of shape (units,).

    Raises
    ------
    ConfigurationError
        If a layer is a single number.

    Examples
    --------
    >>> sum_units({"fc": np.array([[1.0, 2.0], [0.0, 5.0]])})["fc"].tolist()
    [3.0, 5.0]
    """
    for name, values in scores.items():
        _check_axis(name, values.shape)
    return {name: values.reshape(len(values), -1).sum(axis=1) for name, values in scores.items()}


def _check_axis(name: str, shape: tuple[int, ...]) -> None:
    if not shape:
        raise ConfigurationError(
            f"layer {name!r} is a single number and has no units: prune its parameters, or leave "
            "it out"
        )
