"""The moves of a network that a surface is drawn over: drawn at random, or given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.curvature.directions import Direction, random_direction
from collectors.kept import KeptEntries, kept_by_parameter, refuse_live_pruned

Directions = Literal["random"] | Tensor | Sequence[Mapping[str, Tensor]]
"""Drawn and filter-normalised, or given: columns of a (p, k) tensor, or moves by name."""


def moving_entries(
    chosen: Mapping[str, nn.Parameter], masks: KeptEntries | None
) -> dict[str, Tensor]:
    """Find the entries that may move: all, or those that masks keep, the others being zero.

    Parameters
    ----------
    chosen : mapping of str to Parameter
        By name.
    masks : mapping of str to array of bool, or `Masks`, optional
        Of this network.

    Returns
    -------
    dict of str to Tensor of bool

    Raises
    ------
    ConfigurationError
        If the masks do not fit, or prune entries that are not zero.

    Examples
    --------
    >>> moving_entries(dict(nn.Linear(2, 1).named_parameters()), None)["weight"].tolist()
    [[True, True]]
    """
    if masks is None:
        return {name: torch.ones_like(p, dtype=torch.bool) for name, p in chosen.items()}
    kept = kept_by_parameter(chosen, masks)
    refuse_live_pruned(chosen, kept)
    return kept


def moves(
    chosen: Mapping[str, nn.Parameter],
    kept: Mapping[str, Tensor],
    directions: Directions,
    dimensions: int,
    orthogonal: bool,
    generator: torch.Generator,
) -> list[Direction]:
    """Draw the directions, or read those given.

    Parameters
    ----------
    chosen : mapping of str to Parameter
        By name.
    kept : mapping of str to Tensor of bool
        Entries that may move.
    directions : "random", Tensor of shape (p, k), or sequence of k mappings of str to Tensor
        As `loss_surface` takes them.
    dimensions : {1, 2}
        k.
    orthogonal : bool
        Whether the second random direction is made orthogonal to the first.
    generator : Generator
        Of random directions.

    Returns
    -------
    list of dict of str to Tensor, length k

    Raises
    ------
    ConfigurationError
        If given directions do not fit.

    Examples
    --------
    >>> chosen = dict(nn.Linear(2, 1, bias=False).named_parameters())
    >>> line = torch.tensor([[3.0], [4.0]])
    >>> moves(chosen, moving_entries(chosen, None), line, 1, False, torch.Generator())
    [{'weight': tensor([[3., 4.]])}]
    """
    if isinstance(directions, str):
        first = random_direction(chosen, kept, generator)
        if dimensions == 1:
            return [first]
        apart = first if orthogonal else None
        return [first, random_direction(chosen, kept, generator, apart=apart)]
    if isinstance(directions, Tensor):
        found = [_unflattened(chosen, kept, column) for column in directions.T]
    else:
        found = [_by_name(chosen, kept, each) for each in directions]
    if len(found) != dimensions:
        raise ConfigurationError(
            f"a surface of {dimensions} dimensions needs as many directions; got {len(found)}"
        )
    return found


def _unflattened(
    chosen: Mapping[str, nn.Parameter], kept: Mapping[str, Tensor], column: Tensor
) -> Direction:
    """Read a vector of all entries, or of the kept ones."""
    places = torch.cat([mask.reshape(-1) for mask in kept.values()])
    if len(column) not in (len(places), int(places.sum())):
        raise ConfigurationError(
            f"a direction has {len(places)} entries, or {int(places.sum())} where it has those "
            f"alone that move; got {len(column)}"
        )
    whole = torch.zeros(len(places), dtype=column.dtype, device=places.device)
    column = column.detach().to(places.device)
    whole[places] = column if len(column) < len(places) else column[places]
    parts = whole.split([p.numel() for p in chosen.values()])
    return {
        name: part.view_as(p).to(p.dtype)
        for (name, p), part in zip(chosen.items(), parts, strict=True)
    }


def _by_name(
    chosen: Mapping[str, nn.Parameter], kept: Mapping[str, Tensor], given: Mapping[str, Tensor]
) -> Direction:
    """Read moves by parameter name; a parameter without one does not move."""
    unknown = [name for name in given if name not in chosen]
    wrong = [n for n, u in given.items() if n in chosen and u.shape != chosen[n].shape]
    if unknown or wrong:
        raise ConfigurationError(
            "a direction holds moves of the parameters, by name and in their shapes; got unknown "
            f"names {unknown}, other shapes for {wrong}"
        )
    zero = {name: torch.zeros_like(p) for name, p in chosen.items()}
    moved = {name: u.detach().to(chosen[name]) * kept[name] for name, u in given.items()}
    return zero | moved
